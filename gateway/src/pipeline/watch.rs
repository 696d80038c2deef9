//! Watches the store: what it has applied, what is suspended, whether it has restarted. And what of the journal may
//! be freed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use store::read::Reader;
use store::server::{self, WalTable};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::snapshot::StoreMark;
use super::status::Status;

const EVERY: Duration = Duration::from_secs(2);

/// Segments whose rows were all answered with 204, on their way to be freed.
#[derive(Debug, Default)]
pub(super) struct Passed(Mutex<Vec<Segment>>);

#[derive(Debug)]
struct Segment {
    /// Number of the first record after it.
    end: u64,
    /// When it was found to be answered.
    at: Instant,
    /// When its rows were last written.
    written: Instant,
    /// What each table had accepted when it was next looked at: when that much is applied, the segment's rows are.
    required: Option<BTreeMap<String, i64>>,
    applied: bool,
}

impl Passed {
    /// Notes the segments that end at or before the position.
    pub(super) fn pass(&self, firsts: &[u64], position: u64) {
        let mut segments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        segments.retain(|s| firsts.contains(&s.end));
        for end in firsts.iter().skip(1).copied().filter(|end| *end <= position + 1) {
            if !segments.iter().any(|s| s.end == end) {
                let now = Instant::now();
                segments.push(Segment { end, at: now, written: now, required: None, applied: false });
            }
        }
        segments.sort_by_key(|s| s.end);
    }

    /// The first record that must be kept: of the first segment that is not old enough or not applied.
    pub(super) fn keep_from(&self, retain: Duration) -> u64 {
        let segments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        segments.iter().take_while(|s| s.applied && s.at.elapsed() >= retain).last().map_or(0, |s| s.end)
    }

    /// All rows were written again: what is applied shows anew.
    pub(super) fn written_again(&self) {
        for segment in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            (segment.written, segment.required, segment.applied) = (Instant::now(), None, false);
        }
    }

    /// Compares with what the tables had accepted and applied at a time after `asked`.
    fn look(&self, tables: &[WalTable], asked: Instant) {
        for segment in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            match &segment.required {
                // An answer that was on its way while rows were written does not speak of them.
                None if segment.written < asked => {
                    segment.required =
                        Some(tables.iter().map(|t| (t.table.clone(), t.sequencer_txn)).collect());
                }
                Some(required) if !segment.applied => {
                    segment.applied =
                        tables.iter().all(|t| required.get(&t.table).is_none_or(|txn| t.writer_txn >= *txn));
                }
                _ => {}
            }
        }
    }
}

/// Looks at the store until `stop`.
pub(super) async fn run(
    reader: Reader,
    status: Arc<Status>,
    passed: Arc<Passed>,
    refill: tokio::sync::watch::Sender<u64>,
    stop: CancellationToken,
) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        let asked = Instant::now();
        let Ok(tables) = server::wal_tables(&reader).await else { continue };
        let suspended: Vec<String> = tables.iter().filter(|t| t.suspended).map(|t| t.table.clone()).collect();
        if !suspended.is_empty() && suspended != status.store.load().suspended {
            tracing::error!(
                ?suspended,
                "tables of the store are suspended: they take rows and show none. Mend the cause (disk, memory), then: ALTER TABLE … RESUME WAL"
            );
        }
        let apply_lag = tables.iter().map(|t| (t.sequencer_txn - t.writer_txn).max(0)).sum();
        status.update_store(|state| {
            state.suspended.clone_from(&suspended);
            state.apply_lag = apply_lag;
        });
        passed.look(&tables, asked);
        let Ok(started) = server::restart_epoch(&reader).await else { continue };
        let mark = StoreMark {
            started,
            accepted: tables.iter().map(|t| (t.table.clone(), t.sequencer_txn)).collect(),
        };
        let before = status.store.load().mark.clone();
        // A store that was never looked at may have lost what was written to it before.
        let unknown = before.is_none() && status.books.load().position > 0;
        let restarted = before.as_ref().is_some_and(|before| before.started != started);
        let fell_back = before.as_ref().is_some_and(|before| mark.lacks(before));
        if unknown || restarted || fell_back {
            tracing::warn!(
                restarted,
                fell_back,
                "the store has restarted or lost transactions; what the journal retains is written again"
            );
            // Before the mark is published: whoever sees the new mark sees that a refill is owed for it.
            refill.send_modify(|n| *n += 1);
        }
        status.update_store(|state| state.mark = Some(mark.clone()));
    }
}
