//! Finding ended sessions that have no score, and scoring them. Level-triggered: whatever is ended, in its present
//! revision, and without a score by the present model, is found, however late its row came: at once over what has
//! just changed, often over the last hour, hourly over a week, and wholly at start and when a model is activated.

mod handed;
mod live;
mod sweep;

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use service::readiness::Readiness;
use station::time::Timestamp;
use store::read::{ReadError, Reader};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::ScoringConfig;
use crate::metrics::Metrics;
use crate::places::Places;
use crate::reads::Stored;
use crate::score::{Scored, Scorer};
use crate::writer::Lanes;
use handed::Handed;

/// What the scoring tasks share.
pub(crate) struct Scoring {
    pub(crate) config: ScoringConfig,
    pub(crate) reader: Reader,
    pub(crate) scorer: Arc<ArcSwap<Scorer>>,
    pub(crate) places: ArcSwap<Places>,
    pub(crate) lanes: Lanes,
    pub(crate) metrics: Metrics,
    pub(crate) ready: Readiness,
    /// What was handed to the writer lately, and may not be visible yet.
    handed: Handed,
}

impl Scoring {
    pub(crate) fn new(
        config: ScoringConfig,
        reader: Reader,
        scorer: Arc<ArcSwap<Scorer>>,
        lanes: Lanes,
        metrics: Metrics,
        ready: Readiness,
    ) -> Self {
        let places = ArcSwap::from_pointee(Places::default());
        Self { config, reader, scorer, places, lanes, metrics, ready, handed: Handed::default() }
    }

    /// Runs all tasks until `shutdown`. `activated` changes when a model is activated.
    pub(crate) async fn run(self: Arc<Self>, activated: watch::Receiver<u64>, shutdown: CancellationToken) {
        // Ratings and zones come first: without them a session could be scored by other rules than the next.
        self.until_read(&shutdown).await;
        tokio::join!(
            Arc::clone(&self).refresh_places(shutdown.clone()),
            Arc::clone(&self).live(shutdown.clone()),
            Arc::clone(&self).sweep_recent(shutdown.clone()),
            Arc::clone(&self).sweep_all(activated, shutdown),
        );
    }

    /// Waits for the first answer of the store.
    async fn until_read(&self, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            let answer = Places::read(&self.reader).await;
            if let Ok(places) = self.answered(answer) {
                self.places.store(Arc::new(places));
                return;
            }
            pause(std::time::Duration::from_secs(1), shutdown).await;
        }
    }

    async fn refresh_places(self: Arc<Self>, shutdown: CancellationToken) {
        while pause(std::time::Duration::from_secs(15), &shutdown).await {
            let answer = Places::read(&self.reader).await;
            if let Ok(places) = self.answered(answer) {
                self.places.store(Arc::new(places));
            }
        }
    }

    /// Notes whether the store has answered, and says so when that changes.
    pub(crate) fn answered<T>(&self, answer: Result<T, ReadError>) -> Result<T, ReadError> {
        let up = answer.is_ok();
        let was_up = self.metrics.store_up.set(i64::from(up)) == 1;
        match &answer {
            Ok(_) => {
                if !was_up {
                    tracing::info!("the store answers");
                }
                self.ready.set("store", Ok(()));
            }
            Err(error) => {
                if was_up || self.ready.state().is_ok() {
                    tracing::warn!(%error, "the store does not answer; scoring goes on when it does");
                }
                self.ready.set("store", Err(error.to_string()));
            }
        }
        answer
    }

    /// Scores sessions off the async threads, with what operators say of their stations and sites.
    async fn score(&self, mut sessions: Vec<Stored>, scorer: Arc<Scorer>) -> Vec<(Stored, Scored)> {
        if sessions.is_empty() {
            return Vec::new();
        }
        let places = self.places.load_full();
        let metrics = self.metrics.clone();
        let work = tokio::task::spawn_blocking(move || {
            for stored in &mut sessions {
                places.fill(&mut stored.session);
            }
            sessions
                .into_iter()
                .map(|stored| {
                    let began = Instant::now();
                    let scored = scorer.score(&stored.session, !stored.is_whole());
                    metrics.scoring.observe(began.elapsed().as_secs_f64());
                    (stored, scored)
                })
                .collect()
        });
        work.await.unwrap_or_else(|error| {
            tracing::error!(%error, "scoring failed; the sessions will be found again");
            Vec::new()
        })
    }

    /// Whether its meter values have had their time to come.
    fn is_overdue(&self, updated_at: Timestamp, now: Timestamp) -> bool {
        now.seconds_since(updated_at) >= self.config.samples_wait.0.as_secs_f64()
    }
}

fn activation(scorer: &Scorer) -> handed::Activation {
    (Arc::clone(scorer.version()), scorer.since_us())
}

/// Waits; `false` if told to stop meanwhile.
pub(crate) async fn pause(time: std::time::Duration, shutdown: &CancellationToken) -> bool {
    tokio::time::timeout(time, shutdown.cancelled()).await.is_err()
}
