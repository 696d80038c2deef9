//! The slow lane. Rows that come long after their time lie in other partitions than those of now, and the store applies
//! the transactions of a table one by one: a batch with rows of thirty days would hide all that comes after it until
//! thirty partitions are rewritten. So such rows are held apart, and sent one day at a time, with a pause after each in
//! which fresh rows get through.
//!
//! Rows of one batch are then answered at different times, and the position may only move past an event when all of
//! its rows are. So the lane works in generations: while one is sent, late rows of the batches that come meanwhile are
//! collected for the next, and the position moves by a generation when its last day was answered. Nothing of it is
//! kept on the disk: after a crash all is folded and sent again from the position.
//!
//! Only tables that are parted by day and whose rows stay as they are go this way. What is replaced by later rows
//! (sessions, settings) must stay in order, and lies in partitions of months or years.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use station::fact::Fact;
use station::fold::Fold;
use station::time::{SECOND, Timestamp};
use store::ilp::{Batch, Writer as Ilp};

use super::batch::Filled;
use super::books::Books;
use super::writer::{Writer, WriterConfig};

/// After each day the lane waits so many times as long as the day's requests took: the store applies what it has
/// answered for about as slowly, and what it has not applied yet delays fresh rows.
const PAUSES: u32 = 2;
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// After a failure it waits so long.
const RETRY: Duration = Duration::from_secs(1);
/// And looks so often whether it is to end.
const RETRY_LOOK: Duration = Duration::from_millis(100);
/// A generation may hold so many batches of late rows, and of events that wait with them. Beyond it nothing more is
/// read from the journal until the one before is sent.
const BATCHES: usize = 4;
const DAY_US: i64 = 86_400 * SECOND;

/// Late rows by day.
#[derive(Default)]
pub(super) struct Days {
    days: BTreeMap<i64, Batch>,
    rows: usize,
    bytes: usize,
}

/// The lane.
pub(super) struct Late {
    /// What batches add to.
    pub(super) collecting: Generation,
    sending: Option<Generation>,
    not_before: Instant,
    /// Why the last day was not taken: nothing is hurried then.
    pub(super) trouble: Option<String>,
    /// A snapshot is due: the next generation takes the state with it.
    save: bool,
}

/// What the position moves by.
#[derive(Default)]
pub(super) struct Generation {
    pub(super) days: Days,
    /// Events of which there are rows in `days`.
    filled: Filled,
    /// The others up to `up_to`: answered, and counted.
    counted: Books,
    /// Its last event; none: it has none.
    up_to: Option<u64>,
    /// The state after its last event, if it is to be saved.
    fold: Option<Fold>,
}

impl Days {
    /// Takes a row, if it is late.
    pub(super) fn take(&mut self, tag: u64, received_at: Timestamp, fact: &Fact, after: Duration) -> bool {
        let Some(day) = day_if_late(received_at, fact, after) else { return false };
        let batch = self.days.entry(day).or_default();
        let (rows, bytes) = (batch.rows(), batch.bytes());
        batch.push_fact(tag, fact);
        self.rows += batch.rows() - rows;
        self.bytes += batch.bytes() - bytes;
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The earliest day.
    pub(super) fn first(&mut self) -> Option<&mut Batch> {
        self.days.first_entry().map(std::collections::btree_map::OccupiedEntry::into_mut)
    }

    /// The earliest day was sent.
    pub(super) fn drop_first(&mut self) {
        self.days.pop_first();
        self.rows = self.days.values().map(Batch::rows).sum();
        self.bytes = self.days.values().map(Batch::bytes).sum();
    }
}

/// The day of a late row of a table that is parted by day.
fn day_if_late(received_at: Timestamp, fact: &Fact, after: Duration) -> Option<i64> {
    let ts = match fact {
        Fact::Connection(key, _)
        | Fact::ConnectorStatus(key, _)
        | Fact::MeterValue(key, _)
        | Fact::MeterValueOther(key, _)
        | Fact::Event(key, _)
        | Fact::Command(key, _)
        | Fact::Rejected(key, _) => key.ts,
        Fact::StationReport(..) | Fact::Session(_) | Fact::Setting(..) => return None,
    };
    // Not by the clock: after the store was away all that waited is old, and still in order.
    let after = i64::try_from(after.as_micros()).unwrap_or(i64::MAX);
    (received_at.0.saturating_sub(ts.0) > after).then(|| ts.0.div_euclid(DAY_US))
}

impl Late {
    pub(super) fn new() -> Self {
        Self {
            collecting: Generation::default(),
            sending: None,
            not_before: Instant::now(),
            trouble: None,
            save: false,
        }
    }

    /// Whether nothing waits: the fold and the position are at the same event.
    pub(super) fn is_level(&self) -> bool {
        self.sending.is_none() && self.collecting.up_to.is_none()
    }

    /// Whether nothing more may be added.
    pub(super) fn is_full(&self, config: &WriterConfig) -> bool {
        let Generation { days, filled, .. } = &self.collecting;
        days.rows() >= BATCHES * config.batch_rows
            || days.bytes().max(filled.payload_bytes) >= BATCHES * config.batch_bytes.as_usize()
    }

    /// Rows that wait.
    pub(super) fn rows(&self) -> usize {
        self.collecting.days.rows() + self.sending.as_ref().map_or(0, |sending| sending.days.rows())
    }

    /// How long until there is something to do.
    pub(super) fn until_due(&self) -> Duration {
        if self.is_level() {
            Duration::MAX
        } else {
            self.not_before.saturating_duration_since(Instant::now())
        }
    }

    /// When the oldest event was journaled that waits.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.sending.as_ref().and_then(|g| g.filled.oldest).or(self.collecting.filled.oldest)
    }

    /// Says whether a snapshot is due while something waits: then the next generation is saved with its state.
    pub(super) fn save_with_next(&mut self, due: bool) {
        self.save = due;
    }
}

impl Writer {
    /// The rows of a batch were answered, but for the late ones: moves the position, or has it wait for those.
    pub(super) fn settle(&mut self, filled: Filled) {
        self.folded = filled.up_to;
        if self.late.is_level() && filled.late.is_empty() {
            filled.count(&mut self.state.books, |_| true);
            self.state.books.position = filled.up_to;
            self.publish_books();
            return;
        }
        let late: &HashSet<u64> = &filled.late;
        let collecting = &mut self.late.collecting;
        filled.count(&mut collecting.counted, |sequence| !late.contains(&sequence));
        collecting.up_to = Some(filled.up_to);
        collecting.filled.keep_late(filled);
        self.publish_books();
    }

    /// Sends the next day, if it is time for it.
    pub(super) fn late_some(&mut self, ilp: &mut Ilp) {
        if self.late.is_level() {
            return;
        }
        let hurry = self.late.is_full(&self.config) || self.stop.is_cancelled();
        let wait = self.late.until_due();
        if !wait.is_zero() && (self.late.trouble.is_some() || !hurry) {
            if hurry {
                // Nothing else is done meanwhile.
                self.pause(wait.min(RETRY_LOOK));
            }
            return;
        }
        let mut sending = match self.late.sending.take() {
            Some(sending) => sending,
            None => {
                let mut next = std::mem::take(&mut self.late.collecting);
                // The state is at its end now, and will have gone on when it is sent.
                next.fold = std::mem::take(&mut self.late.save).then(|| self.state.fold.clone());
                next
            }
        };
        let began = Instant::now();
        let taken = self.send_day(ilp, &mut sending);
        let pause = if taken { (began.elapsed() * PAUSES).min(PAUSE_MAX) } else { RETRY };
        self.late.not_before = Instant::now() + pause;
        if !sending.days.is_empty() {
            self.late.sending = Some(sending);
            self.publish_books();
            return;
        }
        let Generation { filled, counted, up_to, fold, .. } = sending;
        let books = &mut self.state.books;
        books.add(&counted);
        filled.count(books, |_| true);
        books.position = up_to.unwrap_or(books.position);
        self.publish_books();
        if let Some(mut fold) = fold {
            std::mem::swap(&mut self.state.fold, &mut fold);
            self.save();
            self.state.fold = fold;
        }
    }

    /// Sends the earliest day of a generation. False: the store has not taken it.
    fn send_day(&mut self, ilp: &mut Ilp, sending: &mut Generation) -> bool {
        let Some(day) = sending.days.first() else { return true };
        while !day.is_empty() {
            let began = Instant::now();
            match ilp.send(day) {
                Ok(sent) => {
                    self.metrics.written(began.elapsed());
                    self.late.trouble = None;
                    self.count(&sent);
                    sending.filled.keep_refused(&sent.refused, day);
                }
                Err(error) => {
                    self.late.trouble = Some(error.to_string());
                    self.failed(&error, self.state.books.position);
                    return false;
                }
            }
        }
        sending.days.drop_first();
        true
    }

    fn publish_books(&self) {
        self.status.books.store(std::sync::Arc::new(self.state.books.clone()));
        self.status.set_oldest_unwritten(self.late.oldest());
        self.status.set_late_rows(self.late.rows());
    }
}

#[cfg(test)]
mod tests {
    use station::fact::{Key, MeterValue};
    use station::id::EventId;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn key(ts: i64) -> Key {
        Key {
            ts: Timestamp(ts),
            event_id: EventId(uuid::Uuid::nil()),
            n: 0,
            station: "s".into(),
            site: None,
            evse: None,
            connector: None,
            station_ts: None,
            received_at: Timestamp(ts),
            flags: None,
        }
    }

    #[test]
    fn late_rows_go_by_day_and_what_is_replaced_stays_in_order() {
        let now = Timestamp(1_000 * DAY_US);
        let value = |ts: i64| Fact::MeterValue(key(ts), MeterValue::default());
        let mut days = Days::default();
        assert!(!days.take(1, now, &value(now.0 - 3_600 * SECOND), HOUR), "an hour is not more than an hour");
        for (tag, ts) in [(1, now.0 - DAY_US), (2, now.0 - 3_601 * SECOND), (3, now.0 - DAY_US + 5)] {
            assert!(days.take(tag, now, &value(ts), HOUR));
        }
        let report = Fact::StationReport(key(now.0 - 9 * DAY_US), station::fact::StationReport::default());
        assert!(!days.take(4, now, &report, HOUR));
        assert_eq!((days.rows(), days.days.keys().copied().collect::<Vec<_>>()), (3, vec![999]));
        assert!(days.take(5, now, &value(now.0 - 2 * DAY_US), HOUR));
        assert_eq!(days.first().map(|day| day.rows()), Some(1));
        days.drop_first();
        assert_eq!((days.rows(), days.is_empty()), (3, false));
    }
}
