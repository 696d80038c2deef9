//! The search for what has no score: over the last hour, the last week, and the whole store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use station::time::Timestamp;
use store::read::ReadError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Scoring, activation, pause};
use crate::reads::{self, Found, Window};
use crate::score::Scorer;
use crate::writer::{self, Item};

const HOUR_S: i64 = 3600;
const WEEK_S: i64 = 7 * 86_400;
/// So long the fast path has for a session.
const FAST_S: f64 = 5.0;
/// Sessions in one step of the look through the whole store (a day is not divided).
const STEP: i64 = 5000;
/// Sessions that are read, scored and written at once.
const CHUNK: usize = 1000;
/// How often progress is logged.
const SAY_EVERY: Duration = Duration::from_secs(5);

impl Scoring {
    /// The last hour often, the last week sometimes.
    pub(super) async fn sweep_recent(self: Arc<Self>, shutdown: CancellationToken) {
        let mut week = Instant::now();
        while pause(self.config.sweep_hour_every.0, &shutdown).await {
            let back = if week.elapsed() >= self.config.sweep_week_every.0 { WEEK_S } else { HOUR_S };
            let window = Window::Updated(crate::now().plus_seconds(-back));
            let answer = self.sweep(window, &self.scorer.load_full()).await;
            if self.answered(answer).is_ok() && back == WEEK_S {
                week = Instant::now();
            }
            self.handed.prune();
        }
    }

    /// Everything, at start and whenever a model is activated.
    pub(super) async fn sweep_all(
        self: Arc<Self>,
        mut activated: watch::Receiver<u64>,
        shutdown: CancellationToken,
    ) {
        loop {
            activated.mark_unchanged();
            let scorer = self.scorer.load_full();
            let answer = self.sweep_spans(&scorer, &activated, &shutdown).await;
            self.metrics.backlog.set(0);
            if self.answered(answer).is_err() {
                // Not done: from the start again, where what is scored by now is passed over quickly.
                if !pause(Duration::from_secs(5), &shutdown).await {
                    return;
                }
                continue;
            }
            tokio::select! {
                changed = activated.changed() => if changed.is_err() { return },
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn sweep_spans(
        &self,
        scorer: &Arc<Scorer>,
        activated: &watch::Receiver<u64>,
        shutdown: &CancellationToken,
    ) -> Result<(), ReadError> {
        let began = Instant::now();
        let mut said = Instant::now();
        let spans = reads::spans(&self.reader, STEP).await?;
        let all: i64 = spans.iter().map(|(_, _, count)| count).sum();
        let (mut seen, mut scored) = (0, 0);
        for (from, to, count) in spans {
            self.metrics.backlog.set(all - seen);
            // A newer model makes this look pointless.
            if shutdown.is_cancelled() || activated.has_changed().unwrap_or(true) {
                return Ok(());
            }
            scored += self.sweep(Window::Began(from, to), scorer).await?;
            seen += count;
            if said.elapsed() >= SAY_EVERY {
                said = Instant::now();
                let percent = 100 * seen / all.max(1);
                tracing::info!(seen, all, percent, scored, "scoring stored sessions");
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        tracing::info!(sessions = all, scored, seconds, model = %scorer.version(), "all stored sessions are scored");
        Ok(())
    }

    /// Scores what has no score in a window, and again what was scored in part and is whole now.
    async fn sweep(&self, window: Window, scorer: &Arc<Scorer>) -> Result<u64, ReadError> {
        let model = scorer.version();
        let by = activation(scorer);
        let scored = reads::scored(&self.reader, model, Timestamp(scorer.since_us()), window).await?;
        let now = crate::now();
        let state = |found: &Found| scored.get(&found.key).copied().or(self.handed.get(found.key, &by));
        let wanted: Vec<Found> = reads::found(&self.reader, window)
            .await?
            .into_iter()
            .filter(|found| match state(found) {
                Some(partial) => partial && self.handed.get(found.key, &by) != Some(false),
                // Younger ones are the fast path's.
                None => now.seconds_since(found.updated_at) >= FAST_S,
            })
            .collect();
        let mut count = 0;
        for some in wanted.chunks(CHUNK) {
            let mut sessions = reads::rows_of(&self.reader, some).await?;
            reads::meters(&self.reader, sessions.iter_mut()).await?;
            // Those that wait for their meter values are the fast path's, and in part again would say nothing new.
            sessions.retain(|stored| {
                stored.is_whole()
                    || self.is_overdue(stored.updated_at, now) && !scored.contains_key(&stored.key())
            });
            let results = self.score(sessions, Arc::clone(scorer)).await;
            // What another model scores by now must not be replaced by this one's view.
            if self.scorer.load().since_us() != scorer.since_us() {
                return Ok(count);
            }
            for (stored, result) in results {
                let (key, partial) = (stored.key(), result.partial);
                let row = writer::score_row(&stored, result, crate::now());
                if !self.lanes.bulk(Item::Score(Box::new(row), None)).await {
                    return Ok(count);
                }
                self.handed.note(key, &by, partial);
                count += 1;
            }
        }
        Ok(count)
    }
}
