//! Training: when a model is due or asked for, from the stored sessions, off the serving threads; then saving,
//! activating, and saying so in the store.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use station::time::Timestamp;
use store::read::{ReadError, Reader};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::activation::{ActivationError, Activator};
use crate::checks::Limits;
use crate::config::TrainingConfig;
use crate::evaluation::{self, Evaluation};
use crate::metrics::{Metrics, ReasonLabels};
use crate::models::{Artefact, ArtefactError, Folder, Model, TrainError, Training, Verdict};
use crate::places::Places;
use crate::reads;
use crate::session::Session;

/// Sessions read at once (a day is not divided).
const READ_AT_ONCE: i64 = 5000;

/// How far a training is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    /// Sessions read, of how many.
    Reading(u64, u64),
    /// It learns from so many sessions.
    Learning(u64),
    /// It is held against the active one, on so many sessions.
    Evaluating(u64),
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
    #[error(
        "models/{model} was trained, but not activated: {why}. It is kept, and ActivateModel activates it all the same"
    )]
    Refused { model: String, why: String },
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    #[error(transparent)]
    Activation(#[from] ActivationError),
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
    pub(crate) activator: Arc<Activator>,
    pub(crate) metrics: Metrics,
    /// The last training's time and how many stored sessions it has seen, also of a model that was refused: the same
    /// history would only give the same model again.
    pub(crate) last: std::sync::Mutex<Option<(i64, u64)>>,
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
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((trained_at_us, known)) = last else {
            return Ok(stored >= self.config.sessions_min as u64);
        };
        let most = self.config.sessions_max as u64;
        let age_s = crate::now().seconds_since(Timestamp(trained_at_us));
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
            Err(TrainingError::Refused { .. }) => self.metrics.outcome("refused"),
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
        let (model, judged) = tokio::task::spawn_blocking(move || {
            let (learnt, judged) = hold_out(history, training.sessions_min);
            Model::train(learnt, &training, &limits, now.0).map(|model| (model, judged))
        })
        .await??;
        progress(Progress::Evaluating(judged.len() as u64));
        let folder = self.folder.clone();
        let scorer = self.activator.scorer.load_full();
        let worse_max = self.config.worse_max;
        let (artefact, verdict) = tokio::task::spawn_blocking(move || {
            let judge = |model: &Model| evaluation::evaluate(model, &judged, scorer.thresholds());
            let evaluation = judge(&model);
            let before: Option<Evaluation> = scorer.artefact().and_then(|active| judge(&active.model));
            let refused = match (&evaluation, before) {
                (Some(new), Some(old)) => evaluation::worse(new, &old, worse_max),
                _ => None,
            };
            let verdict = Verdict { refused, evaluation };
            let artefact = folder.save(model)?;
            folder.set_verdict(&artefact.name, &verdict)?;
            Ok::<_, ArtefactError>((Arc::new(artefact), verdict))
        })
        .await??;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((now.0, count));
        if let Some(why) = verdict.refused.clone() {
            self.activator.say(&artefact, "refused", &verdict).await;
            self.prune();
            return Err(TrainingError::Refused { model: artefact.name.clone(), why });
        }
        progress(Progress::Activating(count));
        self.activator.activate(Arc::clone(&artefact)).await?;
        self.prune();
        Ok(artefact)
    }

    /// Removes what is kept for too long.
    fn prune(&self) {
        let scorer = self.activator.scorer.load();
        let active = scorer.artefact().map_or("", |active| active.name.as_str());
        if let Err(error) = self.folder.prune(self.config.keep, active) {
            tracing::warn!(%error, "old models could not be removed");
        }
    }

    /// The newest stored sessions, as a training sees them, at most `limit`.
    pub(crate) async fn newest(&self, limit: usize) -> Result<Vec<Session>, ReadError> {
        let places = Places::read(&self.reader).await?;
        let newest = reads::newest(&self.reader, i64::try_from(limit).unwrap_or(i64::MAX)).await?;
        let fill = |mut session: Session| {
            places.fill(&mut session);
            session
        };
        Ok(newest.into_iter().map(|stored| fill(stored.session)).collect())
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
}

/// Divides a history into what is learnt and what is judged; nothing is held out of a short one. What cannot be used
/// stays with the first, where it is counted.
fn hold_out(history: Vec<Session>, sessions_min: usize) -> (Vec<Session>, Vec<Session>) {
    let usable = history.iter().filter(|session| session.unusable_for_training().is_none()).count();
    if usable < 2 * sessions_min {
        return (history, Vec::new());
    }
    let (held, learnt): (Vec<Session>, Vec<Session>) =
        history.into_iter().partition(|s| evaluation::is_held_out(s) && s.unusable_for_training().is_none());
    (learnt, evaluation::judged(held))
}

fn unusable(history: &[Session]) -> BTreeMap<&'static str, u64> {
    let mut reasons = BTreeMap::new();
    for reason in history.iter().filter_map(Session::unusable_for_training) {
        *reasons.entry(reason).or_default() += 1;
    }
    reasons
}
