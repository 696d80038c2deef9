//! The books: how many events ended in which state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use station::event::RejectReason;
use station::fold::Verdict;

/// Counts of events, from the first one on. They are saved with the fold's state and its position, so that they are
/// exact over restarts: an event is counted when the position moves past it, and never again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Books {
    /// Number of the last event that is counted here.
    pub position: u64,
    /// New facts, answered for by the store.
    pub stored: u64,
    /// Recognised as sent before.
    pub duplicate: u64,
    /// Kept in `rejected`, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Given up: a damaged journal does not give them back.
    pub lost: u64,
    /// Before the first that is counted here: all snapshots were damaged, and the books with them. The store had
    /// answered for them.
    pub uncounted: u64,
}

impl Books {
    /// Counts one event.
    pub fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Stored => self.stored += 1,
            Verdict::Duplicate => self.duplicate += 1,
            Verdict::Rejected(reason) => *self.rejected.entry(reason.label().to_owned()).or_default() += 1,
        }
    }

    /// An event that was counted as stored turns out to be refused by the store.
    pub fn refuse(&mut self) {
        self.stored = self.stored.saturating_sub(1);
        *self.rejected.entry(RejectReason::RefusedByStore.label().to_owned()).or_default() += 1;
    }

    /// Adds what was counted apart; the position stays.
    pub(super) fn add(&mut self, apart: &Self) {
        self.stored += apart.stored;
        self.duplicate += apart.duplicate;
        self.lost += apart.lost;
        for (reason, count) in &apart.rejected {
            *self.rejected.entry(reason.clone()).or_default() += count;
        }
    }

    /// All rejected events.
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// What the books miss: 0 when they balance. `received` events were ever journaled; those beyond the position are
    /// still in the journal.
    #[must_use]
    pub fn difference(&self, received: u64) -> i64 {
        let in_journal = received.saturating_sub(self.position);
        let counted =
            self.stored + self.duplicate + self.rejected_total() + self.lost + self.uncounted + in_journal;
        i64::try_from(received).unwrap_or(i64::MAX) - i64::try_from(counted).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_in_exactly_one_state() {
        let mut books = Books::default();
        for verdict in
            [Verdict::Stored, Verdict::Stored, Verdict::Duplicate, Verdict::Rejected(RejectReason::Malformed)]
        {
            books.position += 1;
            books.count(verdict);
        }
        assert_eq!(books.difference(4), 0);
        assert_eq!(books.difference(9), 0, "the rest is in the journal");
        books.refuse();
        assert_eq!((books.stored, books.rejected_total(), books.difference(9)), (1, 2, 0));
        books.position += 1;
        assert_eq!(books.difference(9), 1, "one was passed over and counted nowhere");
    }
}
