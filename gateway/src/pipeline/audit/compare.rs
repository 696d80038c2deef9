//! Compares what the fold finds with what the store has, batch by batch.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use station::event::StationEvent;
use station::fact::Fact;
use station::time::Timestamp;
use store::audit::{self, Expected, Found, RowKey};
use store::read::{ReadError, Reader};
use uuid::Uuid;

use super::report::Audit;

/// Rows that wait for their comparison.
const ROWS: usize = 5_000;
/// And what they may hold.
const BYTES: usize = 8 << 20;
/// Rows that later ones may replace: so many are kept before those that are as they should be are let go.
const REPLACED: usize = 20_000;

/// What an audit compares.
#[derive(Default)]
pub(super) struct Compare {
    /// Rows of events: there once and for ever.
    waiting: Vec<Derived>,
    bytes: usize,
    /// Rows that are replaced by later ones of the same key: the last so far.
    last: HashMap<RowKey, Derived>,
    last_at_most: usize,
    /// Those of them that were told to be missing: they are not told twice.
    told: HashSet<RowKey>,
    /// Before these times tables have forgotten rows.
    forgotten: BTreeMap<String, Timestamp>,
}

/// A row, and what it follows from.
pub(super) struct Derived {
    row: Expected,
    event: Origin,
}

/// The event that a row follows from.
#[derive(Clone, Copy)]
struct Origin {
    sequence: u64,
    id: Uuid,
    received_at: Timestamp,
}

/// A row that is not as it should be.
pub(super) struct Odd {
    row: Derived,
    found: Option<Found>,
}

/// Rows that differ from the last state that was to be compared: perhaps because their sessions went on since.
pub(super) struct Differing(HashMap<RowKey, Odd>);

impl Compare {
    pub(super) fn new(forgotten: BTreeMap<String, Timestamp>) -> Self {
        Self { forgotten, last_at_most: REPLACED, ..Self::default() }
    }

    /// Adds the rows of an event. A row that could not be written for what is in it is in `rejected`, or nowhere.
    pub(super) fn add(&mut self, sequence: u64, event: &StationEvent, facts: &[Fact], audit: &mut Audit) {
        let event = Origin { sequence, id: event.event_id.0, received_at: event.received_at };
        for row in facts.iter().flat_map(Expected::of) {
            match row {
                Ok(row) if row.is_replaced() => {
                    if !self.told.contains(&row.key) {
                        self.last.insert(row.key.clone(), Derived { row, event });
                    }
                }
                Ok(row) => {
                    self.bytes += row.bytes();
                    self.waiting.push(Derived { row, event });
                }
                // It never went to the store: when it was written, that was told and kept in the same way.
                Err(impossible) => audit.tally(impossible.table).refused += 1,
            }
        }
    }

    /// Whether there is enough to be compared.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= ROWS || self.bytes >= BYTES || self.last.len() >= self.last_at_most
    }

    /// Compares what waits.
    pub(super) async fn compare(&mut self, reader: &Reader, audit: &mut Audit) -> Result<(), ReadError> {
        self.bytes = 0;
        let odd = look(reader, std::mem::take(&mut self.waiting), audit).await?;
        self.tell(reader, odd, audit).await?;
        if self.last.len() >= self.last_at_most {
            // What is as it should be needs no look again, unless it changes; what is otherwise is mostly a session
            // that goes on.
            let odd = self.look_at_last(reader, audit).await?;
            self.last.extend(odd.0.into_iter().map(|(key, odd)| (key, odd.row)));
            self.last_at_most = REPLACED.max(2 * self.last.len());
        }
        Ok(())
    }

    /// Compares the last states of what is replaced; those that are missing are told.
    pub(super) async fn look_at_last(
        &mut self,
        reader: &Reader,
        audit: &mut Audit,
    ) -> Result<Differing, ReadError> {
        let last = std::mem::take(&mut self.last).into_values().collect();
        let odd = look(reader, last, audit).await?;
        let (differing, missing): (Vec<Odd>, Vec<Odd>) = odd.into_iter().partition(|odd| odd.found.is_some());
        let told = self.tell(reader, missing, audit).await?;
        self.told.extend(told);
        Ok(Differing(differing.into_iter().map(|odd| (odd.row.row.key.clone(), odd)).collect()))
    }

    /// Tells what is odd and has no good reason; gives its keys.
    pub(super) async fn tell(
        &self,
        reader: &Reader,
        mut odd: Vec<Odd>,
        audit: &mut Audit,
    ) -> Result<Vec<RowKey>, ReadError> {
        odd.retain(|odd| {
            let key = &odd.row.row.key;
            let forgotten =
                odd.found.is_none() && self.forgotten.get(key.table).is_some_and(|before| key.ts < *before);
            audit.tally(key.table).forgotten += u64::from(forgotten);
            !forgotten
        });
        let received = odd.iter().map(|odd| odd.row.event.received_at);
        let (Some(from), Some(to)) = (received.clone().min(), received.max()) else { return Ok(Vec::new()) };
        let events: BTreeSet<Uuid> = odd.iter().map(|odd| odd.row.event.id).collect();
        let mut refused = audit::refused(reader, &events, (from, to)).await?;
        odd.sort_by_key(|odd| odd.row.event.sequence);
        let mut told = Vec::new();
        for Odd { row: Derived { row, event }, found } in odd {
            let tally = audit.tally(row.key.table);
            if let Some(left @ 1..) = refused.get_mut(&(event.id, row.key.table.to_owned())) {
                *left -= 1;
                tally.refused += 1;
                continue;
            }
            let differences = match &found {
                Some(found) => {
                    tally.different += 1;
                    row.differences(found)
                }
                None => {
                    tally.missing += 1;
                    Vec::new()
                }
            };
            audit.example(&row, event.sequence, &differences);
            told.push(row.key);
        }
        Ok(told)
    }
}

impl Differing {
    /// An event that the store had not answered for when the audit began, but had perhaps written: a row that is as
    /// this event leaves it is as it should be.
    pub(super) fn went_on(&mut self, facts: &[Fact], audit: &mut Audit) {
        for row in facts.iter().flat_map(Expected::of).flatten() {
            let found = self.0.get(&row.key).and_then(|odd| odd.found.as_ref());
            if found.is_some_and(|found| row.differences(found).is_empty()) {
                self.0.remove(&row.key);
                audit.tally(row.key.table).equal += 1;
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_odd(self) -> Vec<Odd> {
        self.0.into_values().collect()
    }
}

/// Looks for the rows; gives those that are not as they should be.
async fn look(reader: &Reader, rows: Vec<Derived>, audit: &mut Audit) -> Result<Vec<Odd>, ReadError> {
    let mut wanted: Vec<&Expected> = rows.iter().map(|derived| &derived.row).collect();
    let mut found = audit::find(reader, &mut wanted).await?;
    let mut odd = Vec::new();
    for row in rows {
        match found.remove(&row.row.key) {
            Some(found) if row.row.differences(&found).is_empty() => {
                audit.tally(row.row.key.table).equal += 1;
            }
            found => odd.push(Odd { row, found }),
        }
    }
    Ok(odd)
}
