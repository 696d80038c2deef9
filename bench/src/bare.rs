//! The peer: the bare client library, with the rows made beforehand.

use anyhow::Context as _;
use questdb::ingress::{Buffer, Sender, TimestampMicros};
use station::fact::{Fact, Key, MeterValue};
use std::path::Path;
use std::time::{Duration, Instant};

use gateway::journal::{Journal, JournalConfig, Reader};
use station::fold::{Fold, Rows};

/// The first rows of `meter_values` that follow from a journal.
pub(crate) fn rows(journal: &Path, count: u64) -> anyhow::Result<Vec<(Key, MeterValue)>> {
    let config = JournalConfig { folder: journal.to_owned(), ..JournalConfig::default() };
    let progress = Journal::open(config)?.progress();
    let mut reader = Reader::new(journal.to_owned(), progress, 1);
    let (mut fold, mut rows, mut bytes) = (Fold::default(), Rows::wanted(), Vec::new());
    let mut found = Vec::new();
    while (found.len() as u64) < count && reader.read(&mut bytes, &mut |_| {})?.is_some() {
        fold.apply(&proto::event::decode(&bytes)?, &mut rows);
        found.extend(rows.facts.drain(..).filter_map(|fact| match fact {
            Fact::MeterValue(key, row) => Some((key, row)),
            _ => None,
        }));
    }
    Ok(found)
}

/// Writes the rows, so many a request; how long that took.
pub(crate) fn write(store: &str, rows: &[(Key, MeterValue)], batch_rows: usize) -> anyhow::Result<Duration> {
    let address = store.strip_prefix("http://").context("an http:// address")?;
    let mut sender =
        Sender::from_conf(format!("http::addr={address};protocol_version=2;request_timeout=60000;"))?;
    let mut buffer = sender.new_buffer();
    let began = Instant::now();
    for rows in rows.chunks(batch_rows) {
        for (key, row) in rows {
            put(&mut buffer, key, row)?;
        }
        sender.flush(&mut buffer)?;
    }
    Ok(began.elapsed())
}

fn put(buffer: &mut Buffer, key: &Key, row: &MeterValue) -> questdb::Result<()> {
    buffer.table("meter_values")?;
    let symbols = [
        ("station", Some(&key.station)),
        ("site", key.site.as_ref()),
        ("context", Some(&row.context)),
        ("location", Some(&row.location)),
        ("phase", row.phase.as_ref()),
        ("flags", key.flags.as_ref()),
    ];
    for (name, value) in symbols {
        if let Some(value) = value {
            buffer.symbol(name, value)?;
        }
    }
    buffer
        .column_str("event_id", key.event_id.0.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()))?;
    for (name, value) in [("n", Some(key.n)), ("evse", key.evse), ("connector", key.connector)] {
        if let Some(value) = value {
            buffer.column_i64(name, i64::from(value))?;
        }
    }
    if let Some(session) = row.session_id {
        buffer.column_str(
            "session_id",
            session.0.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()),
        )?;
    }
    let doubles = [
        ("power_w", row.power_w),
        ("energy_wh", row.energy_wh),
        ("current_a", row.current_a),
        ("voltage_v", row.voltage_v),
        ("soc_ratio", row.soc_ratio),
        ("temperature_c", row.temperature_c),
        ("power_offered_w", row.power_offered_w),
        ("current_offered_a", row.current_offered_a),
        ("frequency_hz", row.frequency_hz),
    ];
    for (name, value) in doubles {
        if let Some(value) = value {
            buffer.column_f64(name, value)?;
        }
    }
    if let Some(at) = key.station_ts {
        buffer.column_ts("station_ts", TimestampMicros::new(at.0))?;
    }
    buffer.column_ts("received_at", TimestampMicros::new(key.received_at.0))?;
    buffer.at(TimestampMicros::new(key.ts.0))
}
