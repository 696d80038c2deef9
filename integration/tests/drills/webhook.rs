//! The end of an alert's way: what Alertmanager sends to a webhook.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use integration::eventually_blocking;
use serde_json::Value;

/// The machine may be busy, and some alerts look back over half a divided hour.
const DEADLINE: Duration = Duration::from_secs(240);

/// A receiver of notifications.
pub(crate) struct Webhook {
    port: u16,
    /// Receiver and alert, in the order in which they came.
    got: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Webhook {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let into = got.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some((receiver, body)) = read(stream) {
                    let alerts = body["alerts"].as_array().cloned().unwrap_or_default();
                    into.lock().unwrap().extend(alerts.into_iter().map(|alert| (receiver.clone(), alert)));
                }
            }
        });
        Self { port, got }
    }

    /// Where a receiver of Alertmanager sends to.
    pub(crate) fn url(&self, receiver: &str) -> String {
        format!("http://127.0.0.1:{}/{receiver}", self.port)
    }

    /// All that came.
    pub(crate) fn all(&self) -> Vec<(String, Value)> {
        self.got.lock().unwrap().clone()
    }

    /// Waits until the last word on an alert is `status` (firing, resolved); gives it.
    pub(crate) fn wait_for(&self, name: &str, labels: &[(&str, &str)], status: &str) -> Value {
        eventually_blocking(DEADLINE, || {
            let all = self.all();
            let last = all.iter().rev().find(|(_, alert)| is(alert, name, labels));
            match last {
                Some((_, alert)) if alert["status"] == status => Ok(alert.clone()),
                _ => Err(format!(
                    "{name} {labels:?} is not {status}; it came: {:?}",
                    all.iter()
                        .map(|(_, a)| format!("{} {}", a["labels"]["alertname"], a["status"]))
                        .collect::<Vec<_>>()
                )),
            }
        })
    }
}

/// Whether an alert has this name and these labels.
pub(crate) fn is(alert: &Value, name: &str, labels: &[(&str, &str)]) -> bool {
    alert["labels"]["alertname"] == name
        && labels.iter().all(|(label, value)| alert["labels"][label] == *value)
}

/// A request: the path's name, and its JSON body.
fn read(mut stream: TcpStream) -> Option<(String, Value)> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let receiver = line.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
    Some((receiver, serde_json::from_slice(&body).ok()?))
}
