//! `POST /v1/import/sessions`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use service::problem::Problem;
use station::event::{EventKind, Source, StationEvent};
use station::fold::Verdict;
use station::mqtt::record::{Mapping, MappingError, MappingFile, read};
use station::secret::SecretKey;
use utoipa::OpenApi;

use super::{ImportAnswer, RejectedRow};
use crate::metrics::{ActionLabels, AdapterMetrics};
use crate::pipeline::{Pipeline, Refused};

/// Largest piece, in bytes.
const BODY_MAX: usize = 16 << 20;
/// Sessions that share a place in the pipeline's queue: enough for one sync, few enough to let stations in between.
const BATCH: usize = 250;
/// Longest file name that is kept with a rejected row, in characters.
const FILE_NAME_MAX: usize = 120;

/// What the import works with.
#[derive(Clone, Debug)]
pub struct ImportDeps {
    /// The way into the journal.
    pub pipeline: Pipeline,
    /// Under which tokens are hashed and sealed.
    pub secret_key: Arc<SecretKey>,
    /// Metrics.
    pub metrics: AdapterMetrics,
}

/// How a piece is to be read.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// A preset (`columns20`, `trondheim`, `workplace`, `boulder`). `columns20`, if neither this nor `mapping` is given.
    preset: Option<String>,
    /// A mapping of one's own, as JSON.
    mapping: Option<String>,
    /// IANA time zone of times that say none; goes before the mapping's.
    time_zone: Option<String>,
    /// The file's name, for messages.
    file: Option<String>,
    /// What to add to a line's number in the piece to get its number in the file.
    #[serde(default)]
    line_offset: i64,
}

/// The routes of the import. Who may use them is the API's to decide.
pub fn import_router(deps: ImportDeps) -> Router {
    Router::new()
        .route("/v1/import/sessions", post(import_sessions))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(deps)
}

/// The description of the import's routes.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(import_sessions))]
    struct Document;
    Document::openapi()
}

/// Takes whole sessions: CSV with its header, one JSON object, a list, or JSON Lines. Sending the same again brings
/// nothing twice.
#[utoipa::path(post, path = "/v1/import/sessions", params(Parameters),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = ImportAnswer), (status = 400, body = Problem), (status = 503, body = Problem)))]
async fn import_sessions(
    State(deps): State<ImportDeps>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    body: Bytes,
) -> Result<Json<ImportAnswer>, Problem> {
    let Query(parameters) = parameters.map_err(|error| Problem::bad_request(error.body_text()))?;
    let mapping = parameters.mapping()?;
    let key = Arc::clone(&deps.secret_key);
    let decoded = tokio::task::spawn_blocking(move || parameters.decode(&mapping, &key, &body)).await;
    let rows =
        decoded.map_err(|error| Problem::unavailable(format!("the piece was not decoded: {error}")))??;
    let labels = ActionLabels { protocol: Source::Import.label(), direction: "in", action: "record" };
    deps.metrics.messages.get_or_create(&labels).inc_by(rows.len() as u64);
    let mut answer = ImportAnswer::default();
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        submit(&deps, rows.by_ref().take(BATCH).collect(), &mut answer).await?;
    }
    Ok(Json(answer))
}

impl Parameters {
    fn mapping(&self) -> Result<Mapping, Problem> {
        let wrong = |error: MappingError| Problem::bad_request(error.to_string());
        let mut file = match (&self.mapping, &self.preset) {
            (Some(_), Some(_)) => {
                return Err(Problem::bad_request("give either preset or mapping, not both"));
            }
            (Some(mapping), None) => serde_json::from_str::<MappingFile>(mapping)
                .map_err(|error| Problem::bad_request(format!("the mapping cannot be read: {error}")))?,
            (None, preset) => MappingFile::preset(preset.as_deref().unwrap_or("columns20")).map_err(wrong)?,
        };
        if self.time_zone.is_some() {
            file.time_zone.clone_from(&self.time_zone);
        }
        let mapping = Mapping::new(file).map_err(wrong)?;
        mapping.check_sessions().map_err(wrong)?;
        Ok(mapping)
    }

    /// The events of a piece with their lines.
    fn decode(
        &self,
        mapping: &Mapping,
        key: &SecretKey,
        body: &[u8],
    ) -> Result<Vec<(u64, StationEvent)>, Problem> {
        let rows = read(mapping, key, body).map_err(|error| Problem::bad_request(error.to_string()))?;
        let file: String = self.file.as_deref().unwrap_or("import").chars().take(FILE_NAME_MAX).collect();
        let events = rows.into_iter().map(|row| {
            let line = row.line.saturating_add_signed(self.line_offset);
            (line, row.into_event(Source::Import, format!("{file}:{line}")))
        });
        Ok(events.collect())
    }
}

async fn submit(
    deps: &ImportDeps,
    batch: Vec<(u64, StationEvent)>,
    answer: &mut ImportAnswer,
) -> Result<(), Problem> {
    let (lines, events): (Vec<u64>, Vec<StationEvent>) = batch.into_iter().unzip();
    let whys: Vec<Option<String>> = events.iter().map(why).collect();
    let outcomes = deps.pipeline.submit(events).await.map_err(|refused| {
        deps.metrics.refused(refused.label());
        match refused {
            Refused::TooLarge => Problem::bad_request("a row of the piece is too large to be journaled"),
            refused => Problem::unavailable(format!("{refused}; send the piece again")),
        }
    })?;
    for ((line, why), outcome) in lines.into_iter().zip(whys).zip(outcomes) {
        match outcome.verdict {
            Verdict::Stored => answer.taken += 1,
            Verdict::Duplicate => answer.duplicate += 1,
            Verdict::Rejected(_) => {
                let reason = why.unwrap_or_else(|| {
                    "the session lies in the future, or before 2000; correct its begin and end".to_owned()
                });
                answer.rejected.push(RejectedRow { line, reason });
            }
        }
    }
    Ok(())
}

/// Why the row was not understood, if it was not.
fn why(event: &StationEvent) -> Option<String> {
    match &event.kind {
        EventKind::Undecodable { detail, .. } => Some(detail.clone()),
        _ => None,
    }
}
