//! What the pipeline's threads publish for metrics, probes and the API.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use station::time::Timestamp;

use super::books::Books;
use super::clock;
use super::front::Published;
use super::snapshot::{Snapshot, StoreMark};
use crate::journal::Progress;

/// State of the pipeline, as last published by each of its threads.
#[derive(Debug)]
pub struct Status {
    /// The journal's end.
    pub journal: Arc<Progress>,
    /// Bytes that it may hold.
    pub journal_max_bytes: u64,
    /// The books, as of the last batch that the store took.
    pub books: ArcSwap<Books>,
    /// The store.
    pub store: ArcSwap<StoreState>,
    /// Settings and totals.
    pub published: Arc<Published>,
    oldest_us: AtomicI64,
    saved_us: AtomicI64,
    late_rows: AtomicU64,
    settled: AtomicBool,
    refills: AtomicU64,
}

/// What is known of the store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreState {
    /// It took the last batch, or answered the last ping.
    pub up: bool,
    /// Why not.
    pub trouble: Option<String>,
    /// Tables that take rows but show none.
    pub suspended: Vec<String>,
    /// Accepted and not yet applied transactions, over all tables.
    pub apply_lag: i64,
    /// The store when it was last looked at.
    pub mark: Option<StoreMark>,
}

impl Status {
    pub(super) fn new(
        journal: Arc<Progress>,
        journal_max_bytes: u64,
        snapshot: &Snapshot,
        published: Arc<Published>,
    ) -> Self {
        let store = StoreState { mark: snapshot.store.clone(), ..StoreState::default() };
        Self {
            journal,
            journal_max_bytes,
            books: ArcSwap::from_pointee(snapshot.books.clone()),
            store: ArcSwap::from_pointee(store),
            published,
            oldest_us: AtomicI64::new(0),
            saved_us: AtomicI64::new(0),
            late_rows: AtomicU64::new(0),
            settled: AtomicBool::new(false),
            refills: AtomicU64::new(0),
        }
    }

    /// When the oldest event was journaled that the store has not taken; now, if there is none.
    #[must_use]
    pub fn oldest_unwritten(&self) -> Timestamp {
        match self.oldest_us.load(Ordering::Relaxed) {
            0 => clock::now(),
            oldest => Timestamp(oldest),
        }
    }

    pub(super) fn set_oldest_unwritten(&self, oldest: Option<Timestamp>) {
        self.oldest_us.store(oldest.map_or(0, |t| t.0), Ordering::Relaxed);
    }

    /// When the fold's state was last saved in this run.
    #[must_use]
    pub fn saved_at(&self) -> Timestamp {
        Timestamp(self.saved_us.load(Ordering::Relaxed))
    }

    pub(super) fn set_saved(&self, at: Timestamp) {
        self.saved_us.store(at.0, Ordering::Relaxed);
    }

    /// Rows that wait in the slow lane.
    #[must_use]
    pub fn late_rows(&self) -> u64 {
        self.late_rows.load(Ordering::Relaxed)
    }

    pub(super) fn set_late_rows(&self, rows: usize) {
        self.late_rows.store(rows as u64, Ordering::Relaxed);
    }

    /// Whether the store has what was written to it, as far as is known: nothing of it must be written again, and no
    /// request that was given up may still arrive.
    pub(super) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Relaxed)
    }

    pub(super) fn set_settled(&self, settled: bool) {
        self.settled.store(settled, Ordering::Relaxed);
    }

    /// How often it was begun to write again what the journal retains.
    pub(super) fn refills(&self) -> u64 {
        self.refills.load(Ordering::Relaxed)
    }

    pub(super) fn begin_refill(&self) {
        self.refills.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn update_store(&self, change: impl Fn(&mut StoreState)) {
        self.store.rcu(|state| {
            let mut state = StoreState::clone(state);
            change(&mut state);
            state
        });
    }
}
