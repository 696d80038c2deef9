//! The slow lane: what stations deliver weeks late does not hide what is fresh; and is there, once, whatever happens.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use integration::servers::{QuestDb, QuestDbOptions};
use integration::{Gateway, eventually, eventually_blocking};
use store::read::Reader;

use crate::fleet::MQTT;
use crate::letters::command;

const DEADLINE: Duration = Duration::from_secs(120);
const DAYS: i64 = 28;
const A_DAY: i64 = 10;

/// One client publishes messages of one topic, in order.
fn publish(gateway: &Gateway, topic: &str, payloads: &str) {
    let mut client = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &gateway.mqtt_port().to_string(), "-q", "1", "-l", "-t", topic])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    client.stdin.take().unwrap().write_all(payloads.as_bytes()).unwrap();
    assert!(client.wait().unwrap().success());
}

/// Meter values of the last four weeks; the days take turns.
fn old_values() -> String {
    let mut lines = String::new();
    for n in 0..A_DAY {
        for day in 1..=DAYS {
            let day = &crate::days_ago(day)[..10];
            writeln!(
                lines,
                r#"{{"connector":1,"timestamp":"{day}T12:00:{n:02}Z","energy_wh":{n},"power_w":7000}}"#
            )
            .unwrap();
        }
    }
    lines
}

async fn count(reader: &Reader, station: &str) -> i64 {
    let sql = format!("SELECT count() AS n FROM meter_values WHERE station = '{station}'");
    reader.query(&sql, &[]).await.unwrap()[0].get("n").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn late_rows_let_fresh_ones_go_first_and_survive() {
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let writer = r#"writer = { snapshot_every = "1s", linger = "1s" }"#;
    let mut gateway = Gateway::start(&store, &format!("{MQTT}\n{writer}"));
    let reader = Reader::new(&store.config());

    // With a long linger time both are in one batch, the late ones first.
    publish(&gateway, "stations/OLD-1/meter", &old_values());
    publish(&gateway, "stations/NEW-1/meter", r#"{"connector":1,"energy_wh":1,"power_w":7000}"#);
    let late = eventually(DEADLINE, || async {
        let late = count(&reader, "OLD-1").await;
        if count(&reader, "NEW-1").await == 1 { Ok(late) } else { Err("the fresh one is not visible") }
    })
    .await;
    assert!(late < DAYS * A_DAY, "all {late} late rows were visible before the fresh one");
    let books = gateway.books().unwrap();
    assert_eq!(books["difference"], 0, "{books}");
    assert_ne!(books["in_journal"], 0, "no event is counted before all of its rows are answered: {books}");

    // A crash while some wait.
    publish(&gateway, "stations/OLD-2/meter", &old_values());
    eventually_blocking(DEADLINE, || match gateway.metric("ampwarden_late_rows")? {
        Some(rows) if rows > 0.0 => Ok(()),
        other => Err(format!("late rows: {other:?}")),
    });
    gateway.kill();
    gateway.start_again();
    let books = gateway.settled_books(DEADLINE);
    let (good, result) = command(&gateway, &["check", "books", "--deep"]);
    assert!(good && result["deep"]["to"] == books["received"], "{result}");
    for station in ["OLD-1", "OLD-2"] {
        assert_eq!(count(&reader, station).await, DAYS * A_DAY, "{station}");
    }

    // States are saved although something waits all the time.
    let saved = || gateway.metric("ampwarden_snapshot_timestamp_seconds").unwrap();
    let before = saved();
    for station in 3.. {
        publish(&gateway, &format!("stations/OLD-{station}/meter"), &old_values());
        if saved() > before {
            break;
        }
        assert!(station < 100, "no state is saved");
    }
    println!(
        "slow lane: the fresh one was visible before {} of {} late ones",
        DAYS * A_DAY - late,
        DAYS * A_DAY
    );
}
