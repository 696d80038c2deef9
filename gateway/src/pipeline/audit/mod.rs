//! The audit: folds again what the journal retains, and looks for every row that follows from it in the store. Only
//! that proves that nothing is missing.
//!
//! It has a fold and a reader of its own, and disturbs nobody: where the journal is freed or the store is refilled
//! meanwhile, it begins again.

mod compare;
mod report;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use station::fold::{Fold, Rows};
use station::time::Timestamp;
use store::read::{ReadError, Reader as Store};
use store::{audit as rows, server};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub use report::{Audit, ColumnDifference, Example, State, Tally};

use self::compare::Compare;
use super::batch::rows_of;
use super::clock;
use super::snapshot::Snapshot;
use super::status::Status;
use crate::journal::{Damage, Reader};

/// How long it waits for the store: to be there, to be refilled, to have applied what it has answered for.
const PATIENCE: Duration = Duration::from_secs(600);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Beginnings, when the journal is freed or the store is refilled meanwhile.
const BEGINNINGS: usize = 5;

/// Makes audits, one at a time, each on a thread of its own.
#[derive(Clone)]
pub struct Auditor {
    /// The journal's.
    pub folder: PathBuf,
    /// Position and journal.
    pub status: Arc<Status>,
    /// Reads rows.
    pub store: Store,
    /// Ends a running one.
    pub stop: CancellationToken,
    /// The last one, for those who ask.
    pub last: Arc<Mutex<Option<Audit>>>,
}

/// Why an audit was not brought to its end.
#[derive(Debug, thiserror::Error)]
enum AuditError {
    #[error("the store cannot be asked: {0}")]
    Store(#[from] ReadError),
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] io::Error),
    #[error("{why}; waited {} s for it", PATIENCE.as_secs())]
    Waited { why: String },
    #[error("no snapshot fits what the journal retains; there is one after the next `writer.snapshot_every`")]
    NoSnapshot,
    #[error("the journal was freed, or the store refilled, {BEGINNINGS} times meanwhile; try again later")]
    Disturbed,
    #[error("the gateway is stopping")]
    Stopping,
}

/// How one of its beginnings ended.
enum Ended {
    Compared,
    /// What it had read does not hold any more.
    Disturbed,
}

/// The store at one moment.
#[derive(PartialEq, Eq)]
struct Moment {
    started: Timestamp,
    refills: u64,
}

impl Auditor {
    /// The last audit, running or not.
    #[must_use]
    pub fn last(&self) -> Option<Audit> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins one, unless one runs: then it is that one.
    #[must_use]
    pub fn start(&self) -> Audit {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = last.as_ref().filter(|audit| audit.is_running()) {
            return running.clone();
        }
        let audit = Audit { started_at: now(), ..Audit::default() };
        *last = Some(audit.clone());
        drop(last);
        let (auditor, runtime, begun) = (self.clone(), Handle::current(), audit.clone());
        tokio::task::spawn_blocking(move || auditor.run(&runtime, begun));
        audit
    }

    fn run(&self, runtime: &Handle, mut audit: Audit) {
        let begun = audit.clone();
        let mut ended = Err(AuditError::Disturbed);
        for _ in 0..BEGINNINGS {
            audit = begun.clone();
            ended = match self.once(runtime, &mut audit) {
                Ok(Ended::Disturbed) => continue,
                Ok(Ended::Compared) => Ok(()),
                Err(error) => Err(error),
            };
            break;
        }
        audit.ended_at = Some(now());
        match ended {
            Ok(()) => audit.state = State::Done,
            Err(error) => {
                tracing::warn!(%error, "the store could not be compared with the journal");
                (audit.state, audit.detail) = (State::Failed, Some(error.to_string()));
            }
        }
        self.publish(&audit);
    }

    fn once(&self, runtime: &Handle, audit: &mut Audit) -> Result<Ended, AuditError> {
        let moment = self.wait_for_store(runtime, audit)?;
        let Some((mut fold, mut reader)) = self.begin(audit)? else { return Err(AuditError::NoSnapshot) };
        let forgotten = self.ask(runtime, rows::forgotten_before(&self.store, clock::now()))?;
        let mut compare = Compare::new(forgotten);
        (audit.state, audit.detail) = (State::Comparing, None);
        let mut facts = Rows::wanted();
        let mut bytes = Vec::new();
        while audit.at < audit.to {
            let read = self.read(&mut reader, &mut bytes, audit)?;
            if read == Read::Freed {
                return Ok(Ended::Disturbed);
            }
            audit.at = reader.next() - 1;
            if let Read::Event(sequence) = read
                && let Ok(event) = proto::event::decode(&bytes)
            {
                rows_of(&mut fold, &event, &mut facts);
                facts.touched.clear();
                if sequence <= audit.to {
                    compare.add(sequence, &event, &facts.facts, audit);
                }
            }
            if compare.is_full() {
                self.ask(runtime, compare.compare(&self.store, audit))?;
                self.publish(audit);
            }
        }
        self.ask(runtime, compare.compare(&self.store, audit))?;
        let mut differing = self.ask(runtime, compare.look_at_last(&self.store, audit))?;
        // Whatever was in the store when it was looked at is in the journal up to here.
        let end = self.status.journal.synced();
        while !differing.is_empty() && reader.next() <= end {
            match self.read(&mut reader, &mut bytes, &mut Audit::default())? {
                Read::Freed => return Ok(Ended::Disturbed),
                Read::Event(_) => {
                    if let Ok(event) = proto::event::decode(&bytes) {
                        rows_of(&mut fold, &event, &mut facts);
                        facts.touched.clear();
                        differing.went_on(&facts.facts, audit);
                    }
                }
                Read::Nothing => {}
            }
        }
        self.ask(runtime, compare.tell(&self.store, differing.into_odd(), audit))?;
        let same = self.status.is_settled() && self.ask(runtime, self.moment())? == moment;
        Ok(if same { Ended::Compared } else { Ended::Disturbed })
    }

    /// Waits until the store has, as far as is known, what it has answered for; and has applied what it had answered
    /// for up to `audit.to`.
    fn wait_for_store(&self, runtime: &Handle, audit: &mut Audit) -> Result<Moment, AuditError> {
        let until = Instant::now() + PATIENCE;
        let mut required = None;
        loop {
            let moment = self.ask(runtime, self.moment())?;
            let known = self.status.store.load();
            let why = if !known.up {
                let trouble = known.trouble.as_deref().unwrap_or("nothing was written yet");
                format!("the store takes no rows: {trouble}")
            } else if known.mark.as_ref().is_none_or(|mark| mark.started != moment.started)
                || !self.status.is_settled()
            {
                required = None;
                "the store was away or has restarted: what it may lack is written again".to_owned()
            } else {
                audit.to = if required.is_none() { self.status.books.load().position } else { audit.to };
                let tables = self.ask(runtime, server::wal_tables(&self.store))?;
                if let Some(suspended) = tables.iter().find(|table| table.suspended) {
                    format!("the table {} is suspended, and shows no new rows", suspended.table)
                } else {
                    let required = required.get_or_insert_with(|| {
                        tables
                            .iter()
                            .map(|table| (table.table.clone(), table.sequencer_txn))
                            .collect::<Vec<_>>()
                    });
                    let behind = required.iter().find(|(name, txn)| {
                        tables.iter().any(|table| table.table == *name && table.writer_txn < *txn)
                    });
                    match behind {
                        None => return Ok(moment),
                        Some((name, _)) => format!("the table {name} has not applied all rows yet"),
                    }
                }
            };
            if Instant::now() >= until {
                return Err(AuditError::Waited { why });
            }
            audit.detail = Some(why);
            self.publish(audit);
            self.pause()?;
        }
    }

    async fn moment(&self) -> Result<Moment, ReadError> {
        Ok(Moment { started: server::restart_epoch(&self.store).await?, refills: self.status.refills() })
    }

    /// The state before the first event that is retained, and the way to it. None: there is no such state.
    fn begin(&self, audit: &mut Audit) -> Result<Option<(Fold, Reader)>, AuditError> {
        let first = self.status.journal.segments().first().copied().unwrap_or(audit.to + 1);
        // From the first event on the check needs no snapshot to be right.
        let base = if first <= 1 { Snapshot::default() } else { Snapshot::load_for(&self.folder, 0, first)? };
        let position = base.books.position;
        if position + 1 < first {
            return Ok(None);
        }
        (audit.from, audit.at) = (position + 1, position);
        audit.to = audit.to.max(position);
        let journal = Arc::clone(&self.status.journal);
        Ok(Some((base.fold, Reader::new(self.folder.clone(), journal, position + 1))))
    }

    fn read(&self, reader: &mut Reader, bytes: &mut Vec<u8>, audit: &mut Audit) -> Result<Read, AuditError> {
        let mut freed = false;
        let read = reader.read(bytes, &mut |damage: Damage| {
            freed |= self.status.journal.segments().first().is_some_and(|first| damage.from < *first);
            audit.unreadable += damage.to + 1 - damage.from;
        })?;
        Ok(match read {
            _ if freed => Read::Freed,
            Some(sequence) => Read::Event(sequence),
            None => Read::Nothing,
        })
    }

    /// Asks the store, unless the gateway stops.
    fn ask<T>(
        &self,
        runtime: &Handle,
        answer: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, AuditError> {
        let answer = runtime.block_on(self.stop.run_until_cancelled(answer));
        Ok(answer.ok_or(AuditError::Stopping)??)
    }

    fn pause(&self) -> Result<(), AuditError> {
        if self.stop.is_cancelled() {
            return Err(AuditError::Stopping);
        }
        std::thread::sleep(LOOK_EVERY);
        Ok(())
    }

    fn publish(&self, audit: &Audit) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(audit.clone());
    }
}

/// What a look into the journal gave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    Event(u64),
    /// The end, or what was damaged.
    Nothing,
    /// It was taken away meanwhile.
    Freed,
}

fn now() -> String {
    clock::now().to_rfc3339()
}
