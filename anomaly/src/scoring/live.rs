//! The fast path: sessions that have just ended.

use std::collections::HashMap;
use std::sync::Arc;

use station::time::Timestamp;
use store::read::ReadError;
use tokio_util::sync::CancellationToken;

use super::{Scoring, activation, pause};
use crate::reads::{self, Key, Stored};
use crate::writer;

/// How far back it looks at first, and at most.
const BACK_S: i64 = 120;
/// How far behind the newest change it looks: rows of one moment do not become visible in one moment.
const OVERLAP_S: i64 = 10;
/// Sessions read at once; who ends beyond that is read next.
const AT_ONCE: i64 = 2000;
/// Sessions that may wait for their meter values; beyond, the others are scored without.
const WAITING_MAX: usize = 10_000;

impl Scoring {
    pub(super) async fn live(self: Arc<Self>, shutdown: CancellationToken) {
        let mut waiting: HashMap<Key, Stored> = HashMap::new();
        let mut newest = Timestamp(0);
        while pause(self.config.interval.0, &shutdown).await {
            let answer = self.tick(&mut waiting, &mut newest).await;
            if self.answered(answer).is_err() {
                // What waits is found again by the sweep; a store that is down is not asked four times a second.
                pause(std::time::Duration::from_secs(1), &shutdown).await;
            }
            self.metrics.waiting.set(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
        }
    }

    async fn tick(
        &self,
        waiting: &mut HashMap<Key, Stored>,
        newest: &mut Timestamp,
    ) -> Result<(), ReadError> {
        let now = crate::now();
        let scorer = self.scorer.load_full();
        let by = activation(&scorer);
        let since = newest.plus_seconds(-OVERLAP_S).max(now.plus_seconds(-BACK_S));
        let changed = reads::changed(&self.reader, since, AT_ONCE).await?;
        // A full answer may end within the overlap: then the newest change must be taken as it is, or it would
        // never get past it.
        if let Some(last) = changed.last() {
            let full = changed.len() >= usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
            *newest =
                (*newest).max(if full { last.updated_at.plus_seconds(OVERLAP_S) } else { last.updated_at });
            // A clock that is ahead must not hide what comes.
            *newest = (*newest).min(now.plus_seconds(OVERLAP_S));
        }
        for stored in changed {
            if self.handed.get(stored.key(), &by).is_none() {
                // A newer revision replaces the older one that may wait.
                waiting.retain(|key, _| key.id != stored.id || key.revision >= stored.session.revision);
                waiting.entry(stored.key()).or_insert(stored);
            }
        }
        reads::meters(&self.reader, waiting.values_mut()).await?;
        let crowded = waiting.len() > WAITING_MAX;
        let due: Vec<Key> = waiting
            .iter()
            .filter(|(_, s)| crowded || s.is_whole() || self.is_overdue(s.updated_at, now))
            .map(|(key, _)| *key)
            .collect();
        let due: Vec<Stored> = due.iter().filter_map(|key| waiting.remove(key)).collect();
        for (stored, scored) in self.score(due, Arc::clone(&scorer)).await {
            let (key, partial) = (stored.key(), scored.partial);
            let row = writer::score_row(&stored, scored, crate::now());
            if self.lanes.live(row, stored.updated_at) {
                self.handed.note(key, &by, partial);
            }
        }
        Ok(())
    }
}
