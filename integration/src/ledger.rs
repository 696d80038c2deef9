//! Compares what clients were told is acknowledged with what the store holds, row by row.

use std::collections::HashMap;
use std::path::Path;

use simulator::ledger::{Line, MessageLine, SessionLine};
use station::deviation::Deviations;
use station::time::Timestamp;
use store::read::Reader;

/// What a fleet's own books say.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Acknowledged messages.
    pub messages: Vec<MessageLine>,
    /// Sessions whose end was acknowledged.
    pub sessions: Vec<SessionLine>,
    /// Sessions whose end was never said, or never acknowledged.
    pub without_end: Vec<SessionLine>,
    /// Messages that were refused for good.
    pub refused: usize,
}

/// A meter reading: station, connector (OCPP 2.x: EVSE), the station's time in µs, register in mWh.
type Reading = (String, i32, i64, i64);

impl Ledger {
    /// Reads the file that the simulator wrote.
    ///
    /// # Panics
    /// When it cannot be read. A last line that is cut off (its writer was killed) is left out.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut ledger = Self::default();
        for line in text.lines() {
            match serde_json::from_str(line) {
                Ok(Line::Message(message)) => ledger.messages.push(message),
                Ok(Line::Session(session)) if session.acknowledged_at.is_some() => {
                    ledger.sessions.push(session);
                }
                Ok(Line::Session(session)) => ledger.without_end.push(session),
                Ok(Line::Refused(_)) => ledger.refused += 1,
                _ => {}
            }
        }
        ledger
    }

    /// Acknowledged meter readings, with how often each was acknowledged as a message of its own.
    fn readings(&self) -> HashMap<Reading, usize> {
        let mut readings = HashMap::new();
        for m in &self.messages {
            let metered = matches!(m.action.as_str(), "MeterValues" | "TransactionEvent" | "meter");
            if let (true, Some(register), Some(at)) = (metered, m.register_wh, &m.timestamp) {
                let key = (m.station.clone(), m.connector.map_or(0, i32::from), micros(at), milli(register));
                *readings.entry(key).or_default() += 1;
            }
        }
        readings
    }

    /// What the store misses, has twice, or has otherwise: a text for each. Nothing acknowledged may be missing, and
    /// nothing may be there more often than it was said.
    ///
    /// # Panics
    /// When the store cannot be read.
    pub async fn differences(&self, reader: &Reader) -> Vec<String> {
        let mut differences = Vec::new();
        let stored = stored_readings(reader).await;
        for (reading, said) in self.readings() {
            let found = stored.get(&reading).copied().unwrap_or(0);
            if found != said {
                differences
                    .push(format!("reading {reading:?}: acknowledged {said} times, stored {found} times"));
            }
        }
        let sessions = stored_sessions(reader).await;
        for said in &self.sessions {
            let id = transaction(said);
            let rows: Vec<_> = sessions
                .get(&(said.station.clone(), id.clone()))
                .map(Vec::as_slice)
                .unwrap_or_default()
                .iter()
                .filter(|row| row.ended_at == Some(micros(&said.ended_at)))
                .collect();
            #[allow(clippy::cast_precision_loss)]
            match rows.as_slice() {
                // Its register began again on purpose: the ledger's difference is negative, and ours is what was seen.
                [_] if said.energy_wh < 0 => {}
                [row] if row.energy_wh.is_some_and(|e| (e - said.energy_wh as f64).abs() < 0.5) => {}
                [row] => differences.push(format!(
                    "session {id} of {}: {} Wh acknowledged, {:?} stored",
                    said.station, said.energy_wh, row.energy_wh
                )),
                rows => {
                    differences.push(format!(
                        "session {id} of {}: stored {} times",
                        said.station,
                        rows.len()
                    ));
                }
            }
        }
        differences
    }
}

struct StoredSession {
    ended_at: Option<i64>,
    energy_wh: Option<f64>,
}

async fn stored_readings(reader: &Reader) -> HashMap<Reading, usize> {
    let sql = "SELECT station, coalesce(evse, connector, 0) AS connector, station_ts, energy_wh FROM meter_values \
               WHERE energy_wh IS NOT NULL AND phase IS NULL";
    let mut stored = HashMap::new();
    for row in reader.query(sql, &[]).await.unwrap_or_else(|error| panic!("{error}")) {
        let read = || -> Result<Reading, store::read::ReadError> {
            let at: Option<Timestamp> = row.get("station_ts")?;
            let energy: f64 = row.get("energy_wh")?;
            Ok((row.get("station")?, row.get("connector")?, at.unwrap_or_default().0, milli(energy)))
        };
        *stored.entry(read().unwrap_or_else(|error| panic!("{error}"))).or_default() += 1;
    }
    stored
}

async fn stored_sessions(reader: &Reader) -> HashMap<(String, String), Vec<StoredSession>> {
    let sql =
        "SELECT station, transaction_id, ended_at, energy_wh FROM sessions WHERE transaction_id IS NOT NULL";
    let mut stored: HashMap<_, Vec<_>> = HashMap::new();
    for row in reader.query(sql, &[]).await.unwrap_or_else(|error| panic!("{error}")) {
        let read = || -> Result<((String, String), StoredSession), store::read::ReadError> {
            let ended_at: Option<Timestamp> = row.get("ended_at")?;
            let session = StoredSession { ended_at: ended_at.map(|t| t.0), energy_wh: row.get("energy_wh")? };
            Ok(((row.get("station")?, row.get("transaction_id")?), session))
        };
        let (key, session) = read().unwrap_or_else(|error| panic!("{error}"));
        stored.entry(key).or_default().push(session);
    }
    stored
}

/// How the store names the transaction of a session.
#[must_use]
pub fn transaction(session: &SessionLine) -> String {
    session.transaction_id.map_or_else(|| session.session.clone(), |id| id.to_string())
}

fn micros(text: &str) -> i64 {
    Timestamp::parse(text, &mut Deviations::default()).unwrap_or_else(|| panic!("{text} is no time")).0
}

#[allow(clippy::cast_possible_truncation)]
fn milli(wh: f64) -> i64 {
    (wh * 1e3).round() as i64
}
