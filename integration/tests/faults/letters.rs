//! Dead letters: what could not be taken is kept with its reason, can be looked at without seeing a card, and is taken
//! in after a mend, once.

use std::process::Command;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use integration::servers::{QuestDb, QuestDbOptions};
use integration::{Gateway, binary, eventually};
use serde_json::{Value, json};
use station::fact::{Fact, Key, Rejected};
use station::id::EventId;
use station::secret::SecretKey;
use station::time::Timestamp;
use store::ilp::{Batch, Writer};
use store::read::Reader;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::fleet::MQTT;

const DEADLINE: Duration = Duration::from_secs(60);
const CARD: &str = "04A1B2C3D4";
const ODD_STATUS: &str = r#"[2,"s1","StatusNotification",{"connectorId":"one","status":"Available"}]"#;

fn key() -> SecretKey {
    SecretKey::new(b"only for tests, only for tests, only for tests")
}

/// Runs a command; its status and output as JSON.
pub(crate) fn command(gateway: &Gateway, arguments: &[&str]) -> (bool, Value) {
    let output = Command::new(binary())
        .args(arguments)
        .arg("--json")
        .env("AMPWARDEN_API", gateway.api())
        .env("AMPWARDEN_API_TOKEN", gateway.token())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let json = serde_json::from_str(&text);
    (output.status.success(), json.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}{errors}")))
}

/// The letters with that reason, when there are so many.
async fn letters(gateway: &Gateway, reason: &str, count: usize) -> Vec<Value> {
    eventually(DEADLINE, || async {
        let (_, found) = command(gateway, &["rejected", "list", "--reason", reason, "--since", "1h"]);
        let found = found.as_array().cloned().unwrap_or_default();
        if found.len() == count {
            return Ok(found);
        }
        Err(format!(
            "{} letters with {reason}, of {}",
            found.len(),
            command(gateway, &["rejected", "list"]).1
        ))
    })
    .await
}

/// A station that sends what nobody understands, and is told so.
async fn say_something_odd(gateway: &Gateway) {
    let mut request = format!("{}/ODD-7", gateway.ocpp()).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "ocpp1.6".parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    socket.send(Message::text(ODD_STATUS)).await.unwrap();
    loop {
        match tokio::time::timeout(DEADLINE, socket.next()).await.unwrap() {
            Some(Ok(Message::Text(text))) => break assert!(text.starts_with("[4,"), "{text}"),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn publish_record(gateway: &Gateway, n: usize) {
    let at = |hours: usize| {
        let time = chrono::Utc::now() - chrono::TimeDelta::hours(48) + chrono::TimeDelta::hours(hours as i64);
        time.format("%Y-%m-%d %H:%M:%S").to_string()
    };
    let record = json!({
        "User ID": CARD, "Charging Station ID": format!("REC-{n}"), "Charging Start Time": at(0),
        "Charging End Time": at(1), "Energy Consumed (kWh)": 7.5,
    });
    let port = gateway.mqtt_port().to_string();
    let status = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", "fleet/records", "-m", &record.to_string()])
        .status();
    assert!(status.is_ok_and(|status| status.success()));
}

/// As an older version would have kept it that did not know the action.
fn letter_of_an_older_version(store: &QuestDb) -> EventId {
    let event_id = EventId(uuid::Uuid::now_v7());
    let received_at = Timestamp::from(chrono::Utc::now() - chrono::TimeDelta::minutes(50));
    let mut payload = json!([2, "m9", "StartTransaction", {
        "connectorId": 1, "idTag": CARD, "meterStart": 1000,
        "timestamp": received_at.to_rfc3339(),
    }]);
    key().seal_payload(&mut payload);
    let mut batch = Batch::new();
    batch.push_fact(
        0,
        &Fact::Rejected(
            Key {
                ts: received_at,
                event_id,
                n: 0,
                station: "OLD-1".into(),
                site: None,
                evse: None,
                connector: None,
                station_ts: None,
                received_at,
                flags: None,
            },
            Rejected {
                source: "ocpp1.6",
                reason: "unknown_action",
                detail: "action \"StartTransaction\" is not known".into(),
                origin: "/OLD-1".into(),
                payload: Some(payload.to_string()),
            },
        ),
    );
    Writer::new(&store.config()).send(&mut batch).unwrap();
    event_id
}

async fn count(reader: &Reader, sql: &str) -> i64 {
    reader.query(sql, &[]).await.unwrap()[0].get("n").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_messages_are_taken_in_after_a_mend_and_never_twice() {
    const RECORDS: usize = 3;
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let reader = Reader::new(&store.config());
    let mut gateway = Gateway::start(&store, MQTT);
    say_something_odd(&gateway).await;
    (0..RECORDS).for_each(|n| publish_record(&gateway, n));
    let old = letter_of_an_older_version(&store).to_string();

    let unknown = letters(&gateway, "unknown_topic", RECORDS).await;
    assert!(
        unknown
            .iter()
            .all(|letter| letter["origin"] == "fleet/records" && letter["source"] == "mqtt_endpoint")
    );
    let shown = format!("{unknown:?}");
    assert!(!shown.contains(CARD) && shown.contains("sealed:"), "a card is shown: {shown}");
    let odd = letters(&gateway, "invalid", 1).await;
    let (_, one) = command(&gateway, &["rejected", "show", odd[0]["event_id"].as_str().unwrap()]);
    assert_eq!(one[0]["payload"], ODD_STATUS, "what holds no card is shown as it came");
    assert_eq!(gateway.settled_books(DEADLINE)["rejected"]["unknown_topic"], RECORDS);

    // Nothing was mended: all stays, with the reason, and nothing is journaled for it.
    let before = gateway.books().unwrap();
    let (good, tried) =
        command(&gateway, &["rejected", "replay", "--since", "1h", "--reason", "unknown_topic"]);
    assert!(!good, "status 0 though nothing was taken");
    let tried = tried.as_array().unwrap();
    assert_eq!(tried.len(), RECORDS);
    assert!(tried.iter().all(|letter| letter["result"] == "not_taken"
        && letter["why"].as_str().unwrap().contains("no rule takes this topic")));
    assert_eq!(gateway.books().unwrap()["rejected"], before["rejected"]);

    // The topic gets its rule, and the gateway is started again.
    gateway.stop();
    let path = gateway.folder().join("ampwarden.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let mended = text.replace(
        "anonymous = true",
        r#"anonymous = true, record_topics = { "fleet/records" = "columns20" }"#,
    );
    assert_ne!(mended, text);
    std::fs::write(&path, mended).unwrap();
    gateway.start_again();

    let all = ["rejected", "replay", "--since", "1h", "--reason", "unknown_topic"];
    let (good, dry) = command(&gateway, &[&all[..], &["--dry-run"]].concat());
    assert!(good && dry.as_array().unwrap().iter().all(|letter| letter["result"] == "taken"), "{dry}");
    for (round, expected) in ["taken", "duplicate", "duplicate"].into_iter().enumerate() {
        let (good, replayed) = command(&gateway, &all);
        assert!(good, "{replayed}");
        let replayed = replayed.as_array().unwrap();
        assert!(
            replayed.len() == RECORDS && replayed.iter().all(|l| l["result"] == expected),
            "{replayed:?}"
        );
        let (good, replayed) = command(&gateway, &["rejected", "replay", &old]);
        assert!(good && replayed[0]["result"] == expected, "{replayed}");
        if round == 1 {
            // What was replayed is remembered over a crash.
            gateway.kill();
            gateway.start_again();
        }
    }
    let books = gateway.settled_books(DEADLINE);
    assert_eq!(books["duplicate"], 2 * (RECORDS + 1), "{books}");
    let hash = key().hash(CARD);
    eventually(DEADLINE, || async {
        let sessions =
            count(&reader, &format!("SELECT count() AS n FROM sessions WHERE token_hash = '{hash}'")).await;
        let starts = "SELECT count() AS n FROM events WHERE type = 'session_started' AND station = 'OLD-1'";
        let started = count(&reader, starts).await;
        if (sessions, started) == (RECORDS as i64 + 1, 1) {
            Ok(())
        } else {
            Err(format!("{sessions} sessions, {started} starts"))
        }
    })
    .await;

    // The rest is still not understood.
    let (good, tried) = command(&gateway, &["rejected", "replay", odd[0]["event_id"].as_str().unwrap()]);
    assert!(
        !good && tried[0]["result"] == "not_taken" && tried[0]["why"].as_str().is_some_and(|w| !w.is_empty())
    );
    println!("dead letters: {RECORDS} records and a start taken once in 3 replays each, books {books}");
}
