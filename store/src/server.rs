//! The server itself: what is applied, how it is set up, whether it has restarted.

use std::collections::BTreeMap;

use station::time::Timestamp;

use crate::read::{ReadError, Reader};

/// How far a table is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WalTable {
    /// Which.
    pub table: String,
    /// It takes rows (204) but shows none of them, until an operator resumes it.
    pub suspended: bool,
    /// The last transaction that can be read.
    pub writer_txn: i64,
    /// The last transaction that was accepted.
    pub sequencer_txn: i64,
    /// Why it is suspended, as far as the server knows.
    pub error: Option<String>,
    /// 0: none; above: the server applies with less parallelism, or waits.
    pub memory_pressure: i32,
}

/// Every table with a write-ahead log.
///
/// # Errors
/// See [`ReadError`].
pub async fn wal_tables(reader: &Reader) -> Result<Vec<WalTable>, ReadError> {
    let sql = "SELECT name, suspended, writerTxn, sequencerTxn, errorTag, errorMessage, memoryPressure FROM wal_tables()";
    let rows = reader.query(sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let text = |column| row.get::<Option<String>>(column).map(Option::unwrap_or_default);
            let error = format!("{} {}", text("errorTag")?, text("errorMessage")?).trim().to_owned();
            Ok(WalTable {
                table: row.get("name")?,
                suspended: row.get("suspended")?,
                writer_txn: row.get("writerTxn")?,
                sequencer_txn: row.get("sequencerTxn")?,
                error: (!error.is_empty()).then_some(error),
                memory_pressure: row.get("memoryPressure")?,
            })
        })
        .collect()
}

/// The server's parameters (`cairo.commit.mode`, …) as they are in force.
///
/// # Errors
/// See [`ReadError`].
pub async fn parameters(reader: &Reader) -> Result<BTreeMap<String, String>, ReadError> {
    let rows = reader.query("SELECT property_path, value FROM (SHOW PARAMETERS)", &[]).await?;
    rows.iter()
        .map(|row| Ok((row.get("property_path")?, row.get::<Option<String>>("value")?.unwrap_or_default())))
        .collect()
}

/// When the server started. Another value than before: it has restarted, and what it had not synced may be lost.
///
/// # Errors
/// See [`ReadError`].
pub async fn restart_epoch(reader: &Reader) -> Result<Timestamp, ReadError> {
    let rows = reader.query("SELECT pg_postmaster_start_time() AS started", &[]).await?;
    match rows.first() {
        Some(row) => row.get("started"),
        None => Err(ReadError::Column { column: "started".into(), reason: "the answer is empty".into() }),
    }
}
