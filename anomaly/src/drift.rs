//! How far the newest sessions have moved from those that the active model has learnt from, as metrics.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::metrics::{FeatureLabels, Metrics};
use crate::models::{DRIFT_SESSIONS_MIN, Drift, Model};
use crate::session::Session;
use crate::training::Trainer;

/// So many of the newest sessions are compared.
const NEWEST: usize = 1000;

/// Compares the newest sessions with a model; `None` if they are too few to tell.
pub(crate) fn of(model: &Model, mut newest: Vec<Session>) -> Option<Drift> {
    newest.retain(|session| session.unusable_for_training().is_none());
    newest.truncate(NEWEST);
    (newest.len() >= DRIFT_SESSIONS_MIN).then(|| model.drift(&newest))
}

impl Trainer {
    /// Compares from time to time, until `shutdown`.
    pub(crate) async fn watch_drift(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            let scorer = self.activator.scorer.load_full();
            if let Some(artefact) = scorer.artefact().cloned()
                // The scoring tasks speak about a store that is away.
                && let Ok(newest) = self.newest(NEWEST).await
            {
                match tokio::task::spawn_blocking(move || of(&artefact.model, newest)).await {
                    Ok(Some(drift)) => export(&self.metrics, &drift),
                    Ok(None) => {}
                    Err(error) => tracing::error!(%error, "drift could not be computed"),
                }
            }
            if !crate::scoring::pause(self.config.drift_every.0, &shutdown).await {
                return;
            }
        }
    }
}

fn export(metrics: &Metrics, drift: &Drift) {
    metrics.score_drift.set(drift.score);
    for (feature, index) in &drift.features {
        metrics.feature_drift.get_or_create(&FeatureLabels { feature: feature.label() }).set(*index);
    }
}
