//! Clients that do what they should not, over raw sockets, while a fleet lives beside them: none of its messages is
//! lost, each refusal is counted by reason, and the log says what to do about it.

use std::time::Duration;

use integration::servers::{QuestDb, QuestDbOptions, free_port};
use integration::{Gateway, eventually, unique};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::fleet::{Fleet, compare};
use integration::station::{DEADLINE, STORE_FILES, Station, metric, open_files, quantile, resident_mib};

/// Messages of a flood: far more than a second's worth.
const FLOOD: usize = 900;
/// Calls of the station beside it.
const BESIDE: usize = 100;
/// Sockets of each kind that does nothing good.
const SOCKETS: usize = 40;

fn upgrade(station: &str) -> String {
    format!(
        "GET /{station} HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    )
}

/// A masked text frame; its mask is zero, so that the payload goes as it is.
fn frame(payload: &str) -> Vec<u8> {
    let mut bytes = vec![0x81];
    match u16::try_from(payload.len()) {
        Ok(length) if length < 126 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        Ok(length) => {
            bytes.push(0x80 | 126);
            bytes.extend(length.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0x80 | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload.as_bytes());
    bytes
}

struct Harm<'a> {
    gateway: &'a Gateway,
    ocpp: u16,
    tls: u16,
    mqtt: u16,
}

impl Harm<'_> {
    async fn connect(&self, port: u16) -> TcpStream {
        TcpStream::connect(("127.0.0.1", port)).await.unwrap()
    }

    /// A raw connection with the handshake done.
    async fn raw_station(&self, station: &str) -> TcpStream {
        self.raw_station_on(self.connect(self.ocpp).await, station).await
    }

    async fn raw_station_on(&self, mut stream: TcpStream, station: &str) -> TcpStream {
        let answer = ask(&mut stream, upgrade(station).as_bytes(), "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        stream
    }

    fn counted(&self, name: &str, reason: &str) -> f64 {
        metric(self.gateway, &format!("ampwarden_{name}_total{{reason=\"{reason}\"}}"))
    }

    /// Waits until as many more were counted, and the log says what to do.
    async fn is_told(&self, name: &str, reason: &str, before: f64, more: usize, advice: &str) {
        let wanted = before + f64::from(u32::try_from(more).unwrap());
        eventually(DEADLINE, || async {
            let now = self.counted(name, reason);
            if now < wanted {
                return Err(format!("{name} {reason}: {now} counted, {wanted} wanted"));
            }
            let log = self.gateway.process().log();
            if log.contains(advice) { Ok(()) } else { Err(format!("the log does not say \"{advice}\"")) }
        })
        .await;
    }

    /// Requests that come byte by byte, and never end.
    async fn slow_loris(&self) {
        let before = self.counted("refused", "handshake_timeout");
        let dribbling = (0..SOCKETS).map(|_| async {
            let mut stream = self.connect(self.ocpp).await;
            for byte in upgrade("LORIS").bytes().cycle() {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                // Until it is closed, or the next byte is due.
                let mut answer = [0; 64];
                if let Ok(Ok(0) | Err(_)) =
                    timeout(Duration::from_millis(100), stream.read(&mut answer)).await
                {
                    return;
                }
            }
        });
        timeout(DEADLINE, futures_util::future::join_all(dribbling)).await.expect("all are closed");
        self.is_told("refused", "handshake_timeout", before, SOCKETS, "gateway.ocpp.handshake_timeout").await;
    }

    /// A TLS handshake that begins and does not go on, and a client that does not speak TLS at all.
    async fn half_a_tls_handshake(&self) {
        let before = self.counted("refused", "tls");
        let mut half = self.connect(self.tls).await;
        half.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).await.unwrap();
        let mut plain = self.connect(self.tls).await;
        plain.write_all(upgrade("PLAIN").as_bytes()).await.unwrap();
        closed(&mut half).await;
        closed(&mut plain).await;
        self.is_told("refused", "tls", before, 2, "TLS handshake not finished in time").await;
        assert!(self.gateway.process().log().contains("does the station speak TLS"));
    }

    /// What is no HTTP at all.
    async fn no_http(&self) {
        let before = self.counted("refused", "bad_request");
        let mut stream = self.connect(self.ocpp).await;
        let answer = ask(&mut stream, b"\x00\x01\x02 hello\r\n\r\n", "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        self.is_told("refused", "bad_request", before, 1, "this is no HTTP request").await;
    }

    /// Half a frame and silence; and a peer that is not there any more, as far as anybody can see: it answers no ping.
    async fn silence(&self) {
        let before = self.counted("disconnects", "idle");
        let mut silent = Vec::new();
        for number in 0..SOCKETS {
            let mut half = self.raw_station(&format!("HALF-{number}")).await;
            // 60,000 bytes are promised, ten come.
            half.write_all(&[0x81, 0x80 | 126, 0xEA, 0x60, 0, 0, 0, 0]).await.unwrap();
            half.write_all(b"[2,\"1\",\"He").await.unwrap();
            silent.push(half);
            silent.push(self.raw_station(&format!("GONE-{number}")).await);
        }
        for stream in &mut silent {
            closed(stream).await;
        }
        self.is_told("disconnects", "idle", before, 2 * SOCKETS, "gateway.ocpp.idle_timeout").await;
    }

    /// A frame over the limit: 1009.
    async fn too_large(&self) {
        let before = self.counted("disconnects", "too_large");
        let mut stream = self.raw_station("LARGE").await;
        // The gateway closes before it has read all of it.
        let _ = stream.write_all(&frame(&"x".repeat(70_000))).await;
        let mut last = Vec::new();
        let _ = timeout(DEADLINE, stream.read_to_end(&mut last)).await.expect("closed");
        assert!(
            last.windows(4).any(|w| w[0] == 0x88 && w[2..] == 1009_u16.to_be_bytes()),
            "no 1009: {last:?}"
        );
        self.is_told("disconnects", "too_large", before, 1, "gateway.ocpp.max_frame_bytes").await;
    }

    /// A station that sends and never reads its answers.
    async fn never_reads(&self) {
        let before = self.counted("disconnects", "slow");
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2_048).unwrap();
        let stream = socket.connect(([127, 0, 0, 1], self.ocpp).into()).await.unwrap();
        let mut stream = self.raw_station_on(stream, "DEAF").await;
        let id = "x".repeat(200);
        let beat = frame(&format!(r#"[2,"{id}","Heartbeat",{{}}]"#));
        let flood = async { while stream.write_all(&beat).await.is_ok() {} };
        // It must fill what the system keeps for it first, one journaled answer after the other.
        timeout(4 * DEADLINE, flood).await.expect("the gateway closes it");
        self.is_told("disconnects", "slow", before, 1, "gateway.ocpp.write_timeout").await;
    }

    /// One station floods: it is slowed and answered in its order; the one beside it does not notice.
    async fn flood(&self) {
        let slowed = "ampwarden_slowed_total{protocol=\"ocpp1.6\"}";
        let before = metric(self.gateway, slowed);
        let (flooding, beside) = (unique("FLOOD"), unique("BESIDE"));
        let mut beside = Station::connect(self.gateway, &beside).await;
        let mut alone = calls(&mut beside).await;
        let mut station = Station::connect(self.gateway, &flooding).await;
        let flood = tokio::spawn(async move {
            for n in 0..FLOOD {
                station.send(&n.to_string(), "Heartbeat", &json!({})).await.unwrap();
            }
            for n in 0..FLOOD {
                let (answered, _) = station.answer().await.unwrap();
                assert_eq!(answered, n.to_string(), "answers come in order");
            }
        });
        // Its neighbour goes on for as long as the flood lasts.
        let mut during = Vec::new();
        while !flood.is_finished() {
            during.extend(calls(&mut beside).await);
        }
        flood.await.unwrap();
        assert!(metric(self.gateway, slowed) > before, "it was not slowed");
        assert!(self.gateway.process().log().contains("gateway.ocpp.max_messages_per_second"));
        println!(
            "flood: {} calls beside it took p50 {:?}, p99 {:?}; without it p50 {:?}, p99 {:?}",
            during.len(),
            quantile(&mut during, 0.5),
            quantile(&mut during, 0.99),
            quantile(&mut alone, 0.5),
            quantile(&mut alone, 0.99)
        );
    }

    /// A station that reconnects without a pause does not use up what all may.
    async fn hammers(&self) {
        let before = self.counted("refused", "station_handshake_rate");
        let mut told = 0;
        for _ in 0..SOCKETS {
            let mut stream = self.connect(self.ocpp).await;
            let answer = ask(&mut stream, upgrade("HAMMER").as_bytes(), "\r\n\r\n").await;
            if answer.starts_with("HTTP/1.1 503 ") {
                assert!(answer.contains("retry-after: "), "{answer}");
                told += 1;
            }
        }
        assert!(told > 0, "nothing slowed it");
        assert!(
            Station::try_connect(self.gateway, &unique("OTHER")).await.is_ok(),
            "another one comes in at once"
        );
        self.is_told("refused", "station_handshake_rate", before, told, "max_handshakes_per_station").await;
    }

    /// One connection more than there may be.
    async fn one_too_many(&self, fleet: usize) {
        let before = self.counted("refused", "max_connections");
        let mut open = Vec::new();
        let told = loop {
            assert!(open.len() <= 300, "no limit of connections");
            let mut stream = self.connect(self.ocpp).await;
            let station = format!("MANY-{}", open.len());
            let answer = ask(&mut stream, upgrade(&station).as_bytes(), "\r\n\r\n").await;
            if !answer.starts_with("HTTP/1.1 101 ") {
                break answer;
            }
            open.push(stream);
        };
        assert!(told.starts_with("HTTP/1.1 503 ") && told.contains("retry-after: "), "{told}");
        assert!(open.len() + fleet >= 280, "only {} came in", open.len());
        self.is_told("refused", "max_connections", before, 1, "gateway.ocpp.max_connections").await;
    }

    /// The same for MQTT: no CONNECT, something else, a packet over the limit.
    async fn bad_mqtt(&self) {
        let before =
            ["connect_timeout", "malformed", "too_large"].map(|reason| self.counted("refused", reason));
        let mut dumb = self.connect(self.mqtt).await;
        let mut dribbling = self.connect(self.mqtt).await;
        dribbling.write_all(&CONNECT[..5]).await.unwrap();
        let mut garbage = self.connect(self.mqtt).await;
        garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut large = self.mqtt_client().await;
        // PUBLISH of 100,000 bytes.
        large.write_all(&[0x32, 0xA0, 0x8D, 0x06]).await.unwrap();
        for stream in [&mut dumb, &mut dribbling, &mut garbage, &mut large] {
            closed(stream).await;
        }
        self.is_told("refused", "connect_timeout", before[0], 2, "gateway.mqtt.connect_timeout").await;
        self.is_told("refused", "malformed", before[1], 1, "not a packet of MQTT").await;
        self.is_told("refused", "too_large", before[2], 1, "gateway.mqtt.max_packet_bytes").await;
    }

    async fn mqtt_client(&self) -> TcpStream {
        let mut stream = self.connect(self.mqtt).await;
        stream.write_all(CONNECT).await.unwrap();
        let mut answer = [0; 4];
        timeout(DEADLINE, stream.read_exact(&mut answer)).await.expect("an answer").unwrap();
        assert_eq!(answer, [0x20, 2, 0, 0], "CONNACK");
        stream
    }

    /// An MQTT client floods: it is slowed, and each message is acknowledged in its order.
    async fn mqtt_flood(&self) {
        let slowed = "ampwarden_slowed_total{protocol=\"mqtt_endpoint\"}";
        let before = metric(self.gateway, slowed);
        let mut stream = self.mqtt_client().await;
        let (topic, payload) = ("stations/MQTT-FLOOD/heartbeat", b"{}");
        let mut packets = Vec::new();
        for n in 1..=u16::try_from(FLOOD).unwrap() {
            packets.push(0x32);
            packets.push(u8::try_from(2 + topic.len() + 2 + payload.len()).unwrap());
            packets.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
            packets.extend(topic.as_bytes());
            packets.extend(n.to_be_bytes());
            packets.extend(payload);
        }
        let (mut reading, mut writing) = stream.split();
        let acknowledged = async {
            for n in 1..=u16::try_from(FLOOD).unwrap() {
                let mut ack = [0; 4];
                timeout(DEADLINE, reading.read_exact(&mut ack)).await.expect("acknowledged").unwrap();
                assert_eq!((ack[0], u16::from_be_bytes([ack[2], ack[3]])), (0x40, n), "in order");
            }
        };
        let (sent, ()) = tokio::join!(writing.write_all(&packets), acknowledged);
        sent.unwrap();
        assert!(metric(self.gateway, slowed) > before, "it was not slowed");
        assert!(self.gateway.process().log().contains("gateway.mqtt.max_messages_per_second"));
    }
}

/// MQTT 3.1.1, clean session, no keep-alive, client id "bad".
const CONNECT: &[u8] = b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x00\x00\x03bad";

/// Sends, and gives what comes back until `enough` is there or the peer closes.
async fn ask(stream: &mut TcpStream, request: &[u8], enough: &str) -> String {
    stream.write_all(request).await.unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 1024]);
    let reading = async {
        while !String::from_utf8_lossy(&answer).contains(enough) {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(read) => answer.extend_from_slice(&buffer[..read]),
            }
        }
    };
    timeout(DEADLINE, reading).await.expect("an answer in time");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Waits until the peer has closed.
async fn closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // Reset or closed: both are an end.
    let _ = timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("closed in time");
}

/// Calls one after the other, fewer than a station may make; how long each took.
async fn calls(station: &mut Station) -> Vec<Duration> {
    let mut took = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    for n in 0..BESIDE {
        pace.tick().await;
        let sent = std::time::Instant::now();
        station.call(&n.to_string(), "Heartbeat", &json!({})).await;
        took.push(sent.elapsed());
    }
    took
}

/// A certificate for the gateway, made by openssl.
fn certificate(folder: &std::path::Path) -> String {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    format!("{{ certificate = \"{}\", key = \"{}\" }}", certificate.display(), key.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_clients_harm_only_themselves() {
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let tls_port = free_port();
    let gateway = Gateway::start(
        &store,
        &format!(
            r#"
mqtt = {{ listen = "127.0.0.1:{{mqtt}}", anonymous = true, connect_timeout = "2s", max_packet_bytes = "64 KiB", max_messages_per_second = 100 }}

[gateway.ocpp]
listen = "127.0.0.1:{{ocpp}}"
tls_listen = "127.0.0.1:{tls_port}"
tls = {tls}
handshake_timeout = "2s"
ping_interval = "1s"
idle_timeout = "5s"
write_timeout = "2s"
max_frame_bytes = "64 KiB"
max_messages_per_second = 100
max_connections = 300
"#,
            tls = certificate(folder.path())
        ),
    );
    let ocpp = gateway.ocpp().rsplit(':').next().unwrap().parse().unwrap();
    let harm = Harm { gateway: &gateway, ocpp, tls: tls_port, mqtt: gateway.mqtt_port() };
    let (files, memory) = (open_files(&gateway), resident_mib(&gateway));
    let fleet = Fleet::start(&gateway, "120", if crate::long() { "2h" } else { "40m" }, &[]);
    fleet.wait_for(100);
    tokio::join!(
        harm.slow_loris(),
        harm.half_a_tls_handshake(),
        harm.no_http(),
        harm.silence(),
        harm.too_large(),
        harm.bad_mqtt(),
    );
    tokio::join!(harm.never_reads(), harm.mqtt_flood());
    harm.flood().await;
    harm.hammers().await;
    harm.one_too_many(40).await;
    let ledger = fleet.ledger();
    eventually(DEADLINE, || async {
        let now = open_files(&gateway);
        if now <= files + STORE_FILES { Ok(()) } else { Err(format!("{now} files are open, {files} were")) }
    })
    .await;
    println!(
        "bad clients: memory {memory} MiB before, {} after; open files back to {files}",
        resident_mib(&gateway)
    );
    compare(&gateway, &store, &ledger, "bad clients").await;
}
