//! Dead letters over HTTP: what could not be taken, why, and another try at it.

mod decode;
mod query;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use service::problem::Problem;
use station::fold::Verdict;
use station::id::EventId;
use station::mqtt::record::{Mapping, MappingError, MappingFile};
use uuid::Uuid;

use self::query::Order;
use super::Deps;

/// Letters on one page, if the request does not say it.
const PAGE: u32 = 100;
/// Letters on one page at most: a payload may have two megabytes.
const PAGE_MAX: u32 = 1_000;
/// Letters that one request replays at most; the answer says where to go on.
const REPLAY_MAX: u32 = 100;

/// Which letters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Filter {
    /// Of this station; `(gateway)` stands for messages of which the station is not known.
    station: Option<String>,
    /// With this reason: malformed, unknown_action, unknown_topic, invalid, too_large, refused_by_store, fold_failed.
    reason: Option<String>,
    /// That came this way: ocpp1.6, ocpp2.0.1, ocpp2.1, mqtt_broker, mqtt_endpoint, import, api, gateway.
    source: Option<String>,
    /// From this time on, RFC 3339.
    #[schema(value_type = Option<String>)]
    #[param(value_type = Option<String>)]
    since: Option<station::time::Timestamp>,
    /// Until this time, RFC 3339.
    #[schema(value_type = Option<String>)]
    #[param(value_type = Option<String>)]
    until: Option<station::time::Timestamp>,
    /// Letters in one answer: 100, if not given.
    limit: Option<u32>,
    /// Where the answer before ended: its `next`.
    after: Option<String>,
}

/// Something that could not be taken.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Letter {
    /// The event that it was kept as.
    #[schema(value_type = String)]
    pub event_id: Uuid,
    /// Its number in the event: 0, or, for rows that the store refused, from 1000000 on.
    pub n: i32,
    /// The time that it is filed under, RFC 3339.
    pub ts: String,
    /// When it was journaled, RFC 3339.
    pub received_at: String,
    /// Whose it is; `(gateway)` if that is not known.
    pub station: String,
    /// The way it came.
    pub source: String,
    /// The kind of trouble.
    pub reason: String,
    /// What was wrong.
    pub detail: String,
    /// Where it came from: a path, a topic, a file and its line, a table.
    pub origin: String,
    /// What was sent, tokens sealed; none where it could not be kept.
    #[schema(nullable)]
    pub payload: Option<String>,
    #[serde(skip)]
    received: station::time::Timestamp,
}

/// A page of letters, newest first.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Letters {
    /// At most as many as were asked for.
    pub items: Vec<Letter>,
    /// What `after` must be for the next page; none on the last.
    #[schema(nullable)]
    pub next: Option<String>,
}

/// What to try again: either some letters, or all that a filter lets through.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Replay {
    /// These, at most 100; the filter does not count then.
    #[schema(value_type = Vec<String>)]
    event_ids: Vec<Uuid>,
    /// Those, oldest first.
    filter: Filter,
    /// How rows of imported files are read: a preset.
    preset: Option<String>,
    /// How rows of imported files are read: a mapping of one's own.
    #[schema(value_type = Option<Object>)]
    mapping: Option<MappingFile>,
    /// Only say what would be taken.
    dry_run: bool,
}

/// What became of the letters of one request.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Replayed {
    /// In the order in which they were tried.
    pub items: Vec<ReplayedLetter>,
    /// What the filter's `after` must be to go on; none at the end.
    #[schema(nullable)]
    pub next: Option<String>,
}

/// What became of one letter.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReplayedLetter {
    /// The event that it is kept as.
    #[schema(value_type = String)]
    pub event_id: Uuid,
    /// Its number in the event.
    pub n: i32,
    /// Whose it is.
    pub station: String,
    /// How the try ended.
    pub result: Outcome,
    /// New facts that it brought.
    pub events: usize,
    /// Why not all of it was taken.
    #[schema(nullable)]
    pub why: Option<String>,
}

/// How one try ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is journaled, and will be stored. With `dry_run`: it would be.
    Taken,
    /// It was there already: replayed before, or sent again by the station.
    Duplicate,
    /// It still cannot be taken.
    NotTaken,
}

/// What could not be taken, newest first.
#[utoipa::path(get, path = "/v1/rejected", params(Filter),
    responses((status = 200, body = Letters), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn list(
    State(deps): State<Deps>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Letters>, Problem> {
    let Query(filter) = filter.map_err(|error| Problem::bad_request(error.body_text()))?;
    let limit = filter.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let (items, next) = query::page(&deps.store, &filter, Order::NewestFirst, limit).await?;
    Ok(Json(Letters { items, next }))
}

/// What is kept of one event: one letter, or one for each row that the store refused.
#[utoipa::path(get, path = "/v1/rejected/{event_id}", params(("event_id" = String, Path)),
    responses((status = 200, body = Letters), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem)))]
pub(super) async fn get_one(
    State(deps): State<Deps>,
    Path(event_id): Path<String>,
) -> Result<Json<Letters>, Problem> {
    let id = event_id.parse().map_err(|_| {
        Problem::bad_request(format!("\"{event_id}\" is no event id such as `GET /v1/rejected` gives"))
    })?;
    Ok(Json(Letters { items: query::of_event(&deps.store, id).await?, next: None }))
}

/// Decodes letters again, with today's decoders and settings, and hands in what comes out. What is still not
/// understood stays as it is. A second time brings nothing twice.
#[utoipa::path(post, path = "/v1/rejected:replay", request_body = Replay,
    responses((status = 200, body = Replayed), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem)))]
pub(super) async fn replay(
    State(deps): State<Deps>,
    request: Result<Json<Replay>, JsonRejection>,
) -> Result<Json<Replayed>, Problem> {
    let Json(request) = request.map_err(|error| Problem::bad_request(error.body_text()))?;
    let mapping = request.mapping()?;
    let (letters, next) = if request.event_ids.is_empty() {
        let limit = request.filter.limit.unwrap_or(REPLAY_MAX).clamp(1, REPLAY_MAX);
        query::page(&deps.store, &request.filter, Order::OldestFirst, limit).await?
    } else if request.event_ids.len() > REPLAY_MAX as usize {
        return Err(Problem::bad_request(format!("at most {REPLAY_MAX} event_ids are replayed at once")));
    } else {
        let mut letters = Vec::new();
        for id in &request.event_ids {
            letters.extend(query::of_event(&deps.store, *id).await?);
        }
        (letters, None)
    };
    let mut items = Vec::with_capacity(letters.len());
    for letter in letters {
        items.push(again(&deps, &letter, mapping.as_ref(), request.dry_run).await?);
    }
    Ok(Json(Replayed { items, next }))
}

impl Replay {
    fn mapping(&self) -> Result<Option<Mapping>, Problem> {
        let wrong = |error: MappingError| Problem::bad_request(error.to_string());
        let file = match (&self.mapping, &self.preset) {
            (Some(_), Some(_)) => {
                return Err(Problem::bad_request("give either preset or mapping, not both"));
            }
            (Some(mapping), None) => mapping.clone(),
            (None, Some(preset)) => MappingFile::preset(preset).map_err(wrong)?,
            (None, None) => return Ok(None),
        };
        let mapping = Mapping::new(file).map_err(wrong)?;
        mapping.check_sessions().map_err(wrong)?;
        Ok(Some(mapping))
    }
}

async fn again(
    deps: &Deps,
    letter: &Letter,
    mapping: Option<&Mapping>,
    dry_run: bool,
) -> Result<ReplayedLetter, Problem> {
    let ended = |result, events, why| ReplayedLetter {
        event_id: letter.event_id,
        n: letter.n,
        station: letter.station.clone(),
        result,
        events,
        why,
    };
    let (events, why) = match decode::decode(letter, &deps.secret_key, &deps.rules, mapping) {
        Ok(decoded) => decoded,
        Err(why) => return Ok(ended(Outcome::NotTaken, 0, Some(why))),
    };
    if dry_run {
        return Ok(ended(Outcome::Taken, events.len(), why));
    }
    let outcomes = deps.pipeline.submit(events).await.map_err(|refused| {
        Problem::unavailable(format!(
            "{refused}; what came before it was taken: replay again later, nothing comes twice"
        ))
    })?;
    let count = |verdict| outcomes.iter().filter(|outcome| outcome.verdict == verdict).count();
    let (stored, duplicate) = (count(Verdict::Stored), count(Verdict::Duplicate));
    Ok(match (stored, duplicate) {
        (0, 0) => ended(
            Outcome::NotTaken,
            0,
            Some("it was decoded, but is rejected for what it says; see the newest letter".into()),
        ),
        (0, _) => ended(Outcome::Duplicate, 0, why),
        (stored, _) => ended(Outcome::Taken, stored, why),
    })
}

/// The id of the `part`th event of a letter.
fn replayed(letter: &Letter, part: usize) -> EventId {
    EventId::replayed(EventId(letter.event_id), u32::try_from(part).unwrap_or(u32::MAX))
}
