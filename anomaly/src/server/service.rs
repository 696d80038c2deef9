//! The API's methods.

use std::sync::Arc;
use std::time::Instant;

use ::service::auth::Scope;
use ::service::metrics::TraceLabel;
use proto::anomaly::v1 as api;
use proto::anomaly::v1::anomaly_service_server::AnomalyService;
use proto::anomaly::v1::train_response::Stage;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};
use tracing::Instrument;

use super::errors::{invalid, not_found, not_stored_yet, of_store};
use super::filter::Filter;
use super::page::{self, Place};
use super::{Api, convert, list};
use crate::metrics::{CallLabels, MethodLabels};
use crate::models::{Artefact, Kept};
use crate::training::{Progress, TrainingError};

/// Steps of a training that wait for a caller who reads slowly; beyond, steps are left out.
const TRAIN_STEPS: usize = 16;

#[tonic::async_trait]
impl AnomalyService for Api {
    type TrainStream = ReceiverStream<Result<api::TrainResponse, Status>>;
    type ScoreSessionsStream = ReceiverStream<Result<api::ScoreSessionsResponse, Status>>;

    async fn score_session(
        &self,
        request: Request<api::ScoreSessionRequest>,
    ) -> Result<Response<api::ScoreSessionResponse>, Status> {
        self.call("ScoreSession", Scope::Read, request, |request| self.score(request)).await
    }

    async fn get_score(
        &self,
        request: Request<api::GetScoreRequest>,
    ) -> Result<Response<api::Score>, Status> {
        self.call("GetScore", Scope::Read, request, |request| self.stored_score(request)).await
    }

    async fn list_anomalies(
        &self,
        request: Request<api::ListAnomaliesRequest>,
    ) -> Result<Response<api::ListAnomaliesResponse>, Status> {
        self.call("ListAnomalies", Scope::Read, request, |request| self.anomalies(request)).await
    }

    async fn list_clusters(
        &self,
        request: Request<api::ListClustersRequest>,
    ) -> Result<Response<api::ListClustersResponse>, Status> {
        self.call("ListClusters", Scope::Read, request, |request| self.clusters(request)).await
    }

    async fn forecast(
        &self,
        request: Request<api::ForecastRequest>,
    ) -> Result<Response<api::ForecastResponse>, Status> {
        self.call("Forecast", Scope::Read, request, |request| self.forecast_load(request)).await
    }

    async fn predict_availability(
        &self,
        request: Request<api::PredictAvailabilityRequest>,
    ) -> Result<Response<api::PredictAvailabilityResponse>, Status> {
        self.call("PredictAvailability", Scope::Read, request, |request| self.availability(request)).await
    }

    async fn list_models(
        &self,
        request: Request<api::ListModelsRequest>,
    ) -> Result<Response<api::ListModelsResponse>, Status> {
        self.call("ListModels", Scope::Read, request, |request| self.models(request)).await
    }

    async fn train(
        &self,
        request: Request<api::TrainRequest>,
    ) -> Result<Response<Self::TrainStream>, Status> {
        self.call("Train", Scope::Operate, request, |_| self.training()).await
    }

    async fn score_sessions(
        &self,
        request: Request<Streaming<api::ScoreSessionRequest>>,
    ) -> Result<Response<Self::ScoreSessionsStream>, Status> {
        self.call("ScoreSessions", Scope::Read, request, |requests| self.score_all(requests)).await
    }

    async fn explain_session(
        &self,
        request: Request<api::ExplainSessionRequest>,
    ) -> Result<Response<api::ExplainSessionResponse>, Status> {
        self.call("ExplainSession", Scope::Read, request, |request| self.explain(request)).await
    }

    async fn get_profile(
        &self,
        request: Request<api::GetProfileRequest>,
    ) -> Result<Response<api::Profile>, Status> {
        self.call("GetProfile", Scope::Read, request, |request| self.profile(request)).await
    }
}

impl Api {
    /// Lets the caller in, runs the method, counts it.
    async fn call<M, A, F>(
        &self,
        method: &'static str,
        need: Scope,
        request: Request<M>,
        run: impl FnOnce(M) -> F,
    ) -> Result<Response<A>, Status>
    where
        F: Future<Output = Result<A, Status>>,
    {
        let began = Instant::now();
        let span = tracing::info_span!("grpc", method);
        let result = match self.access.check(&request, need) {
            Ok(()) => run(request.into_inner()).instrument(span.clone()).await,
            Err(status) => Err(status),
        };
        let code = result.as_ref().map_or_else(Status::code, |_| Code::Ok);
        self.metrics.calls.get_or_create(&CallLabels { method, code: label(code) }).inc();
        let duration = self.metrics.call.get_or_create(&MethodLabels { method });
        duration.observe(began.elapsed().as_secs_f64(), TraceLabel::of(&span), None);
        result.map(Response::new)
    }

    async fn stored_score(&self, request: api::GetScoreRequest) -> Result<api::Score, Status> {
        let id = convert::session_id("name", &request.name, "/score")?;
        let row = list::newest(&self.reader, id).await.map_err(|e| of_store(&e))?;
        row.map(convert::to_stored_score).ok_or_else(|| not_stored_yet("score", &request.name))
    }

    async fn anomalies(
        &self,
        request: api::ListAnomaliesRequest,
    ) -> Result<api::ListAnomaliesResponse, Status> {
        let filter = Filter::parse(&request.filter)?;
        let size = page::size(request.page_size)?;
        let from = Place::read(&request.page_token, &request.filter)?;
        let page = list::page(&self.reader, &filter, size, from, crate::now()).await;
        let (scores, next) = page.map_err(|e| of_store(&e))?;
        Ok(api::ListAnomaliesResponse {
            anomalies: scores.into_iter().map(convert::to_stored_score).collect(),
            next_page_token: next.map(|place| place.token(&request.filter)).unwrap_or_default(),
        })
    }

    async fn clusters(&self, request: api::ListClustersRequest) -> Result<api::ListClustersResponse, Status> {
        let scorer = self.scorer.load_full();
        let Some(name) = request.parent.strip_prefix("models/").filter(|name| !name.is_empty()) else {
            return Err(invalid("parent", "must read models/{model}, or models/- for the active one"));
        };
        let artefact: Arc<Artefact> = match scorer.artefact() {
            Some(active) if name == "-" || name == active.name => Arc::clone(active),
            None if name == "-" || name == &**scorer.version() => {
                return Ok(api::ListClustersResponse {
                    text: "There is no model yet: the checks work alone, and they find no groups.".to_owned(),
                    model: format!("models/{}", scorer.version()),
                    ..Default::default()
                });
            }
            _ => {
                let kept = self.kept().await?.into_iter().find(|kept| kept.name == name);
                let kept = kept.ok_or_else(|| not_found("model", &request.parent))?;
                Arc::new(kept.artefact.map_err(|error| Status::failed_precondition(error.to_string()))?)
            }
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

    async fn models(&self, request: api::ListModelsRequest) -> Result<api::ListModelsResponse, Status> {
        let scorer = self.scorer.load_full();
        let active = scorer.artefact();
        let is_active = |name: &str| active.is_some_and(|a| a.name == name);
        let mut all: Vec<api::Model> = self
            .kept()
            .await?
            .into_iter()
            .map(|kept| match kept.artefact {
                Ok(artefact) => convert::to_model(&artefact, is_active(&kept.name)),
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
    async fn training(&self) -> Result<ReceiverStream<Result<api::TrainResponse, Status>>, Status> {
        let (steps, answers) = mpsc::channel(TRAIN_STEPS);
        let trainer = Arc::clone(&self.trainer);
        tokio::spawn(async move {
            let progress = steps.clone();
            let result = trainer.train(move |step| drop(progress.try_send(Ok(to_step(&step))))).await;
            let last = match result {
                Ok(artefact) => Ok(api::TrainResponse {
                    stage: Stage::Done.into(),
                    progress_ratio: 1.0,
                    session_count: i64::try_from(artefact.model.sessions).unwrap_or(i64::MAX),
                    model: Some(convert::to_model(&artefact, true)),
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
        TrainingError::Train(_) => Status::failed_precondition(error.to_string()),
        TrainingError::Artefact(_) | TrainingError::Crashed(_) => Status::internal(error.to_string()),
    }
}

/// Reading is taken for half of the work.
fn to_step(progress: &Progress) -> api::TrainResponse {
    let (stage, progress_ratio, sessions) = match progress {
        Progress::Reading(read, all) => (Stage::Reading, 0.5 * *read as f64 / (*all).max(1) as f64, *read),
        Progress::Learning(sessions) => (Stage::Training, 0.5, *sessions),
        Progress::Activating(sessions) => (Stage::Activating, 0.95, *sessions),
    };
    api::TrainResponse {
        stage: stage.into(),
        progress_ratio,
        session_count: i64::try_from(sessions).unwrap_or(i64::MAX),
        model: None,
    }
}

/// The code's name as a metric label.
fn label(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::InvalidArgument => "invalid_argument",
        Code::NotFound => "not_found",
        Code::Unauthenticated => "unauthenticated",
        Code::PermissionDenied => "permission_denied",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::Unavailable => "unavailable",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::Internal => "internal",
        _ => "other",
    }
}
