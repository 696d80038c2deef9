//! The thread that writes rows: it follows the journal with a fold of its own, sends what that finds to the store,
//! and moves the position when all tables of a batch have answered.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::config::{HumanBytes, HumanDuration};
use station::event::{RejectReason, StationEvent};
use station::fact::{Fact, Key};
use station::fold::{Rows, Verdict};
use station::id::StationId;
use station::time::Timestamp;
use store::ilp::{Batch, Refused, SendError, Writer as Ilp};
use tokio_util::sync::CancellationToken;

use super::front::fold;
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
/// Waits between two tries to write.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// The writer's thread.
pub(super) struct Writer {
    pub(super) config: WriterConfig,
    pub(super) folder: PathBuf,
    pub(super) reader: Reader,
    pub(super) ilp: Ilp,
    pub(super) state: Snapshot,
    pub(super) status: Arc<Status>,
    pub(super) passed: Arc<super::watch::Passed>,
    pub(super) metrics: PipelineMetrics,
    pub(super) stop: CancellationToken,
    /// Changes when the store has restarted or lost something.
    pub(super) refill: tokio::sync::watch::Receiver<u64>,
    pub(super) followed: Arc<super::trace::Followed>,
    pub(super) dirty: HashSet<StationId>,
    pub(super) now_written: Instant,
    pub(super) saved: Instant,
}

/// What a refused row's event needs to be kept in `rejected`.
struct Origin {
    key: Key,
    source: &'static str,
    payload: Option<String>,
}

impl Writer {
    /// Runs until the journal is closed and read to its end, or `stop` and the drain time are over.
    pub(super) fn run(mut self) {
        let mut batch = Batch::new();
        let mut deadline = None;
        loop {
            if self.stop.is_cancelled() {
                let until = *deadline.get_or_insert_with(|| Instant::now() + self.config.drain.0);
                if Instant::now() >= until {
                    break;
                }
            }
            if self.refill.has_changed().unwrap_or(false) && !self.stop.is_cancelled() {
                self.refill_now();
            }
            let closed = self.status.journal.is_closed();
            match self.fill(&mut batch) {
                Ok(Some(filled)) => {
                    if !self.send(&mut batch, &filled, deadline) {
                        break;
                    }
                }
                Ok(None) if closed => break,
                Ok(None) => self.write_now(false),
                Err(error) => {
                    tracing::error!(%error, "the journal cannot be read; trying again");
                    self.pause(RETRY_MAX);
                }
            }
            let every = self.config.snapshot_every.0;
            let every = if self.status.journal.is_full() { every.min(SAVE_WHEN_FULL) } else { every };
            if self.saved.elapsed() >= every {
                self.save();
            }
        }
        if self.status.store.load().up {
            self.write_now(true);
        }
        self.save();
    }

    /// Reads and folds events until a batch is full, or the linger time is over.
    fn fill(&mut self, batch: &mut Batch) -> std::io::Result<Option<Filled>> {
        let (mut rows, mut bytes) = (Rows::wanted(), Vec::new());
        let mut filled = Filled::default();
        let mut until = None;
        while batch.rows() < self.config.batch_rows && batch.bytes() < self.config.batch_bytes.as_usize() {
            let next = self.reader.next();
            let mut damaged = |damage: Damage| {
                self.metrics.damaged("segment");
                filled.lost += report(&damage);
            };
            let read = match self.reader.read(&mut bytes, &mut damaged) {
                // What was folded already must be counted: the error comes again.
                Err(_) if filled.up_to > 0 => break,
                read => read?,
            };
            let Some(sequence) = read else {
                filled.up_to = filled.up_to.max(self.reader.next() - 1);
                let wait = match until {
                    None if filled.verdicts.is_empty() => NOW_EVERY,
                    None => *until.insert(Instant::now() + self.config.linger.0) - Instant::now(),
                    Some(until) => until.saturating_duration_since(Instant::now()),
                };
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
                    self.fold(sequence, &event, &mut rows, batch, &mut filled);
                }
                Err(error) => {
                    // Written by a newer version, or a defect.
                    tracing::error!(sequence, %error, "a journaled event cannot be read; it is lost");
                    filled.lost += 1;
                }
            }
        }
        self.dirty.extend(rows.touched.drain());
        Ok((filled.up_to > self.state.books.position).then_some(filled))
    }

    fn fold(
        &mut self,
        sequence: u64,
        event: &StationEvent,
        rows: &mut Rows,
        batch: &mut Batch,
        filled: &mut Filled,
    ) {
        rows.facts.clear();
        let outcome = fold(&mut self.state.fold, event, rows);
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
        for fact in &rows.facts {
            batch.push_fact(sequence, fact);
        }
        filled.verdicts.push((sequence, outcome.verdict));
        if !rows.facts.is_empty() {
            let origin = Origin {
                key: key_of(event, 0),
                source: event.source.label(),
                payload: event.payload.clone(),
            };
            filled.origins.insert(sequence, origin);
        }
    }

    /// Sends a batch until the store has taken all of it; then moves the position. `false` if the drain time is over.
    fn send(&mut self, batch: &mut Batch, filled: &Filled, deadline: Option<Instant>) -> bool {
        self.status.set_oldest_unwritten(filled.oldest);
        let traced = self.followed.write(filled.up_to);
        let mut refused_events: HashSet<u64> = HashSet::new();
        let mut retry = RETRY_MIN;
        let mut deadline = deadline;
        loop {
            let began = Instant::now();
            match self.ilp.send(batch) {
                Ok(sent) => {
                    self.metrics.written(began.elapsed());
                    for table in &sent.tables {
                        self.metrics.rows(table.table, table.rows);
                    }
                    self.up(None);
                    if sent.refused.is_empty() {
                        break;
                    }
                    refused_events.extend(sent.refused.iter().map(|r| r.tag));
                    self.keep_refused(&sent.refused, filled, batch);
                    if batch.is_empty() {
                        break;
                    }
                }
                Err(error) => {
                    self.metrics.write_failed(reason(&error));
                    self.up(Some(&error));
                    if self.stop.is_cancelled() {
                        let until = *deadline.get_or_insert_with(|| Instant::now() + self.config.drain.0);
                        if Instant::now() >= until {
                            tracing::warn!(
                                "stopping before the store has taken everything; it is written at the next start"
                            );
                            return false;
                        }
                    }
                    self.pause(retry.mul_f64(rand::rng().random_range(0.5..1.0)));
                    retry = (retry * 2).min(RETRY_MAX);
                }
            }
        }
        drop(traced);
        let books = &mut self.state.books;
        for (sequence, verdict) in &filled.verdicts {
            books.count(*verdict);
            if *verdict == Verdict::Stored && refused_events.contains(sequence) {
                books.refuse();
            }
        }
        books.lost += filled.lost;
        books.position = filled.up_to;
        self.status.books.store(Arc::new(books.clone()));
        self.status.set_oldest_unwritten(None);
        self.write_now(false);
        true
    }

    /// Rows that the store refuses for what is in them are kept in `rejected`.
    fn keep_refused(&self, refused: &[Refused], filled: &Filled, batch: &mut Batch) {
        for (n, row) in (1_000_000..).zip(refused) {
            tracing::warn!(
                table = row.table,
                reason = row.reason,
                "the store refused a row; it is kept in `rejected`"
            );
            let Some(origin) = filled.origins.get(&row.tag).filter(|_| row.table != "rejected") else {
                continue;
            };
            let key = Key { n, ..origin.key.clone() };
            batch.push_fact(
                row.tag,
                &Fact::Rejected(
                    key,
                    station::fact::Rejected {
                        source: origin.source,
                        reason: RejectReason::RefusedByStore.label(),
                        detail: format!("{}: {}", row.table, row.reason),
                        origin: row.table.to_owned(),
                        payload: origin.payload.clone(),
                    },
                ),
            );
        }
    }

    /// Writes the current states that changed, at most once a second. What cannot be written now is written later,
    /// newer: these rows follow from the fold at any time.
    fn write_now(&mut self, at_once: bool) {
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
        match self.ilp.send(&mut batch) {
            Ok(sent) => {
                self.dirty.clear();
                self.up(None);
                for table in &sent.tables {
                    self.metrics.rows(table.table, table.rows);
                }
                for row in sent.refused {
                    tracing::warn!(
                        table = row.table,
                        reason = row.reason,
                        "the store refused a current state"
                    );
                }
            }
            Err(error) => {
                self.metrics.write_failed(reason(&error));
                self.up(Some(&error));
            }
        }
    }

    /// Writes again what the journal retains; if that fails, it stays to be done.
    fn refill_now(&mut self) {
        match self.refill() {
            Ok(events) => {
                self.refill.mark_unchanged();
                tracing::info!(events, "what the journal retains was written again");
            }
            Err(error) => {
                tracing::warn!(%error, "what the journal retains could not be written again; trying later");
                self.pause(RETRY_MAX / 5);
            }
        }
    }

    fn up(&self, error: Option<&SendError>) {
        let before = self.status.store.load();
        let trouble = error.map(ToString::to_string);
        if before.up == error.is_none() && before.trouble == trouble {
            return;
        }
        match &trouble {
            Some(trouble) => tracing::warn!(trouble, "the store does not take rows; the journal keeps them"),
            None => tracing::info!("the store takes rows"),
        }
        self.status.update_store(|state| {
            state.up = trouble.is_none();
            state.trouble.clone_from(&trouble);
        });
    }

    /// Saves state, position and books, and frees the segments that nothing needs any more.
    fn save(&mut self) {
        self.saved = Instant::now();
        let position = self.state.books.position;
        let segments = self.status.journal.segments();
        self.passed.pass(&segments, position);
        self.state.store.clone_from(&self.status.store.load().mark);
        let base = match self.state.save(&self.folder, self.passed.keep_from(self.config.retain.0)) {
            Ok(base) => base,
            Err(error) => {
                tracing::error!(%error, "the fold's state could not be saved; the journal keeps what it needs to make it again");
                return;
            }
        };
        if let Err(error) = Journal::free(&self.status.journal, &self.folder, base + 1) {
            tracing::error!(%error, "a segment of the journal could not be removed");
        }
        self.status.set_saved(super::clock::now());
        let kept = snapshot::keep_room(&self.folder);
        self.status.journal.set_reserve(kept.is_ok());
        if let Err(error) = kept {
            tracing::error!(%error, "no room could be set aside for the next snapshot; nothing is acknowledged until there is");
        }
    }

    /// Waits, but not when the gateway stops.
    fn pause(&self, time: Duration) {
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

/// What a batch holds besides its rows.
#[derive(Default)]
struct Filled {
    up_to: u64,
    /// Events that the journal did not give back.
    lost: u64,
    oldest: Option<Timestamp>,
    verdicts: Vec<(u64, Verdict)>,
    origins: HashMap<u64, Origin>,
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

fn reason(error: &SendError) -> &'static str {
    match error {
        SendError::Unavailable { .. } => "unavailable",
        SendError::Schema { .. } => "schema",
        SendError::Denied { .. } => "denied",
    }
}
