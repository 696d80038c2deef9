//! Models: what there is, how good it is, which one scores, and training another.

use std::sync::Arc;

use proto::anomaly::v1 as api;
use proto::anomaly::v1::train_response::Stage;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::errors::{invalid, not_found, of_store};
use super::{Api, convert, page};
use crate::models::{Artefact, Kept};
use crate::training::{Progress, TrainingError};
use crate::{drift, evaluation};

/// Steps of a training that wait for a caller who reads slowly; beyond, steps are left out.
const TRAIN_STEPS: usize = 16;

impl Api {
    pub(super) async fn clusters(
        &self,
        request: api::ListClustersRequest,
    ) -> Result<api::ListClustersResponse, Status> {
        let scorer = self.scorer.load_full();
        let Some(artefact) = self.artefact("parent", &request.parent).await? else {
            return Ok(api::ListClustersResponse {
                text: "There is no model yet: the checks work alone, and they find no groups.".to_owned(),
                model: format!("models/{}", scorer.version()),
                ..Default::default()
            });
        };
        let all = convert::to_clusters(&artefact);
        let (clusters, next_page_token) =
            page::of_list(all, request.page_size, &request.page_token, &request.parent)?;
        Ok(api::ListClustersResponse {
            clusters,
            next_page_token,
            silhouette: artefact.model.clusters().silhouette,
            text: artefact.model.clusters_text(),
            model: format!("models/{}", artefact.name),
        })
    }

    pub(super) async fn models(
        &self,
        request: api::ListModelsRequest,
    ) -> Result<api::ListModelsResponse, Status> {
        let scorer = self.scorer.load_full();
        let active = scorer.artefact();
        let is_active = |name: &str| active.is_some_and(|a| a.name == name);
        let mut all: Vec<api::Model> = self
            .kept()
            .await?
            .into_iter()
            .map(|kept| match kept.artefact {
                Ok(artefact) => convert::to_model(&artefact, kept.verdict, is_active(&kept.name)),
                Err(error) => api::Model {
                    name: format!("models/{}", kept.name),
                    state: api::model::State::Unusable.into(),
                    detail: error.to_string(),
                    ..Default::default()
                },
            })
            .collect();
        if active.is_none() {
            all.push(api::Model {
                name: format!("models/{}", scorer.version()),
                state: api::model::State::Active.into(),
                detail: "The checks of physics and sense alone: there is too little history for a model."
                    .to_owned(),
                ..Default::default()
            });
        }
        let (models, next_page_token) = page::of_list(all, request.page_size, &request.page_token, "models")?;
        Ok(api::ListModelsResponse { models, next_page_token })
    }

    /// A model by its resource name, the active one for `models/-`; `None` while the checks work alone and are meant.
    async fn artefact(&self, field: &str, name: &str) -> Result<Option<Arc<Artefact>>, Status> {
        let scorer = self.scorer.load_full();
        let Some(id) = name.strip_prefix("models/").filter(|id| !id.is_empty()) else {
            return Err(invalid(field, "must read models/{model}, or models/- for the active one"));
        };
        match scorer.artefact() {
            Some(active) if id == "-" || id == active.name => return Ok(Some(Arc::clone(active))),
            None if id == "-" || id == &**scorer.version() => return Ok(None),
            _ => {}
        }
        let (folder, wanted) = (self.folder.clone(), id.to_owned());
        let load = move || match folder.names() {
            // Only names that are there are made into paths.
            Ok(names) if !names.contains(&wanted) => Ok(None),
            Ok(_) => folder.load(&wanted).map(Some),
            Err(error) => Err(error),
        };
        let loaded = tokio::task::spawn_blocking(load).await.map_err(|e| Status::internal(e.to_string()))?;
        match loaded {
            Ok(Some(artefact)) => Ok(Some(Arc::new(artefact))),
            Ok(None) => Err(not_found("model", name)),
            Err(error) => Err(Status::failed_precondition(error.to_string())),
        }
    }

    /// Judges a model on what is stored now.
    pub(super) async fn evaluate(
        &self,
        request: api::EvaluateModelRequest,
    ) -> Result<api::EvaluateModelResponse, Status> {
        let only_checks =
            || Status::failed_precondition("the checks work alone: there is no model to evaluate yet");
        let artefact = self.artefact("name", &request.name).await?.ok_or_else(only_checks)?;
        let Ok(_turn) = self.judging.try_lock() else {
            return Err(Status::aborted("another evaluation is running; ask again when it has ended"));
        };
        // One in ten is held out.
        let newest = self.trainer.newest(10 * evaluation::JUDGED_MAX).await.map_err(|e| of_store(&e))?;
        let (thresholds, judged_one) = (*self.scorer.load().thresholds(), Arc::clone(&artefact));
        let work = move || {
            let drift = drift::of(&judged_one.model, newest.clone());
            let judged = evaluation::judged(newest);
            let count = judged.len();
            (evaluation::evaluate(&judged_one.model, &judged, &thresholds), drift, count)
        };
        let (evaluation, drift, count) =
            tokio::task::spawn_blocking(work).await.map_err(|e| Status::internal(e.to_string()))?;
        let too_few = || {
            Status::failed_precondition(format!(
                "{count} stored sessions are held out from training, which are too few to judge by (at least {})",
                evaluation::JUDGED_MIN
            ))
        };
        Ok(api::EvaluateModelResponse {
            model: format!("models/{}", artefact.name),
            evaluation: Some(convert::to_evaluation(evaluation.ok_or_else(too_few)?)),
            drift: drift.map(convert::to_drift),
        })
    }

    /// Lets another model score from now on.
    pub(super) async fn activate(&self, request: api::ActivateModelRequest) -> Result<api::Model, Status> {
        let checks = || Status::failed_precondition("the checks always work; there is no model to activate");
        let artefact = self.artefact("name", &request.name).await?.ok_or_else(checks)?;
        self.activator
            .activate(Arc::clone(&artefact))
            .await
            .map_err(|error| Status::internal(error.to_string()))?;
        let verdict = self.folder.verdict(&artefact.name);
        Ok(convert::to_model(&artefact, verdict, true))
    }

    /// The models on disk, read off the async threads.
    async fn kept(&self) -> Result<Vec<Kept>, Status> {
        let folder = self.folder.clone();
        let kept = tokio::task::spawn_blocking(move || folder.all()).await;
        match kept {
            Ok(Ok(kept)) => Ok(kept),
            Ok(Err(error)) => Err(Status::internal(error.to_string())),
            Err(error) => Err(Status::internal(error.to_string())),
        }
    }

    /// Begins a training in a task of its own: it goes on if the caller leaves.
    pub(super) async fn training(
        &self,
    ) -> Result<ReceiverStream<Result<api::TrainResponse, Status>>, Status> {
        let (steps, answers) = mpsc::channel(TRAIN_STEPS);
        let trainer = Arc::clone(&self.trainer);
        tokio::spawn(async move {
            let progress = steps.clone();
            let folder = trainer.folder.clone();
            let result = trainer.train(move |step| drop(progress.try_send(Ok(to_step(&step))))).await;
            let last = match result {
                Ok(artefact) => Ok(api::TrainResponse {
                    stage: Stage::Done.into(),
                    progress_ratio: 1.0,
                    session_count: i64::try_from(artefact.model.sessions).unwrap_or(i64::MAX),
                    model: Some(convert::to_model(&artefact, folder.verdict(&artefact.name), true)),
                }),
                Err(error) => Err(refusal(&error)),
            };
            // The caller may have left.
            let _ = steps.send(last).await;
        });
        Ok(ReceiverStream::new(answers))
    }
}

fn refusal(error: &TrainingError) -> Status {
    match error {
        TrainingError::Busy => Status::aborted(error.to_string()),
        TrainingError::Store(error) => of_store(error),
        TrainingError::Train(_) | TrainingError::Refused { .. } => {
            Status::failed_precondition(error.to_string())
        }
        TrainingError::Artefact(_) | TrainingError::Activation(_) | TrainingError::Crashed(_) => {
            Status::internal(error.to_string())
        }
    }
}

/// Reading is taken for half of the work.
fn to_step(progress: &Progress) -> api::TrainResponse {
    let (stage, progress_ratio, sessions) = match progress {
        Progress::Reading(read, all) => (Stage::Reading, 0.5 * *read as f64 / (*all).max(1) as f64, *read),
        Progress::Learning(sessions) => (Stage::Training, 0.5, *sessions),
        Progress::Evaluating(sessions) => (Stage::Evaluating, 0.9, *sessions),
        Progress::Activating(sessions) => (Stage::Activating, 0.95, *sessions),
    };
    api::TrainResponse {
        stage: stage.into(),
        progress_ratio,
        session_count: i64::try_from(sessions).unwrap_or(i64::MAX),
        model: None,
    }
}
