//! The API's methods.

use std::time::Instant;

use ::service::auth::Scope;
use ::service::metrics::TraceLabel;
use proto::anomaly::v1 as api;
use proto::anomaly::v1::anomaly_service_server::AnomalyService;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};
use tracing::Instrument;

use super::errors::{not_stored_yet, of_store};
use super::filter::Filter;
use super::page::{self, Place};
use super::{Api, convert, list};
use crate::metrics::{CallLabels, MethodLabels};

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

    async fn evaluate_model(
        &self,
        request: Request<api::EvaluateModelRequest>,
    ) -> Result<Response<api::EvaluateModelResponse>, Status> {
        self.call("EvaluateModel", Scope::Read, request, |request| self.evaluate(request)).await
    }

    async fn activate_model(
        &self,
        request: Request<api::ActivateModelRequest>,
    ) -> Result<Response<api::Model>, Status> {
        self.call("ActivateModel", Scope::Operate, request, |request| self.activate(request)).await
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
