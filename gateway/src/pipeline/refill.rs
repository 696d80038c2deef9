//! Writes again what the journal retains: rows that the store had answered with 204 and has lost, or that an older
//! request has overwritten. Those that it still has are replaced by themselves.
//!
//! Done in steps between the batches of new events, so that these do not wait. A row of `sessions` that changes with
//! each event of its session goes back to what it was, and then on to what it is: a refill ends when it has reached
//! the position.

use std::io;
use std::time::{Duration, Instant};

use station::fold::{Fold, Rows};
use store::ilp::{Batch, SendError, Writer as Ilp};

use super::batch::{Filled, Lanes};
use super::late::Days;
use super::snapshot::Snapshot;
use super::writer::Writer;
use crate::journal::Reader;

/// Steps of a refill for one batch of new events: it must be faster than they are, or it would never end.
const STEPS: usize = 4;
/// After a failure the next step waits for so long.
const PAUSE: Duration = Duration::from_secs(2);

/// A refill on its way.
pub(super) struct Refill {
    /// It began after this event.
    from: u64,
    fold: Fold,
    reader: Reader,
    batch: Batch,
    days: Days,
    filled: Filled,
    events: u64,
    not_before: Instant,
}

/// Why a step of a refill was not done. It is tried again.
#[derive(Debug, thiserror::Error)]
enum RefillError {
    #[error(transparent)]
    Journal(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] SendError),
}

/// From which position on the store may have taken an older request after a newer one. A request that was given up may
/// still lie in a frozen server or in a network that is cut in two, and arrive when its successors were answered:
/// then a session's row is what it was before. So that it ends as it should, what was written since is written again
/// after a while.
#[derive(Debug, Default)]
pub(super) struct Doubt(Option<(u64, Instant)>);

impl Doubt {
    pub(super) fn new(position: Option<u64>) -> Self {
        Self(position.map(|position| (position, Instant::now())))
    }

    /// A request with rows after `position` was given up.
    pub(super) fn raise(&mut self, position: u64) {
        let first = self.0.map_or(position, |(first, _)| first.min(position));
        self.0 = Some((first, Instant::now()));
    }

    /// What a snapshot keeps of it.
    pub(super) fn position(&self) -> Option<u64> {
        self.0.map(|(position, _)| position)
    }

    /// The position, when nothing was given up for so long.
    fn settled(&self, after: Duration) -> Option<u64> {
        self.0.filter(|(_, last)| last.elapsed() >= after).map(|(position, _)| position)
    }
}

impl Writer {
    /// Whether the store may lack what was written to it.
    pub(super) fn owes_refill(&self) -> bool {
        self.refilling.is_some() || self.refill.has_changed().unwrap_or(false)
    }

    /// How long until there is something of it to do.
    pub(super) fn until_refill(&self) -> Duration {
        match &self.refilling {
            _ if self.refill.has_changed().unwrap_or(false) => Duration::ZERO,
            Some(refill) => refill.not_before.saturating_duration_since(Instant::now()),
            None => Duration::MAX,
        }
    }

    /// Does some of what is owed.
    pub(super) fn refill_some(&mut self, ilp: &mut Ilp) {
        if self.refill.has_changed().unwrap_or(false) {
            self.refill.mark_unchanged();
            self.begin_refill(0);
        } else if self.refilling.is_none()
            && let Some(position) = self.doubt.settled(4 * self.request_timeout)
        {
            self.doubt = Doubt::default();
            self.begin_refill(position);
        }
        for _ in 0..STEPS {
            let Some(mut refill) = self.refilling.take() else { return };
            if refill.not_before > Instant::now() {
                self.refilling = Some(refill);
                return;
            }
            match self.step(ilp, &mut refill) {
                Ok(Step::Last) => {
                    self.passed.written_again();
                    self.dirty.extend(self.state.fold.stations().cloned());
                    tracing::info!(events = refill.events, "what the journal retains was written again");
                }
                Ok(Step::Fresh) => self.refilling = Some(refill),
                Ok(Step::Late) => {
                    // That took its time: fresh rows go first.
                    self.refilling = Some(refill);
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "what the journal retains could not be written again; going on later");
                    refill.not_before = Instant::now() + PAUSE;
                    self.refilling = Some(refill);
                    return;
                }
            }
        }
    }

    /// Begins to write again what is retained of the events after `position`; one that is on its way is given up for
    /// it.
    fn begin_refill(&mut self, position: u64) {
        let first = self.status.journal.segments().first().copied().unwrap_or(1);
        match Snapshot::load_for(&self.folder, position, first) {
            Ok(base) => {
                let from = base.books.position;
                self.status.begin_refill();
                let journal = std::sync::Arc::clone(&self.status.journal);
                self.refilling = Some(Refill {
                    from,
                    fold: base.fold,
                    reader: Reader::new(self.folder.clone(), journal, from + 1),
                    batch: Batch::new(),
                    days: Days::default(),
                    filled: Filled::default(),
                    events: 0,
                    not_before: Instant::now(),
                });
            }
            Err(error) => {
                tracing::error!(%error, "the journal's snapshots cannot be read; what it retains will be written again later");
                self.refill.mark_changed();
                self.pause(PAUSE);
            }
        }
    }

    /// Folds and writes the next batch. Neither the position nor the books move.
    fn step(&mut self, ilp: &mut Ilp, refill: &mut Refill) -> Result<Step, RefillError> {
        // What a step before could not write is still in the batch.
        let mut rows = Rows::wanted();
        let mut bytes = Vec::new();
        let mut at_end = false;
        while !self.is_full(&refill.batch, &refill.filled) && refill.days.rows() < self.config.batch_rows {
            // Beyond the position: fresh rows may have been answered while late ones wait.
            at_end = refill.reader.next() > self.folded;
            if at_end {
                break;
            }
            // Damage was told when it was read for the first time.
            let Some(sequence) = refill.reader.read(&mut bytes, &mut |_| {})? else { continue };
            refill.events += 1;
            if let Ok(event) = proto::event::decode(&bytes) {
                let late_after = self.config.late_after.0;
                let mut lanes = Lanes { fresh: &mut refill.batch, late: &mut refill.days, late_after };
                refill.filled.add(&mut refill.fold, sequence, (&event, &bytes), &mut rows, &mut lanes);
            }
        }
        let late = !refill.days.is_empty();
        self.send_again(ilp, &mut refill.batch, &mut refill.filled, refill.from)?;
        while let Some(day) = refill.days.first() {
            self.send_again(ilp, day, &mut refill.filled, refill.from)?;
            refill.days.drop_first();
        }
        refill.filled = Filled::default();
        Ok(match (at_end, late) {
            (true, _) => Step::Last,
            (false, true) => Step::Late,
            (false, false) => Step::Fresh,
        })
    }

    fn send_again(
        &mut self,
        ilp: &mut Ilp,
        batch: &mut Batch,
        filled: &mut Filled,
        from: u64,
    ) -> Result<(), SendError> {
        while !batch.is_empty() {
            let sent = ilp.send(batch).inspect_err(|error| self.failed(error, from))?;
            self.count(&sent);
            // They were counted when they were written first.
            filled.keep_refused(&sent.refused, batch);
        }
        Ok(())
    }
}

/// What a step has written.
enum Step {
    Fresh,
    /// Late rows, too.
    Late,
    /// All that there was.
    Last,
}
