//! Rows on their way, grouped by table.

use std::ops::Range;

use questdb::ingress::{Buffer, ProtocolVersion};
use station::fact::{ConnectorNow, Fact, SessionNow, StationNow};

use super::line::{Line, LineError};
use super::writer::SentTable;
use crate::rows::{self, ForecastRow, GatewayRow, HourRow, ModelRow, ProfileRow, ScoreRow};
use crate::schema::Table;

/// Doubles as eight bytes instead of decimal digits: half the work for both sides. Server 9.0 and later.
const PROTOCOL: ProtocolVersion = ProtocolVersion::V2;

/// The server's default limit for names; ours are constants.
const MAX_NAME_BYTES: usize = 127;

/// Rows for one or more tables. Each row carries a tag of the caller's (the event's sequence number), so that a row
/// that the store refuses can be told.
pub struct Batch {
    pub(super) parts: Vec<Part>,
    pub(super) refused: Vec<Refused>,
    /// What was taken of it, and not told yet: a later request failed.
    pub(super) answered: Vec<SentTable>,
    /// Where one row is encoded before its bytes go to its part.
    scratch: Buffer,
}

/// A row that was not stored for what is in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// The caller's.
    pub tag: u64,
    /// The table where it should have gone.
    pub table: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// The rows of one table, encoded.
pub(super) struct Part {
    pub(super) table: &'static Table,
    pub(super) lines: Vec<u8>,
    /// Where each row ends in `lines`.
    pub(super) ends: Vec<usize>,
    tags: Vec<u64>,
}

impl Batch {
    /// An empty one. It keeps its memory when it is sent: use it again.
    #[must_use]
    pub fn new() -> Self {
        Self {
            parts: Vec::new(),
            refused: Vec::new(),
            answered: Vec::new(),
            scratch: Buffer::with_max_name_len(PROTOCOL, MAX_NAME_BYTES),
        }
    }

    /// Rows that wait to be sent.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.ends.len()).sum()
    }

    /// Bytes that wait to be sent.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.lines.len()).sum()
    }

    /// Whether there is nothing to send and nothing refused to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.refused.is_empty() && self.parts.iter().all(|part| part.ends.is_empty())
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.parts.iter_mut().for_each(Part::clear);
        self.refused.clear();
        self.answered.clear();
    }

    /// Adds what the fold found. A setting makes a row in `settings` and one in its collection's own table.
    pub fn push_fact(&mut self, tag: u64, fact: &Fact) {
        rows::of_fact(fact, &mut |table, encode| self.push(tag, table, encode));
    }

    /// Adds a station's current state.
    pub fn push_station_now(&mut self, tag: u64, row: &StationNow) {
        self.push(tag, &rows::current::STATION_NOW, |line| rows::current::station_now(line, row));
    }

    /// Adds a connector's current state.
    pub fn push_connector_now(&mut self, tag: u64, row: &ConnectorNow) {
        self.push(tag, &rows::current::CONNECTOR_NOW, |line| rows::current::connector_now(line, row));
    }

    /// Adds the state of a connector's last session.
    pub fn push_session_now(&mut self, tag: u64, row: &SessionNow) {
        self.push(tag, &rows::current::SESSION_NOW, |line| rows::current::session_now(line, row));
    }

    /// Adds a gateway's heartbeat.
    pub fn push_gateway(&mut self, tag: u64, row: &GatewayRow) {
        self.push(tag, &rows::own::GATEWAYS, |line| rows::own::gateway(line, row));
    }

    /// Adds a score.
    pub fn push_score(&mut self, tag: u64, row: &ScoreRow) {
        self.push(tag, &rows::own::SESSION_SCORES, |line| rows::own::score(line, row));
    }

    /// Adds what happened to a model.
    pub fn push_model(&mut self, tag: u64, row: &ModelRow) {
        self.push(tag, &rows::own::MODELS, |line| rows::own::model(line, row));
    }

    /// Adds a profile.
    pub fn push_profile(&mut self, tag: u64, row: &ProfileRow) {
        self.push(tag, &rows::own::PROFILES, |line| rows::own::profile(line, row));
    }

    /// Adds what an hour to come is expected to bring.
    pub fn push_forecast(&mut self, tag: u64, row: &ForecastRow) {
        self.push(tag, &rows::forecast::FORECASTS, |line| rows::forecast::forecast(line, row));
    }

    /// Adds what an hour brought.
    pub fn push_hour(&mut self, tag: u64, row: &HourRow) {
        self.push(tag, &rows::forecast::HOURLY_LOAD, |line| rows::forecast::hour(line, row));
    }

    fn push(
        &mut self,
        tag: u64,
        table: &'static Table,
        encode: impl FnOnce(&mut Line<'_>) -> Result<(), LineError>,
    ) {
        self.scratch.clear();
        if let Err(error) = encode(&mut Line::new(&mut self.scratch)) {
            self.refused.push(Refused { tag, table: table.name, reason: error.to_string() });
            return;
        }
        let at = self.parts.iter().position(|part| part.table.name == table.name).unwrap_or_else(|| {
            self.parts.push(Part { table, lines: Vec::new(), ends: Vec::new(), tags: Vec::new() });
            self.parts.len() - 1
        });
        self.parts[at].push(tag, self.scratch.as_bytes());
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Part {
    fn push(&mut self, tag: u64, line: &[u8]) {
        self.lines.extend_from_slice(line);
        self.ends.push(self.lines.len());
        self.tags.push(tag);
    }

    /// The lines of some rows.
    pub(super) fn slice(&self, rows: Range<usize>) -> &[u8] {
        let at = |row: usize| if row == 0 { 0 } else { self.ends[row - 1] };
        &self.lines[at(rows.start)..at(rows.end)]
    }

    /// Takes a row out; its tag, if there is such a row.
    pub(super) fn remove(&mut self, row: usize) -> Option<u64> {
        if row >= self.ends.len() {
            return None;
        }
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        let end = self.ends.remove(row);
        self.lines.drain(start..end);
        for later in &mut self.ends[row..] {
            *later -= end - start;
        }
        Some(self.tags.remove(row))
    }

    /// Takes the first rows out.
    pub(super) fn remove_first(&mut self, rows: usize) {
        let bytes = self.slice(0..rows).len();
        self.lines.drain(..bytes);
        self.ends.drain(..rows);
        self.tags.drain(..rows);
        for end in &mut self.ends {
            *end -= bytes;
        }
    }

    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.ends.clear();
        self.tags.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_taken_out_with_its_tag() {
        let mut part = Part { table: rows::TABLES[0], lines: vec![], ends: vec![], tags: vec![] };
        for (tag, line) in [(7, "a\n"), (8, "bb\n"), (9, "ccc\n")] {
            part.push(tag, line.as_bytes());
        }
        assert_eq!(part.remove(3), None);
        assert_eq!(part.remove(1), Some(8));
        assert_eq!(part.slice(0..2), b"a\nccc\n");
        assert_eq!(part.slice(1..2), b"ccc\n");
        part.remove_first(1);
        assert_eq!(part.slice(0..1), b"ccc\n");
    }
}
