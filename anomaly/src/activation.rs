//! Which model scores: changed as a whole while sessions are scored, noted on disk, and said in the store.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use station::time::Timestamp;
use store::ModelRow;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinError;

use crate::metrics::Metrics;
use crate::models::{Active, Artefact, ArtefactError, Folder, Verdict};
use crate::score::Scorer;
use crate::writer::{Item, Lanes};

/// Why a model was not activated. The one before it goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActivationError {
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    #[error("the activation has crashed: {0}")]
    Crashed(#[from] JoinError),
}

/// Activates models, one at a time.
pub(crate) struct Activator {
    pub(crate) folder: Folder,
    pub(crate) scorer: Arc<ArcSwap<Scorer>>,
    pub(crate) lanes: Lanes,
    pub(crate) metrics: Metrics,
    /// Changes with each activation: all stored sessions are scored again.
    pub(crate) activated: watch::Sender<u64>,
    pub(crate) turn: Mutex<()>,
}

impl Activator {
    /// From now on this model scores, and after a restart as well. The one that scores already stays as it is.
    pub(crate) async fn activate(&self, artefact: Arc<Artefact>) -> Result<(), ActivationError> {
        let _turn = self.turn.lock().await;
        let before = self.scorer.load_full();
        if before.artefact().is_some_and(|active| active.name == artefact.name) {
            return Ok(());
        }
        // Never the same moment twice, whatever the clock does.
        let since_us = crate::now().0.max(before.since_us() + 1);
        let (folder, active) = (self.folder.clone(), Active { model: artefact.name.clone(), since_us });
        tokio::task::spawn_blocking(move || folder.set_active(&active)).await??;
        self.scorer.rcu(|scorer| scorer.with(Arc::clone(&artefact), since_us));
        let model = &artefact.model;
        self.metrics.model(&artefact.name, model.trained_at_us, model.sessions);
        self.activated.send_modify(|times| *times += 1);
        tracing::info!(model = %artefact.name, before = %before.version(), "another model scores from now on");
        self.say(&artefact, "activated", &self.folder.verdict(&artefact.name)).await;
        Ok(())
    }

    /// Says in the store what happened to a model. The row is only for people: a store that is away must not hold up the
    /// model.
    pub(crate) async fn say(&self, artefact: &Artefact, state: &str, verdict: &Verdict) {
        let row = Item::Model(Box::new(model_row(artefact, state, verdict, crate::now())));
        let _ = tokio::time::timeout(Duration::from_secs(1), self.lanes.bulk(row)).await;
    }
}

fn model_row(artefact: &Artefact, state: &str, verdict: &Verdict, now: Timestamp) -> ModelRow {
    let model = &artefact.model;
    let detail = serde_json::json!({
        "rejected": model.rejected,
        "clusters": model.cluster_names(),
        "text": model.clusters_text(),
        "evaluation": verdict.evaluation,
        "refused": verdict.refused,
    });
    ModelRow {
        ts: now,
        model: artefact.name.clone(),
        state: state.to_owned(),
        sessions: i64::try_from(model.sessions).unwrap_or(i64::MAX),
        clusters: i32::try_from(model.clusters().clusters.len()).ok(),
        silhouette: model.clusters().silhouette,
        checksum: artefact.checksum.clone(),
        detail: detail.to_string(),
    }
}
