//! Training: when a model is due or asked for, from the stored sessions, off the serving threads; then saving,
//! activating, and saying so in the store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use station::time::Timestamp;
use store::ModelRow;
use store::read::{ReadError, Reader};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::checks::Limits;
use crate::config::TrainingConfig;
use crate::metrics::{Metrics, ReasonLabels};
use crate::models::{Artefact, ArtefactError, Folder, Model, TrainError, Training};
use crate::places::Places;
use crate::reads;
use crate::score::Scorer;
use crate::session::Session;
use crate::writer::{Item, Lanes};

/// Sessions read at once (a day is not divided).
const READ_AT_ONCE: i64 = 5000;

/// How far a training is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    /// Sessions read, of how many.
    Reading(u64, u64),
    /// It learns from so many sessions.
    Learning(u64),
    /// It is saved and activated.
    Activating(u64),
}

/// Why there is no new model.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrainingError {
    #[error("another training is running; ask again when it has ended")]
    Busy,
    #[error(transparent)]
    Store(#[from] ReadError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    #[error("the training has crashed: {0}")]
    Crashed(#[from] tokio::task::JoinError),
}

/// Trains and activates models.
pub(crate) struct Trainer {
    pub(crate) config: TrainingConfig,
    pub(crate) training: Training,
    pub(crate) limits: Limits,
    pub(crate) reader: Reader,
    pub(crate) folder: Folder,
    pub(crate) scorer: Arc<ArcSwap<Scorer>>,
    pub(crate) lanes: Lanes,
    pub(crate) metrics: Metrics,
    pub(crate) activated: watch::Sender<u64>,
    /// One training at a time.
    pub(crate) running: Mutex<()>,
}

impl Trainer {
    /// Looks from time to time whether a model is due, and trains it. Failures are logged once per kind of failure
    /// and tried again.
    pub(crate) async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut complained = String::new();
        while crate::scoring::pause(self.config.look_every.0, &shutdown).await {
            match self.is_due().await {
                Ok(true) => {}
                // The scoring tasks speak about a store that is away.
                Ok(false) | Err(_) => continue,
            }
            match Arc::clone(&self).train(|_| {}).await {
                Ok(_) => complained.clear(),
                Err(TrainingError::Busy) => {}
                Err(error) => {
                    let error = error.to_string();
                    if error != complained {
                        tracing::warn!(%error, "no model was trained; it will be tried again");
                        complained = error;
                    }
                }
            }
        }
    }

    /// The first model, one that is too old, or one that knows less than half of what is there.
    async fn is_due(&self) -> Result<bool, ReadError> {
        let stored = reads::count(&self.reader).await?;
        let scorer = self.scorer.load();
        let Some(artefact) = scorer.artefact() else {
            return Ok(stored >= self.config.sessions_min as u64);
        };
        let model = &artefact.model;
        let known = model.sessions + model.rejected;
        let most = self.config.sessions_max as u64;
        let age_s = crate::now().seconds_since(Timestamp(model.trained_at_us));
        Ok(age_s >= self.config.every.0.as_secs_f64()
            || (known < most && stored.min(most) >= 2 * known.max(1)))
    }

    /// Trains from the stored sessions and activates the model.
    pub(crate) async fn train(
        self: Arc<Self>,
        progress: impl Fn(Progress),
    ) -> Result<Arc<Artefact>, TrainingError> {
        let Ok(_running) = self.running.try_lock() else { return Err(TrainingError::Busy) };
        let began = Instant::now();
        let result = self.learn(&progress).await;
        self.metrics.training.observe(began.elapsed().as_secs_f64());
        match &result {
            Ok(artefact) => {
                let model = &artefact.model;
                tracing::info!(
                    model = %artefact.name,
                    sessions = model.sessions,
                    rejected = model.rejected,
                    groups = %model.clusters_text(),
                    seconds = began.elapsed().as_secs_f64(),
                    "a model was trained and scores from now on"
                );
                self.metrics.outcome("activated");
            }
            Err(TrainingError::Train(_)) => self.metrics.outcome("too_few"),
            Err(_) => self.metrics.outcome("failed"),
        }
        result
    }

    async fn learn(&self, progress: &impl Fn(Progress)) -> Result<Arc<Artefact>, TrainingError> {
        let history = self.read(progress).await?;
        let count = history.len() as u64;
        for (reason, number) in unusable(&history) {
            self.metrics.rejected.get_or_create(&ReasonLabels { reason }).inc_by(number);
        }
        progress(Progress::Learning(count));
        let (training, limits, now) = (self.training, self.limits.clone(), crate::now());
        let model =
            tokio::task::spawn_blocking(move || Model::train(history, &training, &limits, now.0)).await??;
        progress(Progress::Activating(count));
        let folder = self.folder.clone();
        let artefact = Arc::new(tokio::task::spawn_blocking(move || folder.save(model)).await??);
        self.activate(&artefact, now).await;
        if let Err(error) = self.folder.prune(self.config.keep, &artefact.name) {
            tracing::warn!(%error, "old models could not be removed");
        }
        Ok(artefact)
    }

    async fn read(&self, progress: &impl Fn(Progress)) -> Result<Vec<Session>, ReadError> {
        let places = Places::read(&self.reader).await?;
        let spans = reads::spans(&self.reader, READ_AT_ONCE).await?;
        let all = spans.iter().map(|(_, _, n)| n.unsigned_abs()).sum::<u64>();
        let all = all.min(self.config.sessions_max as u64);
        let mut history = Vec::with_capacity(usize::try_from(all).unwrap_or(0));
        for (from, to, _) in spans {
            progress(Progress::Reading(history.len() as u64, all));
            for mut stored in reads::began_within(&self.reader, from, to).await? {
                places.fill(&mut stored.session);
                history.push(stored.session);
            }
            if history.len() >= self.config.sessions_max {
                history.truncate(self.config.sessions_max);
                break;
            }
        }
        // One order, whatever the store's: the same history gives the same model.
        history.sort_by_key(|session| (session.ts_us, session.id));
        Ok(history)
    }

    /// From now on this model scores.
    async fn activate(&self, artefact: &Arc<Artefact>, now: Timestamp) {
        let before = self.scorer.load_full();
        self.scorer.store(Arc::new(before.with(Arc::clone(artefact))));
        let model = &artefact.model;
        self.metrics.model(&artefact.name, model.trained_at_us, model.sessions);
        self.activated.send_modify(|times| *times += 1);
        let row = Item::Model(Box::new(model_row(artefact, now)));
        // The row is only for people: a store that is away must not hold up the model.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.lanes.bulk(row)).await;
    }
}

fn model_row(artefact: &Artefact, now: Timestamp) -> ModelRow {
    let model = &artefact.model;
    let detail = serde_json::json!({
        "rejected": model.rejected,
        "clusters": model.cluster_names(),
        "text": model.clusters_text(),
    });
    ModelRow {
        ts: now,
        model: artefact.name.clone(),
        state: "activated".to_owned(),
        sessions: i64::try_from(model.sessions).unwrap_or(i64::MAX),
        clusters: i32::try_from(model.clusters().clusters.len()).ok(),
        silhouette: model.clusters().silhouette,
        checksum: artefact.checksum.clone(),
        detail: detail.to_string(),
    }
}

fn unusable(history: &[Session]) -> BTreeMap<&'static str, u64> {
    let mut reasons = BTreeMap::new();
    for reason in history.iter().filter_map(Session::unusable_for_training) {
        *reasons.entry(reason).or_default() += 1;
    }
    reasons
}
