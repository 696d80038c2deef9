//! Clocks that are wrong: of stations, and of the gateway, which is set forth and back while it works.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use integration::servers::{QuestDb, QuestDbOptions};
use integration::{Gateway, eventually, unique};
use serde_json::{Value, json};
use station::time::Timestamp;
use store::read::{Reader, Row};

use crate::fleet::{Fleet, MQTT, compare};
use integration::station::{DEADLINE, Station, metric};

/// Samples of one session.
const SAMPLES: i64 = 20;

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn start(at: &str) -> Value {
    json!({"connectorId": 1, "idTag": "04A1B2C3", "meterStart": 100, "timestamp": at})
}

fn meter(transaction: &Value, at: &str, wh: i64) -> Value {
    json!({"connectorId": 1, "transactionId": transaction, "meterValue": [
        {"timestamp": at, "sampledValue": [{"value": wh.to_string()}]}]})
}

fn stop(transaction: &Value, at: &str, wh: i64) -> Value {
    json!({"transactionId": transaction, "meterStop": wh, "timestamp": at, "idTag": "04A1B2C3"})
}

/// Charges 1 kWh; `at` says what the station's clock shows at each of [`SAMPLES`] and at the begin and end.
async fn charge(station: &mut Station, name: &str, at: impl Fn(i64) -> String) -> Value {
    let began = station.call(&format!("{name}-a"), "StartTransaction", &start(&at(0))).await;
    let transaction = began["transactionId"].clone();
    for n in 1..=SAMPLES {
        let values = meter(&transaction, &at(n), 100 + n * 50);
        station.call(&format!("{name}-{n}"), "MeterValues", &values).await;
    }
    station.call(&format!("{name}-z"), "StopTransaction", &stop(&transaction, &at(SAMPLES + 1), 1_100)).await;
    transaction
}

async fn rows(reader: &Reader, sql: String, enough: impl Fn(&[Row]) -> bool) -> Vec<Row> {
    eventually(Duration::from_secs(60), || async {
        let rows = reader.query(&sql, &[]).await.map_err(|error| error.to_string())?;
        if enough(&rows) { Ok(rows) } else { Err(format!("{} rows: {sql}", rows.len())) }
    })
    .await
}

/// Sessions of a station: transaction, energy, seconds, flags.
async fn sessions(reader: &Reader, station: &str, count: usize) -> Vec<(String, f64, f64, String)> {
    let sql = format!(
        "SELECT transaction_id, energy_wh, duration_s, flags FROM sessions WHERE station = '{station}' AND state = 'ended'"
    );
    let rows = rows(reader, sql, |rows| rows.len() >= count).await;
    let read = |row: &Row| -> Result<_, store::read::ReadError> {
        let flags: Option<String> = row.get("flags")?;
        Ok((
            row.get("transaction_id")?,
            row.get("energy_wh")?,
            row.get("duration_s")?,
            flags.unwrap_or_default(),
        ))
    };
    rows.iter().map(|row| read(row).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn stations_whose_clocks_are_wrong_lose_nothing_and_double_nothing() {
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let gateway = Gateway::start(&store, "");
    let reader = Reader::new(&store.config());
    let now = Utc::now();

    // In 1970, and stuck there; it charges twice, to the letter the same but for the message ids.
    let lost = unique("LOST");
    let mut station = Station::connect(&gateway, &lost).await;
    let epoch = |_| "1970-01-01T00:00:10Z".to_owned();
    let first = charge(&mut station, "x", epoch).await;
    let second = charge(&mut station, "y", epoch).await;
    assert_ne!(first, second, "after its end the same start is a new session");
    // Its readings do not even change: each is a row.
    let again = station.call("s", "StartTransaction", &start(&epoch(0))).await["transactionId"].clone();
    for n in 0..SAMPLES {
        station.call(&format!("same-{n}"), "MeterValues", &meter(&again, &epoch(0), 100)).await;
    }
    station.call("t", "StopTransaction", &stop(&again, &epoch(0), 100)).await;

    // A hundred years ahead; and two hours ahead: local time sent as Z.
    let (ahead, local) = (unique("AHEAD"), unique("LOCAL"));
    let mut station = Station::connect(&gateway, &ahead).await;
    charge(&mut station, "x", |n| text(now + TimeDelta::days(36_500) + TimeDelta::minutes(n))).await;
    let mut station = Station::connect(&gateway, &local).await;
    charge(&mut station, "x", |n| text(now + TimeDelta::hours(2) + TimeDelta::seconds(n))).await;

    // By the book, for comparison; its start is said again on a new connection, because no answer came, first to the
    // letter, then with another time.
    let right = unique("RIGHT");
    let before = |n| text(now - TimeDelta::hours(1) + TimeDelta::minutes(n));
    let mut station = Station::connect(&gateway, &right).await;
    station.send("x-a", "StartTransaction", &start(&before(0))).await.unwrap();
    station.vanish();
    let mut station = Station::connect(&gateway, &right).await;
    let one = station.call("x-a", "StartTransaction", &start(&before(0))).await["transactionId"].clone();
    let mut station = Station::connect(&gateway, &right).await;
    let other = station.call("x-b", "StartTransaction", &start(&before(1))).await["transactionId"].clone();
    assert_eq!(one, other, "a retry with another time is the same session");
    for n in 1..=SAMPLES {
        // Each twice: a plausible time makes the second a duplicate, whatever its message id.
        for copy in ["", "again-"] {
            station.call(&format!("{copy}{n}"), "MeterValues", &meter(&one, &before(n), 100 + n * 50)).await;
        }
    }
    station.call("x-z", "StopTransaction", &stop(&one, &before(30), 1_100)).await;

    let books = gateway.settled_books(DEADLINE);
    let (samples, all) = (usize::try_from(SAMPLES).unwrap(), usize::MAX);
    for (name, sessions_wanted, samples_wanted, flagged) in [
        (&lost, 3, 3 * samples, all),
        (&ahead, 1, samples, all),
        (&local, 1, samples, all),
        (&right, 1, samples, 0),
    ] {
        let sql = format!(
            "SELECT station_ts, flags FROM meter_values WHERE station = '{name}' AND energy_wh IS NOT NULL"
        );
        let found = rows(&reader, sql, |rows| rows.len() >= samples_wanted).await;
        assert_eq!(found.len(), samples_wanted, "{name}: one row a sample");
        let clock = |row: &&Row| {
            let flags: Option<String> = row.get("flags").unwrap();
            flags.is_some_and(|flags| flags.contains("clock"))
        };
        assert_eq!(
            found.iter().filter(clock).count(),
            flagged.min(samples_wanted),
            "{name}: flagged `clock`"
        );
        assert!(found.iter().all(|row| row.get::<Option<Timestamp>>("station_ts").unwrap().is_some()));
        let ended = sessions(&reader, name, sessions_wanted).await;
        assert_eq!(ended.len(), sessions_wanted, "{name}: {ended:?}");
        let full = ended
            .iter()
            .filter(|(_, energy_wh, seconds, _)| *energy_wh == 1_000.0 && *seconds >= 0.0)
            .count();
        assert_eq!(full, if *name == lost { 2 } else { 1 }, "{name}: {ended:?}");
    }
    println!("clocks of stations: books {books}");
}

/// libfaketime, by Debian's package `faketime`.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path());
    let library = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    library.expect("libfaketime is missing: deploy/local/setup.sh test installs it")
}

/// What the gateway's time of day is set to: so much beside the true one.
fn set_clock(file: &Path, offset: &str) {
    let fresh = file.with_extension("fresh");
    std::fs::write(&fresh, offset).unwrap();
    std::fs::rename(&fresh, file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_clock_is_set_forth_and_back_loses_nothing() {
    let steps: &[&str] = if crate::long() {
        &["+3h", "-2h", "+7h", "-11h", "+0", "+1h", "-1h", "+23h", "-23h", "+0", "+5h", "-5h"]
    } else {
        &["+3h", "-2h", "+7h", "-11h", "+0"]
    };
    let store = QuestDb::start_migrated(&QuestDbOptions::default()).await;
    let mut gateway = Gateway::prepare(
        &store.http(),
        store.pg_port(),
        &format!(
            "session_silence = \"6h\"\nocpp = {{ listen = \"127.0.0.1:{{ocpp}}\", ping_interval = \"1s\", idle_timeout = \"20s\" }}\n{MQTT}"
        ),
    );
    let clock = gateway.folder().join("clock");
    set_clock(&clock, "+0");
    gateway.set("LD_PRELOAD", faketime().display());
    gateway.set("FAKETIME_TIMESTAMP_FILE", clock.display());
    gateway.set("FAKETIME_CACHE_DURATION", "1");
    gateway.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    gateway.set("DONT_FAKE_MONOTONIC", "1");
    gateway.start_again();
    // A station by hand whose clock is right, and which says nothing for as long as the test lasts: nobody may infer
    // that its session has ended.
    let quiet = unique("QUIET");
    let mut station = Station::connect(&gateway, &quiet).await;
    let began = Utc::now();
    let transaction =
        station.call("a", "StartTransaction", &start(&text(began))).await["transactionId"].clone();

    let fleet = Fleet::start(&gateway, "120", if crate::long() { "3h" } else { "50m" }, &["--cuts", "3"]);
    for (n, offset) in steps.iter().enumerate() {
        fleet.wait_for(150);
        set_clock(&clock, offset);
        // It is seen when the next Heartbeat's answer tells the time of the step.
        let wanted = hours(offset);
        eventually(DEADLINE, || async {
            let mut probe = Station::connect(&gateway, "PROBE").await;
            let told = probe.call("1", "Heartbeat", &json!({})).await;
            let told: DateTime<Utc> = told["currentTime"].as_str().unwrap().parse().unwrap();
            let off = (told - Utc::now()).num_minutes();
            if (off - wanted * 60).abs() <= 1 { Ok(()) } else { Err(format!("{off} min beside the time")) }
        })
        .await;
        if *offset == "+7h" {
            // Long enough that the gateway looks for silent sessions.
            eventually(DEADLINE, || async {
                let told = gateway.process().log().contains("the clock of this machine was set");
                if told { Ok(()) } else { Err("the step was not noticed") }
            })
            .await;
        }
        if n % 2 == 1 {
            // What waits for its answer now comes again under the other time.
            gateway.kill();
            gateway.start_again();
            station = Station::connect(&gateway, &quiet).await;
            let same = station.call("a", "StartTransaction", &start(&text(began))).await;
            assert_eq!(same["transactionId"], transaction, "a retry after a step is the same session");
        }
    }
    let stopped = Utc::now();
    station.call("z", "StopTransaction", &stop(&transaction, &text(stopped), 1_100)).await;
    let ledger = fleet.ledger();
    let dropped = metric(&gateway, "ampwarden_disconnects_total{reason=\"idle\"}");
    assert!(dropped == 0.0, "{dropped} connections were taken for dead because the clock was set");
    assert!(ledger.messages.len() > 500, "too little traffic: {} messages", ledger.messages.len());
    compare(&gateway, &store, &ledger, &format!("a clock that was set {} times", steps.len())).await;

    let reader = Reader::new(&store.config());
    let sql =
        format!("SELECT started_at, ended_at, inferred, revision FROM sessions WHERE station = '{quiet}'");
    let ended = |row: &Row| row.get::<Option<Timestamp>>("ended_at").unwrap().is_some();
    let found = rows(&reader, sql, |rows| rows.iter().any(ended)).await;
    assert_eq!(found.len(), 1, "one session, not two");
    let at = |column: &str| found[0].get::<Option<Timestamp>>(column).unwrap().map(|ts| ts.0 / 1_000_000);
    assert_eq!((at("started_at"), at("ended_at")), (Some(began.timestamp()), Some(stopped.timestamp())));
    assert_eq!(found[0].get::<i32>("revision").unwrap(), 0, "nobody inferred its end in between");
    assert!(!found[0].get::<bool>("inferred").unwrap());
}

fn hours(offset: &str) -> i64 {
    offset.trim_start_matches('+').trim_end_matches('h').parse().unwrap()
}
