//! Commands to stations over HTTP. A request only notes what is asked; `GET` says what became of it.

mod query;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::config::HumanDuration;
use service::problem::Problem;
use station::command::{CommandEnd, CommandIssue, CommandState, id_of_key};
use station::digest::digest;
use station::event::{EventKind, Source, StationEvent};
use station::fold::Command;
use station::id::StationId;
use station::key::{KeyChange, KeyHash};
use station::ocpp::Version;
use station::ocpp::command::{Request, before_push, check, is_push, new_key, seal};
use station::setting::Collection;
use uuid::Uuid;

use super::access::key_event;
use super::{Author, Deps};
use crate::pipeline::clock;

/// Commands in one answer, if the request does not say it.
const PAGE: u32 = 100;
/// Commands in one answer at most.
const PAGE_MAX: u32 = 1_000;
/// The largest request.
const REQUEST_MAX_BYTES: usize = 256 << 10;
/// The longest key.
const KEY_MAX_BYTES: usize = 255;
/// A key that makes a repeated request the same command.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What is asked of a station: one of our commands, or a message in the station's own words.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCommand {
    /// Its name, as docs/ocpp.md lists them: `remote_start`, `reset`, …
    #[serde(default)]
    command: Option<String>,
    /// What it needs.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    parameters: Option<Map<String, Value>>,
    /// Instead of `command`: an action of the station's version of OCPP.
    #[serde(default)]
    action: Option<String>,
    /// The action's payload.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    payload: Option<Map<String, Value>>,
    /// If it was not sent by then, it never is: `30s`, `2h`; `gateway.commands.expires_in`, if not given.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    expires_in: Option<HumanDuration>,
}

/// A command and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CommandView {
    /// Its id; also the id of the message that is sent.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// To which station.
    pub station: String,
    /// Which command; `raw` for a message in the station's own words.
    pub command: String,
    /// `queued`, `sent`, `accepted`, `rejected`, `failed`, `expired`, `unknown` or `cancelled`.
    pub state: String,
    /// What was asked, tokens sealed; none where it is long and lies in the store alone.
    #[schema(value_type = Option<Object>, nullable)]
    pub request: Option<Value>,
    /// The OCPP action that was sent.
    #[schema(nullable)]
    pub message: Option<String>,
    /// The station's word, or its error's code.
    #[schema(nullable)]
    pub status: Option<String>,
    /// Why it ended so.
    #[schema(nullable)]
    pub detail: Option<String>,
    /// The station's answer, tokens sealed.
    #[schema(value_type = Option<Object>, nullable)]
    pub answer: Option<Value>,
    /// It was answered after it had been given up.
    pub late: bool,
    /// Who asked.
    pub author: String,
    /// When, RFC 3339.
    pub issued_at: String,
    /// Until when it may be sent, RFC 3339.
    pub expires_at: String,
    /// When it was sent, RFC 3339.
    #[schema(nullable)]
    pub sent_at: Option<String>,
    /// When it was answered or given up, RFC 3339.
    #[schema(nullable)]
    pub ended_at: Option<String>,
}

/// Commands, newest first.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CommandViews {
    /// At most as many as were asked for.
    pub items: Vec<CommandView>,
}

/// Which commands.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// Of this station.
    station: String,
    /// Only those that are not answered or given up.
    #[serde(default)]
    open: bool,
    /// So many at most: 100, if not given.
    limit: Option<u32>,
}

impl CommandView {
    fn of(station: &StationId, command: &Command) -> Self {
        let json = |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str(text).ok());
        Self {
            id: command.id,
            station: station.to_string(),
            command: command.name.clone(),
            state: command.state.label().to_owned(),
            request: json(&command.payload),
            message: command.message.clone(),
            status: command.status.clone(),
            detail: command.detail.clone(),
            answer: json(&command.answer),
            late: command.late,
            author: command.author.clone(),
            issued_at: command.issued_at.to_rfc3339(),
            expires_at: command.expires_at.to_rfc3339(),
            sent_at: command.sent_at.map(|at| at.to_rfc3339()),
            ended_at: command.ended_at.map(|at| at.to_rfc3339()),
        }
    }
}

/// Asks for a command. It is sent when the station is connected and those before it are answered; the answer says under
/// which id it is looked at. With the header `Idempotency-Key` a repeated request is the same command (200).
#[utoipa::path(post, path = "/v1/stations/{station}/commands", params(("station" = String, Path)),
    request_body = NewCommand,
    responses((status = 202, body = CommandView), (status = 200, body = CommandView),
        (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn post(
    State(deps): State<Deps>,
    Extension(author): Extension<Author>,
    Path(station): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let station = StationId::new(&station).map_err(|error| Problem::bad_request(error.to_string()))?;
    let new: NewCommand = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request(format!("the body does not fit: {error}")))?;
    if body.len() > REQUEST_MAX_BYTES {
        return Err(Problem::bad_request(format!("a command has {REQUEST_MAX_BYTES} bytes at most")));
    }
    let expires_in = new.expires_in.unwrap_or(deps.commands.expires_in);
    if expires_in.0 > deps.commands.max_expires_in.0 || expires_in.0.is_zero() {
        let max = deps.commands.max_expires_in;
        return Err(Problem::bad_request(format!(
            "expires_in: more than 0s, and up to {max} (gateway.commands.max_expires_in)"
        )));
    }
    let request = new.request()?;
    let key = key_of(&headers)?;
    let version = version_of(&deps, &station)?;
    check(&request, version).map_err(|error| Problem::bad_request(error.to_string()))?;
    let station_key = new_key(&request).map(|key| deps.secret_key.station_key(&station, key.as_bytes()));
    let station_key = station_key.transpose().map_err(|error| Problem::bad_request(error.to_string()))?;

    let seconds = i64::try_from(expires_in.0.as_micros()).unwrap_or(i64::MAX);
    let expires_at = station::time::Timestamp(clock::now().0.saturating_add(seconds));
    let asked = |request: &Request, command| {
        let plain = request.to_json();
        let text = plain.to_string();
        let mut shown = plain;
        seal(&mut shown, &deps.secret_key);
        let shown = shown.to_string();
        let issue = CommandIssue {
            command,
            name: request.name().to_owned(),
            digest: digest(&[text.as_bytes()]),
            request: if shown == text { text } else { format!("sealed:{}", deps.secret_key.seal(&text)) },
            author: author.0.clone(),
            expires_at,
        };
        Asked { issue, shown }
    };
    let before = if is_push(request.name()) { before_push(version) } else { Vec::new() };
    let before = before.iter().map(|request| asked(request, Uuid::now_v7())).collect();
    let id = key.map_or_else(Uuid::now_v7, |key| id_of_key(&station, key));
    issue_once(&deps, &station, before, asked(&request, id), station_key).await
}

/// A command that is to be journaled, and what is shown of it.
struct Asked {
    issue: CommandIssue,
    shown: String,
}

impl Asked {
    fn event(self, station: &StationId) -> StationEvent {
        let kind = EventKind::CommandIssued(Box::new(self.issue));
        let mut event = StationEvent::new(station.clone(), Source::Api, kind);
        event.payload = Some(self.shown);
        event
    }
}

/// Journals a command, and those that go before it, after a look at those of its station; one at a time.
async fn issue_once(
    deps: &Deps,
    station: &StationId,
    before: Vec<Asked>,
    asked: Asked,
    station_key: Option<KeyHash>,
) -> Result<Response, Problem> {
    let board = &deps.status.published.commands;
    let (id, digest) = (asked.issue.command, asked.issue.digest);
    let _alone = deps.changing.lock().await;
    let commands = board.of(station);
    if let Some(known) = commands.find(id) {
        if known.digest != digest {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                format!("the key was used for another command ({id}, {}): take a new one", known.name),
            ));
        }
        return Ok(Json(CommandView::of(station, known)).into_response());
    }
    let max = deps.commands.max_open();
    if commands.open_count() + before.len() >= max {
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            format!(
                "{max} commands of {station} are open already (gateway.commands.max_open): wait until they are \
                 answered, or cancel some"
            ),
        ));
    }
    for asked in before {
        submit(deps, vec![asked.event(station)]).await?;
    }
    // A key that the command tells the station is accepted from before it is sent: the station may use it at once.
    let set = station_key.map(|hash| {
        let author = asked.issue.author.clone();
        key_event(station, KeyChange::Set { hash, author, at_once: false, command: Some(id) })
    });
    submit(deps, set.into_iter().chain([asked.event(station)]).collect()).await?;
    let (_, command) = board.find(id).ok_or_else(|| unknown(id))?;
    let location = [(header::LOCATION, format!("/v1/commands/{id}"))];
    Ok((StatusCode::ACCEPTED, location, Json(CommandView::of(station, &command))).into_response())
}

impl NewCommand {
    fn request(self) -> Result<Request, Problem> {
        match self {
            Self { command: Some(command), action: None, payload: None, parameters, .. } => {
                Ok(Request::Named { command, parameters: Value::Object(parameters.unwrap_or_default()) })
            }
            Self { command: None, action: Some(action), payload, parameters: None, .. } => {
                Ok(Request::Raw { action, payload: Value::Object(payload.unwrap_or_default()) })
            }
            _ => Err(Problem::bad_request(
                "say either `command` (with `parameters`) or `action` (with `payload`)",
            )),
        }
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(header) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match header.to_str().map(str::trim) {
        Ok(key) if (1..=KEY_MAX_BYTES).contains(&key.len()) => Ok(Some(key)),
        _ => Err(Problem::bad_request(format!("Idempotency-Key has 1 to {KEY_MAX_BYTES} ASCII characters"))),
    }
}

/// What a station speaks, if that is known.
fn version_of(deps: &Deps, station: &StationId) -> Result<Option<Version>, Problem> {
    let published = &deps.status.published;
    let Some(source) = published.commands.source(station) else {
        if published.settings.load().get(Collection::Stations, station.as_str()).is_some() {
            return Ok(None);
        }
        return Err(Problem::not_found(format!(
            "no station \"{station}\" was ever heard of, and none is registered (`ampwarden stations set`)"
        )));
    };
    match source {
        Source::Ocpp16 => Ok(Some(Version::V16)),
        Source::Ocpp201 => Ok(Some(Version::V201)),
        Source::Ocpp21 => Ok(Some(Version::V21)),
        Source::MqttBroker | Source::MqttEndpoint => Err(Problem::new(
            StatusCode::CONFLICT,
            format!("{station} speaks MQTT: commands go to stations that speak OCPP"),
        )),
        Source::Import | Source::Api | Source::Gateway => Ok(None),
    }
}

/// A command.
#[utoipa::path(get, path = "/v1/commands/{id}", params(("id" = String, Path)),
    responses((status = 200, body = CommandView), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn get_one(
    State(deps): State<Deps>,
    Path(id): Path<Uuid>,
) -> Result<Json<CommandView>, Problem> {
    let known = deps.status.published.commands.find(id);
    let short = known.as_ref().is_some_and(|(_, command)| {
        let answered = matches!(command.state, CommandState::Accepted | CommandState::Rejected);
        command.payload.is_some() && (command.answer.is_some() || !answered)
    });
    match known {
        Some((station, command)) if short => Ok(Json(CommandView::of(&station, &command))),
        Some((station, command)) => {
            // What is long lies in the store alone; without it, the rest is told.
            let stored = query::find(&deps.store, id).await.ok().flatten();
            let view = CommandView::of(&station, &command);
            Ok(Json(match stored {
                Some(stored) if stored.state == view.state => stored,
                _ => view,
            }))
        }
        None => query::find(&deps.store, id).await?.map(Json).ok_or_else(|| unknown(id)),
    }
}

/// The commands of a station, newest first: those that are open or ended lately, and what the store knows before them.
#[utoipa::path(get, path = "/v1/commands", params(Filter),
    responses((status = 200, body = CommandViews), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn list(
    State(deps): State<Deps>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<CommandViews>, Problem> {
    let Query(filter) = filter.map_err(|error| Problem::bad_request(error.body_text()))?;
    let station = StationId::new(&filter.station).map_err(|error| Problem::bad_request(error.to_string()))?;
    let limit = filter.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let commands = deps.status.published.commands.of(&station);
    let mut items: Vec<CommandView> = commands
        .all()
        .rev()
        .filter(|command| !filter.open || command.state.is_open())
        .map(|command| CommandView::of(&station, command))
        .collect();
    // All that are open are known here.
    if !filter.open && items.len() < limit as usize {
        let stored = query::of_station(&deps.store, &station, limit).await?;
        items.extend(stored.into_iter().filter(|stored| commands.find(stored.id).is_none()));
    }
    items.sort_by(|one, other| other.issued_at.cmp(&one.issued_at));
    items.truncate(limit as usize);
    Ok(Json(CommandViews { items }))
}

/// Takes a command back that was not sent yet.
#[utoipa::path(delete, path = "/v1/commands/{id}", params(("id" = String, Path)),
    responses((status = 200, body = CommandView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 503, body = Problem)))]
pub(super) async fn cancel(
    State(deps): State<Deps>,
    Extension(author): Extension<Author>,
    Path(id): Path<Uuid>,
) -> Result<Json<CommandView>, Problem> {
    let board = &deps.status.published.commands;
    let (station, _) = board.find(id).ok_or_else(|| unknown(id))?;
    let detail = format!("taken back by {}", author.0);
    let kind = EventKind::CommandEnded { command: id, end: CommandEnd::Cancelled, detail };
    let taken = submit(&deps, vec![StationEvent::new(station.clone(), Source::Api, kind)]).await?;
    let (_, command) = board.find(id).ok_or_else(|| unknown(id))?;
    if !taken {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            format!("the command is {} and cannot be taken back", command.state.label()),
        ));
    }
    Ok(Json(CommandView::of(&station, &command)))
}

/// Journals events; says whether their command took the step.
async fn submit(deps: &Deps, events: Vec<StationEvent>) -> Result<bool, Problem> {
    match deps.pipeline.submit(events).await {
        Ok(outcomes) => Ok(outcomes.iter().any(|outcome| outcome.command_taken)),
        Err(refused) => Err(Problem::unavailable(format!("the command was not taken: {refused}"))),
    }
}

fn unknown(id: Uuid) -> Problem {
    Problem::not_found(format!("there is no command {id}"))
}
