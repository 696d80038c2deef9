//! `ampwarden trace`: what goes over the wire is shown in both directions, without its secrets, and harms nobody.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use integration::station::{DEADLINE, Station};
use integration::{Gateway, LOOKER, binary, unique};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::without_store;

/// More than the queue of one who looks, and what the system keeps for a connection.
const FRAMES: usize = 700;

/// A running `ampwarden trace`; ended with the test.
struct Trace {
    child: Child,
    lines: Receiver<Value>,
}

impl Trace {
    fn start(gateway: &Gateway, station: &str, more: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(["trace", station, "--json"])
            .args(more)
            .env("AMPWARDEN_API", gateway.api())
            .env("AMPWARDEN_API_TOKEN", gateway.token())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        let trace = Self { child, lines };
        trace.until(|line| line["kind"] == "begin");
        trace
    }

    /// What it shows until there is such a line; all of it.
    fn until(&self, is_wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut shown = Vec::new();
        loop {
            let line = self.lines.recv_timeout(DEADLINE);
            let line = line.unwrap_or_else(|error| panic!("{error}; so far {shown:#?}"));
            let found = is_wanted(&line);
            shown.push(line);
            if found {
                return shown;
            }
        }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn says(line: &Value, direction: &str, part: &str) -> bool {
    line["direction"] == direction && line["text"].as_str().is_some_and(|text| text.contains(part))
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_shown_as_they_go_by_and_secrets_are_not() {
    let mut gateway = without_store("ping_interval = \"200ms\"");
    let (name, other) = (unique("SHOWN"), unique("OTHER"));
    let trace = Trace::start(&gateway, &name, &[]);
    let mut beside = Station::connect(&gateway, &other).await;
    beside.boot(false).await;
    let mut station = Station::connect(&gateway, &name).await;
    station.boot(false).await;
    station.call("a", "Authorize", &json!({"idTag": "S3CRET-CARD"})).await;
    station.send_text(r#"[2,"odd" , "Heartbeat",{}]"#).await.unwrap();
    station.message().await.unwrap();
    let set = json!({"command": "set_configuration",
        "parameters": {"key": "AuthorizationKey", "value": "S3CRET-KEY-OF-STATION"}});
    let path = format!("/v1/stations/{name}/commands");
    let (status, issued) = gateway.ask(gateway.token(), ("POST", &path), &[], Some(&set)).unwrap();
    assert_eq!(status, 202, "{issued}");
    assert_eq!(
        station.message().await.unwrap()[3]["value"],
        "S3CRET-KEY-OF-STATION",
        "the station gets it as it is"
    );
    station.send_text(&format!("[3,{},{{\"status\":\"Accepted\"}}]", issued["id"])).await.unwrap();
    station.send_text("[2,\"x\",\"Authorize\",{\"idTag\":\"S3CRET-CARD\"").await.unwrap();
    // Pings are answered while it reads.
    station.message().await.unwrap();
    station.call("h", "Heartbeat", &json!({})).await;
    // It stays for a ping.
    let mut shown = trace.until(|line| line["kind"] == "ping");
    station.vanish();
    shown.extend(trace.until(|line| line["kind"] == "disconnected"));

    let text = shown.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    assert!(!text.contains("S3CRET") && !text.contains(&other), "{text}");
    assert_eq!(text.matches("sealed:").count(), 3, "{text}");
    assert!(shown.iter().any(|line| line["kind"] == "connected"), "{text}");
    assert!(shown.iter().any(|line| says(line, "in", "\"BootNotification\"")), "{text}");
    assert!(shown.iter().any(|line| says(line, "out", "\"status\":\"Accepted\"")), "{text}");
    assert!(shown.iter().any(|line| says(line, "out", "\"ChangeConfiguration\"")), "{text}");
    assert!(shown.iter().any(|line| says(line, "in", r#"[2,"odd" , "Heartbeat",{}]"#)), "as it came: {text}");
    assert!(shown.iter().any(|line| line["kind"] == "ping" && line["direction"] == "out"), "{text}");
    drop(trace);

    // For a time: it ends by itself, with status 0. For people, not programs.
    let told = gateway.command(&["trace", &other, "--for", "1s"]);
    assert!(told.contains("the time is over") && told.contains("> (ping)"), "{told}");
    // Who may only look at what is stored does not see it.
    let path = format!("/v1/stations/{name}/trace");
    let (status, problem) = gateway.ask(LOOKER, ("GET", &path), &[], None).unwrap();
    assert_eq!(status, 403, "{problem}");
    let (status, problem) =
        gateway.ask(gateway.token(), ("GET", &format!("{path}?for=8d")), &[], None).unwrap();
    assert_eq!(status, 400, "{problem}");

    // One who looks does not keep the gateway from stopping, and is told.
    let trace = Trace::start(&gateway, &other, &[]);
    gateway.stop();
    let last = trace.until(|line| line["kind"] == "end").pop().unwrap();
    assert_eq!(last["text"], "the gateway is stopping");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_too_slow_loses_frames_and_is_told() {
    let mut gateway = without_store("max_messages_per_second = 0");
    let name = unique("SLOW");
    // What the system keeps for it is little, so that the gateway's own queue is soon full.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let address = gateway.api().trim_start_matches("http://").parse().unwrap();
    let mut reader = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /v1/stations/{name}/trace HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\n\r\n",
        gateway.token()
    );
    reader.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 512];
    let read = timeout(DEADLINE, reader.read(&mut head)).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&head[..read]).starts_with("HTTP/1.1 200 "));
    // It does not read on; the station is answered all the same.
    let mut station = Station::connect(&gateway, &name).await;
    station.boot(false).await;
    let data = json!({ "vendorId": "x", "data": "y".repeat(15_000) });
    for n in 0..FRAMES {
        station.call(&n.to_string(), "DataTransfer", &data).await;
    }
    let read = tokio::spawn(async move {
        let mut text = String::new();
        let mut buffer = vec![0; 64 * 1024];
        while !text.contains("frames were left out") {
            let read = timeout(DEADLINE, reader.read(&mut buffer)).await.unwrap().unwrap();
            assert!(read > 0, "the gateway ended it");
            text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        text
    });
    // What is left out is told with the next frame that is not.
    let go_on = async {
        while !read.is_finished() {
            station.call("h", "Heartbeat", &json!({})).await;
        }
    };
    timeout(2 * DEADLINE, go_on).await.expect("it is told");
    assert!(read.await.unwrap().contains("\"kind\":\"left_out\""));
    gateway.stop();
}
