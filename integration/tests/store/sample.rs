//! Rows to write, with every column filled, and a look at what is stored.

use std::time::Duration;

use integration::eventually;
use integration::servers::QuestDb;
use serde_json::{Map, Value, json};
use station::fact::{Connection, Fact, Key, LogEntry, MeterValue, SessionRow};
use station::id::{EventId, SessionId};
use station::time::Timestamp;
use store::ilp::{Batch, Writer};
use uuid::Uuid;

/// The time of rows of which only the last counts.
pub(crate) const EPOCH: &str = "1970-01-01T00:00:00.000000Z";
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Now, to whole milliseconds: some comparisons go through formats that have no more.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::from(chrono::Utc::now());
    Timestamp(now.0 / 1_000 * 1_000)
}

pub(crate) fn key(station: &str) -> Key {
    let now = now();
    Key {
        ts: now.plus_seconds(-60),
        event_id: EventId(Uuid::new_v4()),
        n: 2,
        station: station.into(),
        site: Some("site 1".into()),
        evse: Some(1),
        connector: Some(2),
        station_ts: Some(now.plus_seconds(-61)),
        received_at: now,
        flags: Some("clock,unit".into()),
    }
}

pub(crate) fn meter_value(session: Option<SessionId>) -> MeterValue {
    MeterValue {
        session_id: session,
        context: "Sample.Periodic".into(),
        location: "Outlet".into(),
        phase: Some("L1".into()),
        power_w: Some(7_360.5),
        energy_wh: Some(1_234_567.0),
        current_a: Some(32.0),
        voltage_v: Some(230.0),
        soc_ratio: Some(0.42),
        temperature_c: Some(-3.5),
        power_offered_w: Some(11_000.0),
        current_offered_a: Some(16.0),
        frequency_hz: Some(49.98),
    }
}

pub(crate) fn event(station: &str) -> Fact {
    Fact::Event(
        key(station),
        LogEntry {
            r#type: "security_event",
            severity: station::event::Severity::Critical,
            text: "line one\nline \"two\" \\ ü".into(),
            payload: Some("{\"a\":1}".into()),
            source: "ocpp1.6",
        },
    )
}

pub(crate) fn connection(station: &str) -> Fact {
    Fact::Connection(
        key(station),
        Connection {
            gateway: "gw-1".into(),
            epoch: Uuid::from_u128(7),
            state: "connected",
            protocol: "ocpp1.6",
            reason: Some("new".into()),
            remote: Some("10.0.0.1".into()),
        },
    )
}

/// An ended session of an hour that began 61 minutes ago.
pub(crate) fn session(station: &str, token: &str) -> SessionRow {
    let now = now();
    let ts = now.plus_seconds(-3_660);
    SessionRow {
        ts,
        session_id: SessionId(Uuid::new_v4()),
        station: station.into(),
        site: Some("site 1".into()),
        evse: Some(1),
        connector: Some(2),
        transaction_id: Some("17".into()),
        token_hash: Some(token.into()),
        vehicle_model: Some("Leaf".into()),
        user_type: Some("Commuter".into()),
        charger_type: Some("Level 2".into()),
        state: "ended",
        started_at: ts,
        ended_at: Some(now.plus_seconds(-60)),
        duration_s: 3_600.0,
        charging_s: Some(3_000.0),
        idle_s: Some(600.0),
        energy_wh: Some(7_000.0),
        meter_start_wh: Some(1_000.0),
        meter_stop_wh: Some(8_000.0),
        max_power_w: Some(7_400.0),
        mean_power_w: Some(7_000.0),
        soc_start_ratio: Some(0.2),
        soc_end_ratio: Some(0.8),
        battery_wh: Some(40_000.0),
        temperature_c: Some(21.0),
        cost: Some(2.34),
        currency: Some("EUR".into()),
        tariff: Some("day".into()),
        tariff_revision: Some(3),
        stop_reason: Some("Local".into()),
        inferred: false,
        partial: true,
        revision: 1,
        samples: 2,
        source: "ocpp1.6",
        received_at: now.plus_seconds(-3_650),
        updated_at: now,
        flags: Some("clock".into()),
    }
}

/// What a query gives, each row as an object.
pub(crate) fn select(server: &QuestDb, sql: &str) -> Result<Vec<Value>, String> {
    let url = format!("{}/exec", server.http());
    let mut answer = ureq::get(&url)
        .query("query", sql)
        .config()
        .http_status_as_error(false)
        .build()
        .call()
        .map_err(|e| e.to_string())?;
    let text = answer.body_mut().read_to_string().map_err(|e| e.to_string())?;
    let body: Value = serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))?;
    if body.get("ddl").is_some() || body.get("dml").is_some() {
        return Ok(Vec::new());
    }
    let columns = body["columns"].as_array().ok_or(text)?;
    let rows = body["dataset"].as_array().ok_or("no dataset")?;
    let object = |row: &Value| -> Map<String, Value> {
        columns
            .iter()
            .zip(row.as_array().into_iter().flatten())
            .map(|(column, value)| (column["name"].as_str().unwrap_or_default().to_owned(), value.clone()))
            .collect()
    };
    Ok(rows.iter().map(|row| Value::Object(object(row))).collect())
}

/// Waits until `sql` gives `count` rows, and gives them.
pub(crate) async fn rows(server: &QuestDb, sql: &str, count: usize) -> Vec<Value> {
    eventually(DEADLINE, || async {
        let rows = select(server, sql)?;
        if rows.len() == count { Ok(rows) } else { Err(format!("{} rows, not {count}: {sql}", rows.len())) }
    })
    .await
}

/// Waits until `table` has exactly one row for `condition`, and compares it, column by column.
pub(crate) async fn assert_row(server: &QuestDb, table: &str, condition: &str, expected: Value) {
    let found = rows(server, &format!("SELECT * FROM {table} WHERE {condition}"), 1).await;
    assert_eq!(found[0], expected, "{table}");
}

/// The time as the server writes it.
pub(crate) fn time(time: Timestamp) -> Value {
    json!(time.to_utc().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

/// Writes a batch, all of which is taken.
pub(crate) fn send(server: &QuestDb, fill: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::new();
    fill(&mut batch);
    let rows = batch.rows();
    let sent = Writer::new(&server.config()).send(&mut batch).expect("sent");
    assert_eq!((sent.refused, sent.tables.iter().map(|t| t.rows).sum::<usize>()), (vec![], rows));
    assert!(batch.is_empty());
}

/// The columns that most fact tables have in common.
pub(crate) fn common(key: &Key, more: Value) -> Value {
    let mut row = json!({
        "ts": time(key.ts), "event_id": key.event_id.to_string(), "n": key.n, "station": key.station,
        "site": key.site, "evse": key.evse, "connector": key.connector,
        "station_ts": key.station_ts.map(time), "received_at": time(key.received_at), "flags": key.flags,
    });
    let (Some(row_map), Value::Object(more)) = (row.as_object_mut(), more) else { panic!("objects") };
    for (name, value) in more {
        // Null here: the table has no such column.
        if value.is_null() {
            row_map.remove(&name);
        } else {
            row_map.insert(name, value);
        }
    }
    row
}
