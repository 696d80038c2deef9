//! What goes to the store together: rows, and what their events need when they are answered.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use station::event::{RejectReason, StationEvent};
use station::fact::{Fact, Key};
use station::fold::{Fold, Outcome, Rows, Verdict};
use station::time::Timestamp;
use store::ilp::{Batch, Refused};

use super::books::Books;
use super::front::fold;
use super::late::Days;

/// What a batch holds besides its rows.
#[derive(Default)]
pub(super) struct Filled {
    pub(super) up_to: u64,
    /// Events that the journal did not give back.
    pub(super) lost: u64,
    pub(super) oldest: Option<Timestamp>,
    pub(super) verdicts: Vec<(u64, Verdict)>,
    /// Events of which rows go in the slow lane.
    pub(super) late: HashSet<u64>,
    pub(super) payload_bytes: usize,
    origins: HashMap<u64, Origin>,
    /// Events of which the store has refused rows.
    refused: HashSet<u64>,
    /// Those for whose rows there was no place in `rejected` either.
    given_up: HashSet<u64>,
    /// Refused rows so far, by event and table.
    letters: HashMap<(u64, &'static str), i32>,
}

/// Where rows go.
pub(super) struct Lanes<'l> {
    pub(super) fresh: &'l mut Batch,
    pub(super) late: &'l mut Days,
    /// From this age on, at receipt, a row is late.
    pub(super) late_after: Duration,
}

impl Filled {
    /// Folds an event, which is `bytes` in the journal, and adds its rows to their lanes.
    pub(super) fn add(
        &mut self,
        state: &mut Fold,
        sequence: u64,
        (event, bytes): (&StationEvent, &[u8]),
        rows: &mut Rows,
        lanes: &mut Lanes<'_>,
    ) {
        let outcome = rows_of(state, event, rows);
        for fact in &rows.facts {
            if lanes.late.take(sequence, event.received_at, fact, lanes.late_after) {
                self.late.insert(sequence);
            } else {
                lanes.fresh.push_fact(sequence, fact);
            }
        }
        self.verdicts.push((sequence, outcome.verdict));
        if !rows.facts.is_empty() {
            let payload = event.payload.clone();
            let (key, source) = (key_of(event, 0), event.source.label());
            let origin = Origin { key, source, payload, event: bytes.to_owned() };
            self.payload_bytes += origin.bytes();
            self.origins.insert(sequence, origin);
        }
    }

    /// Rows that the store refuses for what is in them are kept in `rejected`, by way of `batch`. An event for which
    /// there is no place there either is given up.
    pub(super) fn keep_refused(&mut self, refused: &[Refused], batch: &mut Batch) {
        for row in refused {
            let (table, reason) = (row.table, &row.reason);
            self.refused.insert(row.tag);
            let Some(origin) = self.origins.get(&row.tag).filter(|_| table != "rejected") else {
                tracing::error!(
                    event = row.tag,
                    table,
                    reason,
                    "the store refused a row, and there is no place to keep it"
                );
                self.given_up.insert(row.tag);
                continue;
            };
            tracing::warn!(table, reason, "the store refused a row; it is kept in `rejected`");
            let letter = self.letters.entry((row.tag, table)).or_default();
            let key = Key { n: letter_number(table, *letter), ..origin.key.clone() };
            *letter += 1;
            batch.push_fact(
                row.tag,
                &Fact::Rejected(
                    key,
                    station::fact::Rejected {
                        source: origin.source,
                        reason: RejectReason::RefusedByStore.label(),
                        detail: format!("{}: {}", row.table, row.reason),
                        origin: row.table.to_owned(),
                        payload: origin.kept(),
                    },
                ),
            );
        }
    }

    /// Counts its events, or some of them.
    pub(super) fn count(&self, books: &mut Books, which: impl Fn(u64) -> bool) {
        for (sequence, verdict) in self.verdicts.iter().filter(|(sequence, _)| which(*sequence)) {
            if self.given_up.contains(sequence) {
                books.lost += 1;
                continue;
            }
            books.count(*verdict);
            if *verdict == Verdict::Stored && self.refused.contains(sequence) {
                books.refuse();
            }
        }
        books.lost += self.lost;
    }

    /// Takes over what another one holds of the events that go on in the slow lane.
    pub(super) fn keep_late(&mut self, other: Self) {
        let late = &other.late;
        self.oldest = self.oldest.or(other.oldest);
        self.verdicts.extend(other.verdicts.into_iter().filter(|(sequence, _)| late.contains(sequence)));
        for (sequence, origin) in other.origins.into_iter().filter(|(sequence, _)| late.contains(sequence)) {
            self.payload_bytes += origin.bytes();
            self.origins.insert(sequence, origin);
        }
        self.refused.extend(other.refused.intersection(late));
        self.given_up.extend(other.given_up.intersection(late));
        self.letters.extend(other.letters.into_iter().filter(|((sequence, _), _)| late.contains(sequence)));
    }
}

/// The number under which a refused row is kept: the same at every replay, whatever else is refused with it.
fn letter_number(table: &str, letter: i32) -> i32 {
    const TABLE: i32 = 10_000;
    let at = store::rows::TABLES.iter().position(|known| known.name == table).unwrap_or_default();
    1_000_000 + i32::try_from(at).unwrap_or_default() * TABLE + letter % TABLE
}

/// Folds an event; its rows are all that `rows` holds then.
pub(super) fn rows_of(state: &mut Fold, event: &StationEvent, rows: &mut Rows) -> Outcome {
    rows.facts.clear();
    let outcome = fold(state, event, rows);
    if outcome.verdict == Verdict::Rejected(RejectReason::FoldFailed) {
        rows.facts.clear();
        let detail = "a defect in the gateway: please report it with this payload";
        rows.facts.push(station::fold::rejected(
            key_of(event, 0),
            event,
            RejectReason::FoldFailed,
            detail,
            event.kind.label(),
        ));
    }
    outcome
}

/// What a refused row's event needs to be kept in `rejected`.
struct Origin {
    key: Key,
    source: &'static str,
    payload: Option<String>,
    /// As it is in the journal.
    event: Vec<u8>,
}

impl Origin {
    fn bytes(&self) -> usize {
        self.event.len() + self.payload.as_ref().map_or(0, String::len)
    }

    /// The payload, or, for the kinds whose payloads are not kept, the event itself.
    fn kept(&self) -> Option<String> {
        self.payload.clone().or_else(|| serde_json::to_string(&proto::event::decode(&self.event).ok()?).ok())
    }
}

fn key_of(event: &StationEvent, n: i32) -> Key {
    Key {
        ts: event.received_at,
        event_id: event.event_id,
        n,
        station: event.station.to_string(),
        site: None,
        evse: event.evse,
        connector: event.connector,
        station_ts: event.station_ts,
        received_at: event.received_at,
        flags: None,
    }
}
