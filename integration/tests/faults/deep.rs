//! The deep check of the books: rows are harmed behind the gateway's back, and it says which.

use std::process::Command;
use std::time::Duration;

use integration::servers::{QuestDb, QuestDbOptions};
use integration::{Gateway, eventually};
use serde_json::Value;
use store::read::Reader;

use crate::fleet::{Fleet, MQTT};
use crate::letters::command;

const DEADLINE: Duration = Duration::from_secs(60);
/// The fleet's own time begins so many days ago: its rows lie in several partitions.
const DAYS: i64 = 20;

/// Whatever the time is now, rows lie in three days, and the last one is more than a day after the first:
/// a time to live of a day takes the first.
fn evening(days: i64) -> String {
    format!("{}T18:00:00Z", &crate::days_ago(days)[..10])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deep_check_names_what_is_missing_or_different() {
    let mut store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    // Requests that are given up (the store is started again) are waited for, four times as long.
    let settings = format!(
        "http = \"{}\"\npg = {{ port = {} }}\nrequest_timeout = \"3s\"",
        store.http(),
        store.pg_port()
    );
    let mut gateway = Gateway::prepare_with(&settings, MQTT);
    gateway.start_again();
    let reader = Reader::new(&store.config());
    let (good, result) = check(&gateway);
    assert!(good && result["deep"]["tables"].as_object().unwrap().is_empty(), "a new gateway: {result}");

    a_refused_row(&gateway, &store, &reader).await;
    let _ = gateway.command(&["sites", "set", "park", "--name", "Park"]);
    let _ = gateway.command(&["sites", "set", "park", "--name", "Car park"]);
    let fleet = small_fleet(&gateway);
    fleet.wait_for(300);
    // Sessions go on while they are compared.
    let (good, living) = check(&gateway);
    assert!(good, "{living}");
    let _ = fleet.ledger();
    let books = gateway.settled_books(Duration::from_secs(120));
    let (good, result) = check(&gateway);
    assert!(good, "{result}");
    let deep = &result["deep"];
    assert_eq!((&deep["from"], &deep["to"]), (&Value::from(1), &books["received"]), "{result}");
    // A refill, for whatever reason, stores it after all.
    let stored = count(&reader, "meter_values", "connector = 40000").await;
    assert_eq!(sum(&result, "refused"), 1 - stored, "{result}\n{}", gateway.log());
    assert_eq!(deep["tables"]["sites"]["equal"], 1, "of a setting the last state counts: {result}");
    for table in ["meter_values", "sessions", "connector_status", "events", "settings"] {
        let rows = count(&reader, table, "true").await;
        assert_eq!(deep["tables"][table]["equal"], rows, "{table}: {result}");
    }

    // Some rows are altered, and a day is dropped.
    let session =
        one(&reader, "SELECT session_id::varchar AS id FROM sessions WHERE energy_wh > 0 LIMIT 1").await;
    store.sql(&format!("UPDATE sessions SET energy_wh = energy_wh + 1 WHERE session_id = '{session}'"));
    let event =
        one(&reader, "SELECT event_id::varchar AS id FROM events WHERE payload IS NOT NULL LIMIT 1").await;
    store.sql(&format!("UPDATE events SET payload = NULL WHERE event_id = '{event}'"));
    let altered = count(&reader, "events", &format!("event_id = '{event}'")).await;
    let day = crate::days_ago(DAYS - 1)[..10].to_owned();
    let dropped = count(&reader, "meter_values", &format!("ts IN '{day}'")).await;
    assert!(dropped > 100, "{dropped} rows on {day}");
    store.sql(&format!("ALTER TABLE meter_values DROP PARTITION LIST '{day}'"));
    let report = eventually(DEADLINE, || async {
        let (good, result) = check(&gateway);
        // Such statements take a moment, too.
        let found = (sum(&result, "missing"), sum(&result, "different"));
        if !good && found == (dropped, 1 + altered) { Ok(result) } else { Err(format!("{result}")) }
    })
    .await;
    let deep = &report["deep"];
    assert_eq!(deep["tables"]["meter_values"]["missing"], dropped);
    assert_eq!(deep["tables"]["sessions"]["different"], 1);
    let examples = deep["examples"].as_array().unwrap();
    let named = |table: &str, key: &str, column: &str| {
        examples.iter().any(|e| {
            e["table"] == table
                && e["key"].as_str().unwrap().contains(key)
                && e["columns"][0]["column"] == column
        })
    };
    assert!(named("sessions", &session, "energy_wh") && named("events", &event, "payload"), "{report}");
    assert!(examples.iter().any(|e| e["table"] == "meter_values"
        && e["columns"] == Value::Array(Vec::new())
        && e["ts"].as_str().unwrap().starts_with(&day)));

    // As the runbook says: the store is started again, and gets back what it lacks.
    store.restart();
    eventually(DEADLINE, || async {
        let (good, result) = check(&gateway);
        if good { Ok(()) } else { Err(format!("{result}")) }
    })
    .await;

    // What a table's time to live takes is not missing.
    let before = count(&reader, "connector_status", "true").await;
    store.sql("ALTER TABLE connector_status SET TTL 1 DAY");
    let gone = eventually(DEADLINE, || async {
        let now = count(&reader, "connector_status", "true").await;
        if now < before { Ok(before - now) } else { Err(format!("{now} rows")) }
    })
    .await;
    let (good, result) = check(&gateway);
    assert!(good, "{result}");
    assert_eq!(result["deep"]["tables"]["connector_status"]["forgotten"], gone, "{result}");
    println!(
        "deep check: {} events, {} rows equal; {dropped} dropped and {} altered ones named; {gone} forgotten",
        books["received"],
        sum(&result, "equal"),
        1 + altered
    );
}

/// Fewer stations than elsewhere, and more of their days.
fn small_fleet(gateway: &Gateway) -> Fleet {
    let (ocpp, mqtt) = (gateway.ocpp(), format!("127.0.0.1:{}", gateway.mqtt_port()));
    let mut arguments = vec!["simulate", "--ocpp", &ocpp, "--mqtt", &mqtt, "--quiet", "--seed", "11"];
    arguments.extend(["--ocpp16", "6", "--ocpp201", "3", "--mqtt-stations", "3", "--reconnect", "200ms"]);
    let start = evening(DAYS);
    arguments.extend(["--speed", "2400", "--duration", "32h", "--meter-every", "5m", "--start", &start]);
    Fleet::run(&arguments)
}

/// A value that the column cannot hold while it is narrower than ampwarden has it.
async fn a_refused_row(gateway: &Gateway, store: &QuestDb, reader: &Reader) {
    store.sql("ALTER TABLE meter_values ALTER COLUMN connector TYPE SHORT");
    let sent = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &gateway.mqtt_port().to_string(), "-q", "1", "-i", "BAD-1"])
        .args(["-t", "stations/BAD-1/meter", "-m", r#"{"connector":40000,"power_w":1000,"energy_wh":1}"#])
        .output()
        .unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    eventually(DEADLINE, || async {
        let kept = count(reader, "rejected", "reason = 'refused_by_store'").await;
        if kept == 1 { Ok(()) } else { Err(format!("{kept} refused rows are kept")) }
    })
    .await;
    store.sql("ALTER TABLE meter_values ALTER COLUMN connector TYPE INT");
}

fn check(gateway: &Gateway) -> (bool, Value) {
    command(gateway, &["check", "books", "--deep"])
}

fn sum(result: &Value, what: &str) -> i64 {
    let tables = result["deep"]["tables"].as_object().unwrap();
    tables.values().map(|tally| tally[what].as_i64().unwrap()).sum()
}

async fn count(reader: &Reader, table: &str, condition: &str) -> i64 {
    let sql = format!("SELECT count() AS n FROM {table} WHERE {condition}");
    reader.query(&sql, &[]).await.unwrap()[0].get("n").unwrap()
}

async fn one(reader: &Reader, sql: &str) -> String {
    reader.query(sql, &[]).await.unwrap()[0].get("id").unwrap()
}
