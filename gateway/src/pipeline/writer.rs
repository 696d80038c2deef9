//! The thread that writes rows: it follows the journal with a fold of its own, sends what that finds to the store,
//! and moves the position when all tables of a batch have answered.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::config::{HumanBytes, HumanDuration};
use station::fold::Rows;
use station::id::StationId;
use store::ilp::{Batch, SendError, Sent, Writer as Ilp};
use tokio_util::sync::CancellationToken;

use super::batch::{Filled, Lanes};
use super::late::Late;
use super::refill::{Doubt, Refill};
use super::snapshot::{self, Snapshot};
use super::status::Status;
use crate::journal::{Damage, Journal, Reader};
use crate::metrics::PipelineMetrics;

/// Settings of the writer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WriterConfig {
    /// Rows in one batch at most.
    pub batch_rows: usize,
    /// Bytes of rows in one batch at most.
    pub batch_bytes: HumanBytes,
    /// How long the first event of a batch waits for others. Shorter: fresher boards; longer: fewer requests.
    pub linger: HumanDuration,
    /// Rows that come so long after their time, or longer, go in a slow lane, one day a request: in one go with the
    /// others, rows of many days would hide fresh ones for seconds.
    pub late_after: HumanDuration,
    /// How often the fold's state is saved. After a crash the journal is folded again from the last one.
    pub snapshot_every: HumanDuration,
    /// How long written segments of the journal are kept, to refill a store that lost its last minutes.
    pub retain: HumanDuration,
    /// How long a stopping gateway goes on writing what it has journaled. What is left is written at the next start.
    pub drain: HumanDuration,
}

impl Default for WriterConfig {
    fn default() -> Self {
        Self {
            batch_rows: 10_000,
            batch_bytes: HumanBytes::from_mib(8),
            linger: HumanDuration::from_millis(50),
            late_after: HumanDuration::from_secs(3600),
            snapshot_every: HumanDuration::from_secs(30),
            retain: HumanDuration::from_secs(3600),
            drain: HumanDuration::from_secs(5),
        }
    }
}

/// Current states are written at most this often.
const NOW_EVERY: Duration = Duration::from_secs(1);
/// A full journal is emptied by saving the state: so soon after the last time.
const SAVE_WHEN_FULL: Duration = Duration::from_secs(2);
/// Events in one batch at most, for each row that it may hold: most make none or a few.
const EVENTS_A_ROW: usize = 4;
/// A store to which nothing was written for so long is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(10);
/// Waits between two tries to write.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// The writer's thread.
pub(super) struct Writer {
    pub(super) config: WriterConfig,
    pub(super) folder: PathBuf,
    pub(super) reader: Reader,
    pub(super) state: Snapshot,
    pub(super) status: Arc<Status>,
    pub(super) passed: Arc<super::watch::Passed>,
    pub(super) metrics: PipelineMetrics,
    pub(super) stop: CancellationToken,
    /// Changes when the store has restarted or lost something.
    pub(super) refill: tokio::sync::watch::Receiver<u64>,
    pub(super) followed: Arc<super::trace::Followed>,
    pub(super) refilling: Option<Refill>,
    /// Read and folded while the batch before was on its way.
    pub(super) ahead: Option<(Batch, Filled)>,
    pub(super) late: Late,
    /// The last event, all of whose rows but the late ones were answered. `state.fold` has it, and what is `ahead`.
    /// `state.books` are at the position, which is before it while late rows wait.
    pub(super) folded: u64,
    pub(super) doubt: Doubt,
    pub(super) request_timeout: Duration,
    /// Why current states were not taken the last time.
    pub(super) now_trouble: Option<String>,
    /// When the store last answered, or did not.
    pub(super) asked: Instant,
    pub(super) dirty: HashSet<StationId>,
    pub(super) now_written: Instant,
    pub(super) saved: Instant,
    pub(super) saved_position: Option<u64>,
}

impl Writer {
    /// Runs until the journal is closed and read to its end, or `stop` and the drain time are over.
    pub(super) fn run(mut self, mut ilp: Ilp) {
        let mut batch = Batch::new();
        let mut deadline = None;
        loop {
            if self.stop.is_cancelled() {
                let until = *deadline.get_or_insert_with(|| Instant::now() + self.config.drain.0);
                if Instant::now() >= until {
                    break;
                }
            }
            if !self.stop.is_cancelled() {
                self.refill_some(&mut ilp);
            }
            self.status.set_settled(!self.owes_refill() && self.doubt.position().is_none());
            let closed = self.status.journal.is_closed();
            let filled = match self.ahead.take() {
                Some((ahead, filled)) => {
                    batch = ahead;
                    Ok(Some(filled))
                }
                None if self.late.is_full(&self.config) => Ok(None),
                None => self.fill(&mut batch),
            };
            match filled {
                Ok(Some(filled)) => {
                    if !self.send(&mut ilp, &mut batch, filled, deadline) {
                        // The fold is ahead of the position: saved together they would make duplicates of what is
                        // not written. The last snapshot and the journal have all.
                        return;
                    }
                }
                Ok(None) if closed && self.late.is_level() => break,
                Ok(None) => {
                    self.write_now(&mut ilp, false);
                    self.ping(&mut ilp);
                }
                Err(error) => {
                    tracing::error!(%error, "the journal cannot be read; trying again");
                    self.pause(RETRY_MAX);
                }
            }
            self.late_some(&mut ilp);
            let due = self.is_save_due();
            self.late.save_with_next(due && !self.late.is_level());
            if due && self.late.is_level() && self.ahead.is_none() {
                self.save();
            }
        }
        if !self.late.is_level() || self.ahead.is_some() {
            tracing::warn!(
                late_rows = self.late.rows(),
                "stopping before all rows were written; they are written at the next start"
            );
            return;
        }
        if self.status.store.load().up {
            self.write_now(&mut ilp, true);
        }
        self.save();
    }

    fn is_save_due(&self) -> bool {
        let every = self.config.snapshot_every.0;
        let every = if self.status.journal.is_full() { every.min(SAVE_WHEN_FULL) } else { every };
        self.saved.elapsed() >= every
    }

    /// Reads and folds events until a batch is full, or the linger time is over.
    fn fill(&mut self, batch: &mut Batch) -> std::io::Result<Option<Filled>> {
        let (mut rows, mut bytes) = (Rows::wanted(), Vec::new());
        let mut filled = Filled::default();
        let mut until = None;
        while !self.is_full(batch, &filled) && !self.late.is_full(&self.config) {
            let next = self.reader.next();
            let mut damaged = |damage: Damage| {
                self.metrics.damaged("segment");
                filled.lost += report(&damage);
            };
            let read = match self.reader.read(&mut bytes, &mut damaged) {
                // What was folded before must go out: the position moves past it with its rows, or not at all.
                Err(_) if filled.up_to > self.folded => break,
                read => read?,
            };
            let Some(sequence) = read else {
                filled.up_to = filled.up_to.max(self.reader.next() - 1);
                let wait = match until {
                    None if filled.verdicts.is_empty() => self.until_refill().min(NOW_EVERY),
                    None => *until.insert(Instant::now() + self.config.linger.0) - Instant::now(),
                    Some(until) => until.saturating_duration_since(Instant::now()),
                };
                // The slow lane goes on meanwhile: one day a batch.
                let wait = wait.min(self.late.until_due());
                let stopping = self.stop.is_cancelled();
                if stopping
                    || wait.is_zero()
                    || self.status.journal.wait_beyond(self.reader.next() - 1, wait) < next
                {
                    break;
                }
                continue;
            };
            filled.up_to = sequence;
            match proto::event::decode(&bytes) {
                Ok(event) => {
                    filled.oldest.get_or_insert(event.received_at);
                    let (late, late_after) = (&mut self.late.collecting.days, self.config.late_after.0);
                    let mut lanes = Lanes { fresh: batch, late, late_after };
                    filled.add(&mut self.state.fold, sequence, (&event, &bytes), &mut rows, &mut lanes);
                }
                Err(error) => {
                    // Written by a newer version, or a defect.
                    tracing::error!(sequence, %error, "a journaled event cannot be read; it is lost");
                    filled.lost += 1;
                }
            }
        }
        self.dirty.extend(rows.touched.drain());
        Ok((filled.up_to > self.folded).then_some(filled))
    }

    /// Whether a batch has reached its bounds.
    pub(super) fn is_full(&self, batch: &Batch, filled: &Filled) -> bool {
        batch.rows() >= self.config.batch_rows
            || batch.bytes().max(filled.payload_bytes) >= self.config.batch_bytes.as_usize()
            || filled.verdicts.len() >= self.config.batch_rows.saturating_mul(EVENTS_A_ROW)
    }

    /// Sends a batch until the store has taken all of it; then the position may move. `false` if the drain time is over.
    fn send(
        &mut self,
        ilp: &mut Ilp,
        batch: &mut Batch,
        mut filled: Filled,
        deadline: Option<Instant>,
    ) -> bool {
        self.status.set_oldest_unwritten(self.late.oldest().or(filled.oldest));
        let traced = self.followed.write(filled.up_to);
        let mut retry = RETRY_MIN;
        let mut deadline = deadline;
        while !batch.is_empty() {
            let (began, rows) = (Instant::now(), batch.rows());
            let sent = if filled.late.is_empty() && self.may_go_ahead() {
                self.send_and_go_ahead(ilp, batch)
            } else {
                ilp.send(batch)
            };
            match sent {
                Ok(sent) => {
                    self.metrics.written(began.elapsed());
                    self.count(&sent);
                    filled.keep_refused(&sent.refused, batch);
                }
                Err(error) => {
                    self.failed(&error, self.state.books.position);
                    if self.stop.is_cancelled() {
                        // A request that got no answer has taken its part of that time.
                        let until = *deadline.get_or_insert(began + self.config.drain.0);
                        if Instant::now() >= until {
                            tracing::warn!(
                                "stopping before the store has taken everything; it is written at the next start"
                            );
                            return false;
                        }
                    }
                    // It takes some: no reason to come later and later.
                    if batch.rows() < rows {
                        retry = RETRY_MIN;
                    }
                    // A request that got no answer was a wait by itself.
                    let wait = retry.mul_f64(rand::rng().random_range(0.5..1.0));
                    self.pause(wait.saturating_sub(began.elapsed()));
                    retry = (retry * 2).min(RETRY_MAX);
                }
            }
        }
        drop(traced);
        self.settle(filled);
        self.write_now(ilp, false);
        true
    }

    /// Whether the next batch may be folded before this one is answered: when there is enough for one. Late rows and
    /// snapshots need the fold at the batch's end.
    fn may_go_ahead(&self) -> bool {
        let waiting = self.status.journal.synced().saturating_sub(self.reader.next());
        waiting >= self.config.batch_rows as u64
            && self.ahead.is_none()
            && self.late.is_level()
            && !self.is_save_due()
            && !self.stop.is_cancelled()
    }

    /// Sends on a thread of its own, and reads and folds the next batch meanwhile: the store and this process work at
    /// the same time.
    fn send_and_go_ahead(&mut self, ilp: &mut Ilp, batch: &mut Batch) -> Result<Sent, SendError> {
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| ilp.send(batch));
            let mut next = Batch::new();
            match self.fill(&mut next) {
                Ok(filled) => self.ahead = filled.map(|filled| (next, filled)),
                // It is read again, and told then.
                Err(error) => tracing::debug!(%error, "the journal cannot be read"),
            }
            sending.join().unwrap_or_else(|defect| std::panic::resume_unwind(defect))
        })
    }

    /// Writes the current states that changed, at most once a second. What cannot be written now is written later,
    /// newer: these rows follow from the fold at any time.
    fn write_now(&mut self, ilp: &mut Ilp, at_once: bool) {
        if self.dirty.is_empty() || (!at_once && self.now_written.elapsed() < NOW_EVERY) {
            return;
        }
        self.now_written = Instant::now();
        let mut batch = Batch::new();
        for station in &self.dirty {
            let Some(now) = self.state.fold.now(station) else { continue };
            batch.push_station_now(0, &now.station);
            now.connectors.iter().for_each(|c| batch.push_connector_now(0, c));
            now.sessions.iter().for_each(|s| batch.push_session_now(0, s));
        }
        match ilp.send(&mut batch) {
            Ok(sent) => {
                self.dirty.clear();
                self.now_trouble = None;
                self.count(&sent);
                for row in sent.refused {
                    tracing::warn!(
                        table = row.table,
                        reason = row.reason,
                        "the store refused a current state"
                    );
                }
            }
            Err(error) => {
                self.now_trouble = Some(error.to_string());
                self.failed(&error, self.state.books.position);
            }
        }
    }

    /// The store has taken rows.
    pub(super) fn count(&mut self, sent: &Sent) {
        for table in &sent.tables {
            self.metrics.rows(table.table, table.rows);
        }
        self.up(self.other_trouble().as_deref());
    }

    /// The store has not taken rows of events after `position`.
    pub(super) fn failed(&mut self, error: &SendError, position: u64) {
        self.metrics.write_failed(reason(error));
        if matches!(error, SendError::Unavailable { .. }) {
            self.doubt.raise(position);
        }
        self.up(Some(&error.to_string()));
    }

    /// Without traffic nobody would notice that the store is away.
    fn ping(&mut self, ilp: &mut Ilp) {
        if self.asked.elapsed() >= PING_EVERY {
            let trouble = ilp.ping().err().map(|error| error.to_string());
            self.up(trouble.or_else(|| self.other_trouble()).as_deref());
        }
    }

    /// What is not taken, although the store answers.
    fn other_trouble(&self) -> Option<String> {
        self.now_trouble.clone().or_else(|| self.late.trouble.clone())
    }

    fn up(&mut self, trouble: Option<&str>) {
        self.asked = Instant::now();
        let before = self.status.store.load();
        if before.up == trouble.is_none() && before.trouble.as_deref() == trouble {
            return;
        }
        match trouble {
            Some(trouble) => tracing::warn!(trouble, "the store does not take rows; the journal keeps them"),
            None => tracing::info!("the store takes rows"),
        }
        self.status.update_store(|state| {
            state.up = trouble.is_none();
            state.trouble = trouble.map(str::to_owned);
        });
    }

    /// Saves state, position and books, and frees the segments that nothing needs any more.
    pub(super) fn save(&mut self) {
        self.saved = Instant::now();
        let position = self.state.books.position;
        let mut ends = self.status.journal.segments();
        // All that is there was answered, and nothing more comes: what a segment still takes need not be waited for.
        if self.status.journal.is_full() && ends.last().is_some_and(|last| *last <= position) {
            ends.push(position + 1);
        }
        self.passed.pass(&ends, position);
        let mark = self.status.store.load().mark.clone();
        // In this order: what is owed for that mark is seen. A gateway that dies before it is done finds the old mark,
        // and begins again.
        let keep_from = if self.owes_refill() {
            0
        } else {
            self.state.store = mark;
            self.passed.keep_from(self.config.retain.0)
        };
        self.state.unsure_from = self.doubt.position();
        // On a full disk there is a place for one: it is kept for the last, and that is not written twice.
        let full = self.status.journal.is_full();
        let last = !full || position >= self.status.journal.synced();
        let there = full && self.saved_position == Some(position);
        match if there { Ok(()) } else { self.state.save(&self.folder, last) } {
            Ok(()) => {
                self.saved_position = Some(position);
                self.status.set_saved(super::clock::now());
            }
            Err(_) if !last => {}
            Err(error) => {
                tracing::error!(%error, "the fold's state could not be saved; the journal keeps what it needs to make it again");
            }
        }
        // Also when it could not be saved: on a full disk this is what makes room.
        let freed = snapshot::prune(&self.folder, keep_from)
            .and_then(|base| Journal::free(&self.status.journal, &self.folder, base + 1));
        if let Err(error) = freed {
            tracing::error!(%error, "what the journal need not keep any more could not be removed");
        }
        snapshot::keep_room(&self.folder, &self.status.journal);
    }

    /// Waits, but not when the gateway stops.
    pub(super) fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.stop.is_cancelled() {
            std::thread::sleep(
                Duration::from_millis(20).min(until.saturating_duration_since(Instant::now())),
            );
        }
        if self.stop.is_cancelled() {
            std::thread::sleep(RETRY_MIN);
        }
    }
}

/// Says what is lost, and how many events that are.
fn report(damage: &Damage) -> u64 {
    tracing::error!(
        from = damage.from,
        to = damage.to,
        path = %damage.path.display(),
        "events of the journal are damaged or missing; the rest goes on, and the books say how many"
    );
    damage.to + 1 - damage.from
}

fn reason(error: &SendError) -> &'static str {
    match error {
        SendError::Unavailable { .. } => "unavailable",
        SendError::Schema { .. } => "schema",
        SendError::Denied { .. } => "denied",
    }
}
