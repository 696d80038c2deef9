//! What should be in the store beside what is: the same for every value that can be written, and told where not.

use integration::servers::QuestDb;
use integration::{eventually, unique};
use station::fact::{Fact, LogEntry};
use station::time::Timestamp;
use store::audit::{Expected, find};
use store::ilp::{Batch, Cell, Writer};
use store::read::Reader;

use crate::sample::{DEADLINE, connection, event, key, meter_value, session};

/// Rows with what is odd about values.
fn odd(station: &str) -> Vec<Fact> {
    let mut empty = session(station, "");
    (empty.energy_wh, empty.idle_s, empty.max_power_w) =
        (Some(-0.0), Some(f64::NAN), Some(f64::MIN_POSITIVE));
    (empty.ended_at, empty.transaction_id, empty.tariff) =
        (Some(Timestamp(i64::MAX)), None, Some("'t' \"".into()));
    let mut long = key(&"ä".repeat(300));
    (long.site, long.flags, long.evse) = (Some("a\0b\nc".into()), None, Some(i32::MAX));
    let mut value = meter_value(None);
    (value.phase, value.location, value.power_w) = (None, String::new(), Some(1.0 / 3.0));
    let entry = |payload: String| LogEntry {
        r#type: "data_transfer",
        severity: station::event::Severity::Info,
        text: String::new(),
        payload: Some(payload),
        source: "ocpp1.6",
    };
    vec![
        event(station),
        connection(station),
        Fact::Session(Box::new(session(station, "t"))),
        Fact::Session(Box::new(empty)),
        Fact::MeterValue(long, value),
        Fact::Event(key(station), entry("x\t\u{1}'\\".into())),
        // The largest payload that is kept, and more than one message of the PG wire takes.
        Fact::Event(key(station), entry("ü".repeat(2 << 20))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_is_found_as_it_was_written() {
    let server = QuestDb::shared().await;
    let reader = Reader::new(&server.config());
    let station = unique("audited");
    let facts = odd(&station);
    let rows: Vec<Expected> = facts.iter().flat_map(Expected::of).map(|row| row.expect("a row")).collect();
    let mut batch = Batch::new();
    facts.iter().for_each(|fact| batch.push_fact(1, fact));
    assert!(Writer::new(&server.config()).send(&mut batch).expect("sent").refused.is_empty());
    eventually(DEADLINE, || async {
        let found = find(&reader, &mut rows.iter().collect::<Vec<_>>()).await.map_err(|e| e.to_string())?;
        for row in &rows {
            let Some(found) = found.get(&row.key) else { return Err(format!("{:?} is missing", row.key)) };
            let differences = format!("{:?}", row.differences(found));
            if differences != "[]" {
                return Err(format!("{:?}: {differences:.2000}", row.key));
            }
        }
        Ok(())
    })
    .await;

    server.sql(&format!(
        "UPDATE events SET severity = 'warning' WHERE station = '{station}' AND type = 'security_event'"
    ));
    let difference = eventually(DEADLINE, || async {
        let found = find(&reader, &mut [&rows[0]]).await.map_err(|e| e.to_string())?;
        let found = found.get(&rows[0].key).ok_or_else(|| "missing".to_owned())?;
        rows[0].differences(found).pop().ok_or_else(|| "nothing is different".to_owned())
    })
    .await;
    assert_eq!(difference.column, "severity");
    assert_eq!(difference.expected, Some(Cell::Text("critical".into())));
    assert_eq!(difference.found, Some(Cell::Text("warning".into())));
}
