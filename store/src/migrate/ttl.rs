//! How long tables are kept, where the configuration says other than the migrations.

use std::time::Duration;

use tokio_postgres::Client;

use super::lock::Lock;
use super::{MigrateError, execute, query};
use crate::config::StoreConfig;
use crate::rows::TABLES;

/// The shortest time to live, in days: the 30 days that a station may report late, and a margin. The server answers
/// 204 to a row older than the table's time to live, and forgets it.
pub const TTL_MIN_DAYS: u64 = 35;

const DAY: u64 = 86_400;

/// What can be said without asking the server.
pub(super) fn check(config: &StoreConfig) -> Result<(), MigrateError> {
    for (table, ttl) in &config.ttl {
        let seconds = ttl.0.as_secs();
        let reason = if seconds == 0 {
            continue;
        } else if ttl.0 != Duration::from_secs(seconds / DAY * DAY) {
            "write whole days, such as \"400d\"".to_owned()
        } else if seconds < TTL_MIN_DAYS * DAY {
            format!(
                "at least {TTL_MIN_DAYS}d, or 0s for ever: stations may report 30 days late, and rows older than a \
                 table's time to live vanish without an error"
            )
        } else {
            continue;
        };
        return Err(MigrateError::Ttl { table: table.clone(), ttl: ttl.to_string(), reason });
    }
    Ok(())
}

/// Sets what differs; says what was set.
pub(super) async fn apply(
    config: &StoreConfig,
    client: &Client,
    lock: &Lock,
) -> Result<Vec<String>, MigrateError> {
    let mut set = Vec::new();
    if config.ttl.is_empty() {
        return Ok(set);
    }
    let live =
        query(client, "SELECT table_name, partitionBy, ttlValue, ttlUnit, matView FROM tables()").await?;
    for (table, ttl) in &config.ttl {
        let refuse = |reason: &str| MigrateError::Ttl {
            table: table.clone(),
            ttl: ttl.to_string(),
            reason: reason.to_owned(),
        };
        let row = live.iter().find(|row| row.first() == Some(&Some(table.clone())));
        let Some([_, Some(partition_by), value, unit, view]) = row.map(Vec::as_slice) else {
            return Err(refuse(&format!("there is no such table; there are {}", names())));
        };
        let days = ttl.0.as_secs() / DAY;
        // The time to live must be a multiple of the partitions.
        let (number, word) = match partition_by.as_str() {
            "DAY" => (days, "DAY"),
            "MONTH" => (days.div_ceil(30), "MONTH"),
            _ => return Err(refuse("this table is kept for ever: what is in force must not vanish")),
        };
        let same = match value.as_deref() {
            Some("0") | None => number == 0,
            Some(value) => value == number.to_string() && unit.as_deref() == Some(word),
        };
        if same {
            continue;
        }
        let kind = if view.as_deref() == Some("t") { "MATERIALIZED VIEW" } else { "TABLE" };
        lock.check()?;
        execute(client, "store.ttl", &format!("ALTER {kind} {table} SET TTL {number} {word}")).await?;
        tracing::info!(table, ttl = %format!("{number} {word}"), "a time to live was set");
        set.push(format!("{table}: {number} {word}"));
    }
    Ok(set)
}

fn names() -> String {
    TABLES.iter().map(|table| table.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use service::config::HumanDuration;

    use super::*;

    fn checked(text: &str) -> Result<(), String> {
        let ttl: HumanDuration = text.parse().expect("duration");
        let config = StoreConfig { ttl: [("events".to_owned(), ttl)].into(), ..Default::default() };
        check(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_short_time_to_live_is_refused() {
        assert_eq!(checked("35d"), Ok(()));
        assert_eq!(checked("0s"), Ok(()));
        assert!(checked("34d").expect_err("short").starts_with("store.ttl.events = \"34d\": at least 35d"));
        assert!(checked("900h").expect_err("hours").contains("whole days"));
    }
}
