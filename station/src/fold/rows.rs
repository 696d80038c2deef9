//! Where the fold puts its rows.

use std::collections::HashSet;

use crate::event::StationEvent;
use crate::fact::{Fact, Key};
use crate::id::StationId;
use crate::time::Timestamp;

/// Collects the rows of the events that are folded. The fold that only answers stations asks for none.
#[derive(Debug, Default)]
pub struct Rows {
    wanted: bool,
    /// Rows in the order in which they were found.
    pub facts: Vec<Fact>,
    /// Stations whose current state changed.
    pub touched: HashSet<StationId>,
    next: i32,
}

impl Rows {
    /// Collects rows.
    #[must_use]
    pub fn wanted() -> Self {
        Self { wanted: true, ..Self::default() }
    }

    /// Collects nothing: for a fold that is asked for answers only.
    #[must_use]
    pub fn ignored() -> Self {
        Self::default()
    }

    /// Begins the rows of an event: their numbers start at 0.
    pub(super) fn begin(&mut self) {
        self.next = 0;
    }

    /// Notes that a station's current state changed.
    pub(super) fn touch(&mut self, station: &StationId) {
        if self.wanted && !self.touched.contains(station) {
            self.touched.insert(station.clone());
        }
    }

    /// Adds a row with the next number of its event.
    pub(super) fn push(&mut self, origin: &Origin<'_>, row: impl FnOnce(Key) -> Fact) {
        if self.wanted {
            let key = origin.key(self.next);
            self.next += 1;
            self.facts.push(row(key));
        }
    }

    /// Whether anybody wants rows: building them costs.
    pub(super) fn are_wanted(&self) -> bool {
        self.wanted
    }

    /// Adds a row that has an identity of its own.
    pub(super) fn push_own(&mut self, row: impl FnOnce() -> Fact) {
        if self.wanted {
            self.facts.push(row());
        }
    }
}

/// What the rows of an event share.
#[derive(Debug)]
pub(super) struct Origin<'a> {
    pub(super) event: &'a StationEvent,
    /// The event's time as it counts: the station's, if plausible, else the time of receipt.
    pub(super) ts: Timestamp,
    /// The time against which the station's is held.
    pub(super) latest: Timestamp,
    pub(super) site: Option<&'a str>,
    pub(super) deviations: crate::deviation::Deviations,
}

impl Origin<'_> {
    fn key(&self, n: i32) -> Key {
        Key {
            ts: self.ts,
            event_id: self.event.event_id,
            n,
            station: self.event.station.to_string(),
            site: self.site.map(str::to_owned),
            evse: self.event.evse,
            connector: self.event.connector,
            station_ts: self.event.station_ts,
            received_at: self.event.received_at,
            flags: self.deviations.to_flags(),
        }
    }
}
