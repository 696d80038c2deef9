//! Each row as it is written and as it is found in the store.

use integration::servers::QuestDb;
use integration::unique;
use serde_json::{Value, json};
use station::fact::{
    ConnectorNow, ConnectorStatusRow, Fact, Key, MeterValueOther, Rejected, SessionNow, StationNow,
    StationReport,
};
use station::id::SessionId;
use station::time::Timestamp;
use store::ilp::{Batch, Writer};
use uuid::Uuid;

use crate::sample::{
    EPOCH, assert_row, common, connection, event, key, meter_value, now, rows, select, send, session, time,
};

fn key_of(fact: &Fact) -> Key {
    match fact {
        Fact::Event(key, _) | Fact::Connection(key, _) => key.clone(),
        _ => panic!("another fact"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stations_say() {
    let server = QuestDb::shared().await;
    let station = unique("Säule 7,=");
    let session_id = SessionId(Uuid::new_v4());
    let keys: Vec<Key> = (0..5).map(|_| key(&station)).collect();
    let (event, connection) = (event(&station), connection(&station));
    let other = MeterValueOther {
        session_id: Some(session_id),
        context: "Trigger".into(),
        location: "EV".into(),
        phase: Some("L2-N".into()),
        measurand: "Power.Factor".into(),
        value: Some(0.9),
        value_text: Some("?".into()),
        unit: "ratio".into(),
    };
    let report = StationReport {
        protocol: "ocpp1.6",
        vendor: Some("ACME".into()),
        model: Some("Wall \"1\"".into()),
        serial: Some("S 1".into()),
        firmware: Some("1.2".into()),
        boot_reason: Some("PowerUp".into()),
    };
    let status = ConnectorStatusRow {
        status: "faulted",
        error_code: Some("GroundFailure".into()),
        vendor_error_code: Some("E 17".into()),
        vendor_id: Some("com.acme".into()),
        info: Some("wet".into()),
    };
    let rejected = Rejected {
        source: "mqtt_broker",
        reason: "malformed",
        detail: "no JSON at byte 3".into(),
        origin: "idc/fc01".into(),
        payload: Some("{".into()),
    };
    send(server, |batch| {
        batch.push_fact(1, &Fact::StationReport(keys[0].clone(), report));
        batch.push_fact(2, &Fact::ConnectorStatus(keys[1].clone(), status));
        batch.push_fact(3, &Fact::MeterValue(keys[2].clone(), meter_value(Some(session_id))));
        batch.push_fact(4, &Fact::MeterValueOther(keys[3].clone(), other));
        batch.push_fact(5, &Fact::Rejected(keys[4].clone(), rejected));
        batch.push_fact(6, &event);
        batch.push_fact(7, &connection);
    });
    let by_id = |key: &Key| format!("event_id = '{}'", key.event_id);
    let no_place = json!({"evse": null, "connector": null});
    let without_place = |mut more: Value| {
        more.as_object_mut().expect("object").extend(no_place.as_object().expect("object").clone());
        more
    };
    assert_row(
        server,
        "station_reports",
        &by_id(&keys[0]),
        common(
            &keys[0],
            without_place(
                json!({"protocol": "ocpp1.6", "vendor": "ACME", "model": "Wall \"1\"", "serial": "S 1",
                "firmware": "1.2", "boot_reason": "PowerUp"}),
            ),
        ),
    )
    .await;
    assert_row(
        server,
        "connector_status",
        &by_id(&keys[1]),
        common(
            &keys[1],
            json!({"status": "faulted", "error_code": "GroundFailure", "vendor_error_code": "E 17",
                "vendor_id": "com.acme", "info": "wet"}),
        ),
    )
    .await;
    assert_row(
        server,
        "meter_values",
        &by_id(&keys[2]),
        common(
            &keys[2],
            json!({"session_id": session_id.to_string(), "context": "Sample.Periodic", "location": "Outlet",
                "phase": "L1", "power_w": 7360.5, "energy_wh": 1_234_567.0, "current_a": 32.0, "voltage_v": 230.0,
                "soc_ratio": 0.42, "temperature_c": -3.5, "power_offered_w": 11_000.0, "current_offered_a": 16.0,
                "frequency_hz": 49.98}),
        ),
    )
    .await;
    assert_row(
        server,
        "meter_values_other",
        &by_id(&keys[3]),
        common(
            &keys[3],
            json!({"session_id": session_id.to_string(), "context": "Trigger", "location": "EV", "phase": "L2-N",
                "measurand": "Power.Factor", "value": 0.9, "value_text": "?", "unit": "ratio"}),
        ),
    )
    .await;
    assert_row(
        server,
        "rejected",
        &by_id(&keys[4]),
        json!({"ts": time(keys[4].ts), "event_id": keys[4].event_id.to_string(), "n": 2, "station": station,
            "source": "mqtt_broker", "reason": "malformed", "detail": "no JSON at byte 3", "origin": "idc/fc01",
            "payload": "{", "received_at": time(keys[4].received_at)}),
    )
    .await;
    let event_key = key_of(&event);
    assert_row(
        server,
        "events",
        &by_id(&event_key),
        common(
            &event_key,
            json!({"type": "security_event", "severity": "critical", "text": "line one\nline \"two\" \\ ü",
                "payload": "{\"a\":1}", "source": "ocpp1.6"}),
        ),
    )
    .await;
    let connection_key = key_of(&connection);
    assert_row(
        server,
        "connections",
        &by_id(&connection_key),
        common(
            &connection_key,
            without_place(json!({"gateway": "gw-1", "epoch": Uuid::from_u128(7).to_string(), "state": "connected",
                "protocol": "ocpp1.6", "reason": "new", "remote": "10.0.0.1", "station_ts": null, "flags": null})),
        ),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_replaced_by_its_next_revision() {
    let server = QuestDb::shared().await;
    let first = session(&unique("station"), "token");
    let second = store_row_of(first.clone());
    send(server, |batch| {
        batch.push_fact(1, &Fact::Session(Box::new(first.clone())));
        batch.push_fact(2, &Fact::Session(Box::new(second.clone())));
    });
    let row = &second;
    let condition = format!("session_id = '{}' AND revision = 2", row.session_id);
    assert_row(
        server,
        "sessions",
        &condition,
        json!({"ts": time(row.ts), "session_id": row.session_id.to_string(), "station": row.station,
            "site": "site 1", "evse": 1, "connector": 2, "transaction_id": "17", "token_hash": "token",
            "vehicle_model": "Leaf", "user_type": "Commuter", "charger_type": "Level 2", "state": "ended",
            "started_at": time(row.started_at), "ended_at": row.ended_at.map(time), "duration_s": 3600.0,
            "charging_s": 3000.0, "idle_s": 600.0, "energy_wh": 7000.0, "meter_start_wh": 1000.0,
            "meter_stop_wh": 8000.0, "max_power_w": 7400.0, "mean_power_w": 7000.0, "soc_start_ratio": 0.2,
            "soc_end_ratio": 0.8, "battery_wh": 40_000.0, "temperature_c": 21.0, "cost": null, "currency": "EUR",
            "tariff": "day", "tariff_revision": 3, "stop_reason": "Local", "inferred": false, "partial": true,
            "revision": 2, "samples": 2, "source": "ocpp1.6", "received_at": time(row.received_at),
            "updated_at": time(row.updated_at), "flags": "clock"}),
    )
    .await;
    rows(server, &format!("SELECT revision FROM sessions WHERE session_id = '{}'", row.session_id), 1).await;
}

/// The next revision, without its cost.
fn store_row_of(mut row: station::fact::SessionRow) -> station::fact::SessionRow {
    row.revision += 1;
    row.cost = None;
    row
}

#[tokio::test(flavor = "multi_thread")]
async fn current_states_are_one_row_a_key() {
    let server = QuestDb::shared().await;
    let station = unique("station");
    let now = now();
    let before = StationNow {
        station: station.clone(),
        state: "available",
        gateway: Some("gw".into()),
        ..Default::default()
    };
    let after = StationNow {
        station: station.clone(),
        site: Some("site 1".into()),
        connected: true,
        gateway: None,
        epoch: Some(Uuid::from_u128(9)),
        protocol: Some("ocpp2.0.1"),
        state: "charging",
        vendor: Some("ACME".into()),
        model: Some("W".into()),
        firmware: Some("1".into()),
        connectors: 2,
        connectors_faulted: 1,
        active_sessions: 1,
        power_w: 11_000.0,
        sessions_count: 5_000_000_000,
        energy_wh: 1_234_567.5,
        connected_at: Some(now),
        last_seen_at: now,
        updated_at: now,
    };
    let connector = ConnectorNow {
        station: station.clone(),
        site: None,
        evse: 1,
        connector: 2,
        status: "faulted",
        error_code: Some("GroundFailure".into()),
        vendor_error_code: Some("17".into()),
        since: now,
        updated_at: now,
    };
    let session = SessionNow {
        station: station.clone(),
        site: None,
        evse: 1,
        connector: 2,
        session_id: SessionId(Uuid::from_u128(3)),
        transaction_id: Some("1".into()),
        token_hash: Some("t".into()),
        state: "open",
        started_at: now,
        duration_s: 60.0,
        idle_s: 0.0,
        energy_wh: 100.0,
        power_w: f64::NAN,
        max_power_w: Some(f64::INFINITY),
        soc_ratio: Some(0.5),
        temperature_c: None,
        cost: Some(0.03),
        currency: Some("EUR".into()),
        samples: 3,
        updated_at: now,
    };
    send(server, |batch| {
        batch.push_station_now(1, &before);
        batch.push_station_now(2, &after);
        batch.push_connector_now(3, &connector);
        batch.push_session_now(4, &session);
    });
    let condition = format!("station = '{station}'");
    assert_row(
        server,
        "station_now",
        &condition,
        json!({"ts": EPOCH, "station": station, "site": "site 1", "connected": true, "gateway": null,
            "epoch": Uuid::from_u128(9).to_string(), "protocol": "ocpp2.0.1", "state": "charging", "vendor": "ACME",
            "model": "W", "firmware": "1", "connectors": 2, "connectors_faulted": 1, "active_sessions": 1,
            "power_w": 11_000.0, "sessions_count": 5_000_000_000_i64, "energy_wh": 1_234_567.5, "connected_at": time(now),
            "last_seen_at": time(now), "updated_at": time(now)}),
    )
    .await;
    assert_row(
        server,
        "connector_now",
        &condition,
        json!({"ts": EPOCH, "station": station, "site": null, "evse": 1, "connector": 2, "status": "faulted",
            "error_code": "GroundFailure", "vendor_error_code": "17", "since": time(now), "updated_at": time(now)}),
    )
    .await;
    // What is not finite is NULL.
    assert_row(
        server,
        "session_now",
        &condition,
        json!({"ts": EPOCH, "station": station, "site": null, "evse": 1, "connector": 2,
            "session_id": Uuid::from_u128(3).to_string(), "transaction_id": "1", "token_hash": "t", "state": "open",
            "started_at": time(now), "duration_s": 60.0, "idle_s": 0.0, "energy_wh": 100.0, "power_w": null,
            "max_power_w": null, "soc_ratio": 0.5, "temperature_c": null, "cost": 0.03, "currency": "EUR",
            "samples": 3, "updated_at": time(now)}),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replaying_stores_nothing_twice_and_two_samples_stay_two() {
    let server = QuestDb::shared().await;
    let station = unique("station");
    let first = key(&station);
    let second = Key { n: first.n + 1, ..first.clone() };
    // The same moment from another event.
    let third = Key { event_id: key(&station).event_id, ..first.clone() };
    let fill = |batch: &mut Batch| {
        for key in [&first, &second, &third] {
            batch.push_fact(1, &Fact::MeterValue(key.clone(), meter_value(None)));
        }
    };
    send(server, fill);
    let sql = format!("SELECT * FROM meter_values WHERE station = '{station}'");
    rows(server, &sql, 3).await;
    send(server, fill);
    // The replay is applied before what is sent after it, to the same table.
    let last = key(&station);
    send(server, |batch| batch.push_fact(1, &Fact::MeterValue(last, meter_value(None))));
    rows(server, &sql, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_texts_and_times_are_stored_as_well_as_can_be() {
    let server = QuestDb::shared().await;
    let station = unique("a\0b\nc \"d\" \\ 🚗");
    let clean = station.replace(['\0', '\n'], "\u{fffd}");
    let mut odd = key(&station);
    odd.station_ts = Some(Timestamp(i64::MAX));
    odd.flags = Some("x".repeat(1_000));
    let Fact::Event(_, mut entry) = event(&station) else { panic!("event") };
    entry.text = "a\0b\u{1}c\nd\te".into();
    entry.payload = Some("y".repeat(3 << 20));
    let mut beyond = odd.clone();
    beyond.ts = Timestamp(-1);
    let mut batch = Batch::new();
    batch.push_fact(1, &Fact::Event(odd, entry.clone()));
    batch.push_fact(2, &Fact::Event(beyond, entry));
    let sent = Writer::new(&server.config()).send(&mut batch).expect("sent");
    assert_eq!((sent.rows(), sent.refused.len(), sent.refused[0].tag), (1, 1, 2), "{:?}", sent.refused);
    let sql = format!(
        "SELECT station_ts, text, length(payload) AS payload, length(flags) AS flags FROM events WHERE station = '{}'",
        clean.replace('\'', "''")
    );
    let row = rows(server, &sql, 1).await.remove(0);
    assert_eq!(row["station_ts"], Value::Null);
    assert_eq!(row["text"], "a\u{fffd}b\u{fffd}c\nd\te");
    assert_eq!(row["flags"], 254, "251 bytes and …");
    assert!(row["payload"].as_i64().expect("length") < 3 << 20, "{row}");
    assert!(select(server, "SELECT count() FROM events").is_ok(), "the server's JSON is whole");
}
