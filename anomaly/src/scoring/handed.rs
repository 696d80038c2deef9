//! What was handed to the writer lately: the store shows a row some time after it was written, and until then the
//! search must not score the same session over and over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::reads::Key;

/// So long after it was handed over a score that is still not visible counts as lost.
const KEPT: Duration = Duration::from_secs(300);
/// At most so many are remembered; beyond, the oldest half is forgotten (and perhaps scored once more: harmless).
const MOST: usize = 500_000;

/// A model and when it was activated: one that is activated again scores again what others have scored meanwhile.
pub(super) type Activation = (Arc<str>, i64);

#[derive(Default)]
pub(super) struct Handed(Mutex<HashMap<(Key, Activation), Entry>>);

#[derive(Clone, Copy)]
struct Entry {
    partial: bool,
    at: Instant,
}

impl Handed {
    /// Whether this was handed over, and only in part.
    pub(super) fn get(&self, key: Key, by: &Activation) -> Option<bool> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(&(key, by.clone())).filter(|entry| entry.at.elapsed() < KEPT).map(|entry| entry.partial)
    }

    pub(super) fn note(&self, key: Key, by: &Activation, partial: bool) {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= MOST {
            let mut ages: Vec<Instant> = map.values().map(|entry| entry.at).collect();
            let middle = ages.len() / 2;
            let (_, median, _) = ages.select_nth_unstable(middle);
            let median = *median;
            map.retain(|_, entry| entry.at > median);
        }
        map.insert((key, by.clone()), Entry { partial, at: Instant::now() });
    }

    /// Forgets what is too old to matter.
    pub(super) fn prune(&self) {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.retain(|_, entry| entry.at.elapsed() < KEPT);
    }
}
