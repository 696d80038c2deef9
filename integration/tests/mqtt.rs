//! MQTT clients that are not ours (`mosquitto_pub`) charge through the gateway's own endpoint and through a real
//! Mosquitto, by 3.1.1 and 5, with QoS 0, 1 and 2.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use gateway::mqtt::{BrokerConfig, Config, Deps, StationIs, User, run_broker, serve_endpoint};
use gateway::pipeline::{Pipeline, Refused, Submission};
use integration::servers::{Mosquitto, QuestDb, QuestDbOptions};
use integration::{Gateway, eventually, unique};
use service::readiness::Readiness;
use station::fold::Outcome;
use station::secret::SecretKey;
use store::read::Reader;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(60);
const CARD: &str = "04A1B2C3D4";
const PREFIX: &str = "stations";

/// Publishes one message with Mosquitto's own client. With QoS 1 and 2 it ends when the message is acknowledged.
fn publish(port: u16, version: &str, qos: u8, topic: &str, payload: &str) {
    let output = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-V", version, "-q", &qos.to_string()])
        .args(["-t", topic, "-m", payload])
        .output()
        .expect("mosquitto_pub runs");
    assert!(output.status.success(), "mosquitto_pub {topic}: {}", String::from_utf8_lossy(&output.stderr));
}

fn at(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An hour at 7.381 kW, message by message.
fn charge(port: u16, version: &str, qos: u8, station: &str, start: DateTime<Utc>) {
    let send = |kind: &str, payload: String| {
        publish(port, version, qos, &format!("{PREFIX}/{station}/{kind}"), &payload);
    };
    let minute = |minutes| at(start + TimeDelta::minutes(minutes));
    let session = unique("session");
    send("boot", r#"{"vendor":"Acme","model":"M1","serial":"1","firmware":"1.0"}"#.to_owned());
    send("status", format!(r#"{{"connector":1,"status":"Preparing","timestamp":"{}"}}"#, minute(0)));
    send("authorize", format!(r#"{{"token":"{CARD}","connector":1,"timestamp":"{}"}}"#, minute(0)));
    send(
        "start",
        format!(
            r#"{{"session":"{session}","connector":1,"token":"{CARD}","meter_wh":1000,"timestamp":"{}"}}"#,
            minute(0)
        ),
    );
    for quarter in 1..4 {
        send(
            "meter",
            format!(
                r#"{{"session":"{session}","connector":1,"timestamp":"{}","power_w":7381,"energy_wh":{},"soc_percent":{}}}"#,
                minute(quarter * 15),
                1000.0 + 7381.0 * f64::from(i32::try_from(quarter).expect("small")) / 4.0,
                40 + quarter * 10,
            ),
        );
    }
    send(
        "stop",
        format!(
            r#"{{"session":"{session}","connector":1,"meter_wh":8381,"reason":"EVDisconnected","timestamp":"{}"}}"#,
            minute(60)
        ),
    );
}

/// What the store must hold of [`charge`]: watt-hours, seconds, money.
async fn is_stored(reader: &Reader, station: &str, start: DateTime<Utc>) {
    let sql = format!("SELECT * FROM sessions WHERE station = '{station}' AND ended_at IS NOT NULL");
    eventually(DEADLINE, || async {
        let rows = reader.query(&sql, &[]).await.map_err(|error| error.to_string())?;
        let [row] = rows.as_slice() else { return Err(format!("{} sessions of {station}", rows.len())) };
        let read = || -> Result<_, store::read::ReadError> {
            let energy_wh: Option<f64> = row.get("energy_wh")?;
            let duration_s: Option<f64> = row.get("duration_s")?;
            let cost: Option<f64> = row.get("cost")?;
            let stop_reason: Option<String> = row.get("stop_reason")?;
            let token_hash: Option<String> = row.get("token_hash")?;
            let flags: Option<String> = row.get("flags")?;
            let samples: i32 = row.get("samples")?;
            let started_at: Option<station::time::Timestamp> = row.get("started_at")?;
            Ok((energy_wh, duration_s, cost, stop_reason, token_hash, flags, samples, started_at))
        };
        let (energy_wh, duration_s, cost, stop_reason, token_hash, flags, samples, started_at) =
            read().map_err(|error| error.to_string())?;
        let key = SecretKey::new(b"only for tests, only for tests, only for tests");
        let near = |found: Option<f64>, expected: f64| found.is_some_and(|f| (f - expected).abs() < 1e-6);
        // 0.50 + 7.381 kWh × 0.4567 + 60 min × 0.01 = 4.4709, in cents.
        let right = near(energy_wh, 7381.0)
            && near(duration_s, 3600.0)
            && near(cost, 4.47)
            && stop_reason.as_deref() == Some("EVDisconnected")
            && token_hash == Some(key.hash(CARD))
            && flags.is_none()
            && samples == 3
            && started_at.map(|ts| ts.0) == Some(start.timestamp_micros());
        if right {
            return Ok(());
        }
        Err(format!(
            "{station}: {energy_wh:?} Wh, {duration_s:?} s, {cost:?}, {stop_reason:?}, {token_hash:?}, {flags:?}, \
             {samples} samples, {started_at:?}"
        ))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mosquitto_pub_charges_through_the_endpoint_and_through_a_broker() {
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let broker = Mosquitto::start("");
    let mut gateway = Gateway::start(
        &store,
        &format!(
            "[gateway.mqtt]\nlisten = \"127.0.0.1:{{mqtt}}\"\nanonymous = true\n\
             [gateway.mqtt.broker]\nport = {}\nclient_id = \"{}\"\n",
            broker.port(),
            unique("gateway")
        ),
    );
    gateway.can_charge(CARD);
    let reader = Reader::new(&store.config());
    let start = Utc::now() - TimeDelta::minutes(120);
    let start = DateTime::from_timestamp_millis(start.timestamp_millis()).expect("a time");
    let mut stations = Vec::new();
    for (port, version, qos) in [
        (gateway.mqtt_port(), "mqttv311", 1),
        (gateway.mqtt_port(), "mqttv311", 2),
        (gateway.mqtt_port(), "mqttv5", 1),
        (gateway.mqtt_port(), "mqttv5", 2),
        (broker.port(), "mqttv311", 1),
        (broker.port(), "mqttv311", 2),
        (broker.port(), "mqttv5", 1),
    ] {
        let name = unique("mqtt");
        charge(port, version, qos, &name, start);
        stations.push(name);
    }
    for name in &stations {
        is_stored(&reader, name, start).await;
    }

    // QoS 0, a whole session in the 20 columns, and what cannot be used.
    let name = unique("mqtt");
    publish(gateway.mqtt_port(), "mqttv311", 0, &format!("{PREFIX}/{name}/heartbeat"), "{}");
    publish(gateway.mqtt_port(), "mqttv5", 0, &format!("{PREFIX}/{name}/heartbeat"), "");
    let record = format!(
        r#"{{"User ID":"User_1","Charging Station ID":"{name}","Charging Start Time":"{}","Charging End Time":"{}",
            "Energy Consumed (kWh)":12.5,"Charging Cost (USD)":3.75,"State of Charge (Start %)":20}}"#,
        start.format("%Y-%m-%d %H:%M:%S"),
        (start + TimeDelta::minutes(30)).format("%Y-%m-%d %H:%M:%S"),
    );
    for port in [gateway.mqtt_port(), broker.port(), broker.port()] {
        publish(port, "mqttv311", 1, "idc/fc01", &record);
    }
    eventually(DEADLINE, || async {
        let sql = format!("SELECT energy_wh, cost FROM sessions WHERE station = '{name}'");
        let rows = reader.query(&sql, &[]).await.map_err(|error| error.to_string())?;
        let found: Vec<(Option<f64>, Option<f64>)> = rows
            .iter()
            .map(|row| Ok((row.get("energy_wh")?, row.get("cost")?)))
            .collect::<Result<_, store::read::ReadError>>()
            .map_err(|error| error.to_string())?;
        if found == [(Some(12_500.0), Some(3.75))] { Ok(()) } else { Err(format!("{name}: {found:?}")) }
    })
    .await;
    for (topic, payload) in
        [("elsewhere", "hello"), (&format!("{PREFIX}/{name}/start"), r#"{"token":"04A1","#)]
    {
        publish(gateway.mqtt_port(), "mqttv311", 1, topic, payload);
    }
    let books = eventually(DEADLINE, || async {
        let books = gateway.books()?;
        let rejected = &books["rejected"];
        let as_expected = rejected["unknown_topic"] == 1 && rejected["malformed"] == 1;
        if as_expected && books["duplicate"] == 2 { Ok(books) } else { Err(books.to_string()) }
    })
    .await;
    assert!(gateway.process().is_running(), "{books}");
    let kept = eventually(DEADLINE, || async {
        let sql = format!("SELECT payload FROM rejected WHERE station = '{name}'");
        let rows = reader.query(&sql, &[]).await.map_err(|error| error.to_string())?;
        let row = rows.first().ok_or("no row")?;
        row.get::<Option<String>>("payload").map_err(|error| error.to_string())
    })
    .await;
    assert!(kept.is_some_and(|kept| kept.starts_with("sealed:")), "no token is kept in the open");
    let _ = gateway.settled_books(DEADLINE);
    gateway.stop();
}

/// What MQTT works with, with a pipeline whose other end the test holds.
fn deps() -> (Deps, mpsc::Receiver<Submission>, Readiness) {
    let (pipeline, journal) = Pipeline::channel(64);
    let readiness = Readiness::new();
    readiness.set("mqtt_broker", Err("not started yet".to_owned()));
    let deps = Deps {
        pipeline,
        secret_key: Arc::new(SecretKey::new(b"key")),
        metrics: gateway::metrics::AdapterMetrics::register(
            &mut prometheus_client::registry::Registry::default(),
        ),
        readiness: readiness.clone(),
        gateway_id: "g".to_owned(),
        epoch: uuid::Uuid::new_v4(),
    };
    (deps, journal, readiness)
}

/// The broker's side, with a pipeline whose other end the test holds.
struct Broker {
    journal: mpsc::Receiver<Submission>,
    readiness: Readiness,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Broker {
    fn start(port: u16, client_id: &str) -> Self {
        let broker = BrokerConfig { port, client_id: client_id.to_owned(), ..BrokerConfig::default() };
        let config = Config { broker: Some(broker), ..Config::default() };
        let (deps, journal, readiness) = deps();
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let task = tokio::spawn(async move { run_broker(config, deps, stop).await.expect("runs") });
        Self { journal, readiness, shutdown, task }
    }

    async fn connected(&self, expected: bool) {
        eventually(DEADLINE, || async {
            let state = self.readiness.state();
            if state.is_ok() == expected { Ok(()) } else { Err(format!("{state:?}")) }
        })
        .await;
    }

    async fn next(&mut self) -> Submission {
        tokio::time::timeout(DEADLINE, self.journal.recv()).await.expect("in time").expect("open")
    }

    async fn stop(self) {
        self.shutdown.cancel();
        let Self { mut journal, task, .. } = self;
        let rest = async { while journal.recv().await.is_some() {} };
        tokio::time::timeout(DEADLINE, async { tokio::join!(task, rest) })
            .await
            .expect("ends")
            .0
            .expect("no panic");
    }
}

fn label(submission: &Submission) -> String {
    let event = &submission.events[0];
    format!("{} {}", event.station, event.kind.label())
}

fn stored(submission: Submission) {
    submission.answer.send(Ok(vec![Outcome::default()])).expect("awaited");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_a_broker_sends_again() {
    let mut mosquitto = Mosquitto::start("");
    let id = unique("gateway");
    let mut broker = Broker::start(mosquitto.port(), &id);
    broker.connected(true).await;
    let send =
        |name: &str, qos| publish(mosquitto.port(), "mqttv311", qos, &format!("stations/{name}/boot"), "{}");

    // The journal refuses: the connection is given up, and the broker sends again what was not acknowledged.
    send("A", 1);
    send("B", 2);
    let first = broker.next().await;
    assert_eq!(label(&first), "A booted");
    first.answer.send(Err(Refused::Full)).expect("awaited");
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 2 {
        let submission = broker.next().await;
        seen.insert(label(&submission));
        // B may have been on its way with A: then it is taken, and perhaps not acknowledged any more.
        let _ = submission.answer.send(Ok(vec![Outcome::default()]));
    }

    // The gateway ends before the journal has answered.
    send("C", 1);
    loop {
        let submission = broker.next().await;
        if label(&submission) == "C booted" {
            break;
        }
        stored(submission);
    }
    broker.stop().await;
    send("D", 1);
    let mut broker = Broker::start(mosquitto.port(), &id);
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last != "D booted") {
        let submission = broker.next().await;
        seen.push(label(&submission));
        stored(submission);
    }
    assert!(seen.contains(&"C booted".to_owned()), "{seen:?}");

    // The broker goes away, and comes back.
    mosquitto.stop();
    broker.connected(false).await;
    mosquitto.start_again();
    broker.connected(true).await;
    publish(mosquitto.port(), "mqttv5", 1, "stations/E/boot", "{}");
    let mut last = String::new();
    while last != "E booted" {
        let submission = broker.next().await;
        last = label(&submission);
        stored(submission);
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_over_tls_waits_until_the_journal_has_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-out"])
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{made:?}");

    let password = service::auth::new_token();
    let user = User { name: "CP-1".to_owned(), password_hash: service::auth::hash_of(&password) };
    let config = Config {
        tls: Some(service::tls::TlsConfig { certificate: certificate.clone(), key, client_ca: None }),
        users: vec![user],
        station_is: StationIs::User,
        presence: false,
        ..Config::default()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port().to_string();
    let (deps, mut journal, _) = deps();
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let server = tokio::spawn(async move {
        serve_endpoint(config, None, Some(listener), deps, stop).await.expect("serves");
    });

    let publish = |station: &str, password: &str, version: &str| {
        Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &port, "-V", version, "-q", "1", "-u", "CP-1", "-P", password])
            .arg("--cafile")
            .arg(&certificate)
            .args(["-t", &format!("stations/{station}/boot"), "-m", "{}"])
            .spawn()
            .expect("mosquitto_pub runs")
    };
    for version in ["mqttv311", "mqttv5"] {
        let mut client = publish("CP-1", &password, version);
        let submission =
            tokio::time::timeout(DEADLINE, journal.recv()).await.expect("in time").expect("open");
        assert_eq!(label(&submission), "CP-1 booted");
        assert!(client.try_wait().expect("a state").is_none(), "{version}: it has no acknowledgement yet");
        stored(submission);
        let ended =
            tokio::task::spawn_blocking(move || client.wait().expect("ends")).await.expect("no panic");
        assert!(ended.success(), "{version}: {ended}");
    }
    for (station, password) in [("CP-1", "wrong"), ("CP-2", password.as_str())] {
        let mut client = publish(station, password, "mqttv5");
        let ended =
            tokio::task::spawn_blocking(move || client.wait().expect("ends")).await.expect("no panic");
        // Mosquitto's client counts an acknowledgement with a reason as done; without a login it fails.
        assert_eq!(ended.success(), station == "CP-2", "{station}: {ended}");
    }
    assert!(journal.try_recv().is_err(), "neither reached the journal");
    shutdown.cancel();
    tokio::time::timeout(DEADLINE, server).await.expect("ends").expect("no panic");
}
