//! Keys of stations, and stations that wait for an operator, over HTTP. A key is never given back.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use service::problem::Problem;
use station::event::{EventKind, Source, StationEvent};
use station::fold::Held;
use station::id::StationId;
use station::key::{KeyChange, KeyHash, StationKeys};
use station::setting::{Collection, Setting, SettingChange, StationSetting};
use uuid::Uuid;

use super::{Author, Deps, validate};

/// A key to set: either as text or in hexadecimal digits.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    /// The key (password) as the station presents it: 16 to 128 bytes, random. OCPP 1.6's hexadecimal digits and the
    /// bytes that they stand for are one key.
    #[serde(default)]
    key: Option<String>,
    /// Instead: its bytes in hexadecimal digits.
    #[serde(default)]
    key_hex: Option<String>,
    /// Accept no other from now on. Without it those before are accepted until this one was used.
    #[serde(default)]
    at_once: bool,
}

/// Keys of a station, without the keys.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KeysView {
    /// Whose.
    pub station: String,
    /// Those that are accepted.
    pub keys: Vec<KeyView>,
}

/// A key that is accepted, without the key.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KeyView {
    /// `in_force`, or `waiting` until it is used for the first time.
    pub state: String,
    /// Who set it.
    pub author: String,
    /// When, RFC 3339.
    pub set_at: String,
    /// The command that tells the station.
    #[schema(value_type = Option<String>, nullable)]
    pub command: Option<Uuid>,
}

/// A station that waits for an operator.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HeldView {
    /// What it calls itself.
    pub station: String,
    /// What it speaks.
    pub protocol: String,
    /// From where it came last.
    pub remote: String,
    /// What it showed: `password`, `certificate` or `nothing`.
    pub showed: String,
    /// Maker.
    #[schema(nullable)]
    pub vendor: Option<String>,
    /// Model.
    #[schema(nullable)]
    pub model: Option<String>,
    /// Serial number.
    #[schema(nullable)]
    pub serial: Option<String>,
    /// Firmware version.
    #[schema(nullable)]
    pub firmware: Option<String>,
    /// How often it connected.
    pub connections: u64,
    /// When it came first, RFC 3339.
    pub first_at: String,
    /// When it was heard last, RFC 3339.
    pub last_at: String,
}

/// Stations that wait for an operator.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HeldViews {
    /// By their ids.
    pub items: Vec<HeldView>,
}

/// How a station is admitted.
#[derive(Deserialize, Default, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Admission {
    /// The site where it stands.
    site: Option<String>,
    /// Its name.
    name: Option<String>,
    /// Its key.
    key: Option<String>,
    /// Instead: its key's bytes in hexadecimal digits.
    key_hex: Option<String>,
    /// Instead: the key that it presented while it waited is its key.
    take_key: bool,
}

impl KeysView {
    fn of(station: &StationId, keys: Option<&StationKeys>) -> Self {
        let in_force = keys.is_some_and(StationKeys::is_required);
        let view = |(at, key): (usize, &station::key::Key)| KeyView {
            state: if at == 0 && in_force { "in_force" } else { "waiting" }.to_owned(),
            author: key.author.clone(),
            set_at: key.set_at.to_rfc3339(),
            command: key.command,
        };
        let keys = keys.into_iter().flat_map(StationKeys::all).enumerate().map(view).collect();
        Self { station: station.to_string(), keys }
    }
}

impl HeldView {
    fn of(station: &StationId, held: &Held) -> Self {
        let boot = held.boot.clone().unwrap_or_default();
        let showed = match (held.certificate, held.key) {
            (true, _) => "certificate",
            (false, Some(_)) => "password",
            (false, None) => "nothing",
        };
        Self {
            station: station.to_string(),
            protocol: held.source.label().to_owned(),
            remote: held.remote.clone(),
            showed: showed.to_owned(),
            vendor: boot.vendor,
            model: boot.model,
            serial: boot.serial,
            firmware: boot.firmware,
            connections: held.connections,
            first_at: held.first_at.to_rfc3339(),
            last_at: held.last_at.to_rfc3339(),
        }
    }
}

/// Which keys of a station are accepted, without the keys.
#[utoipa::path(get, path = "/v1/stations/{station}/key", params(("station" = String, Path)),
    responses((status = 200, body = KeysView), (status = 400, body = Problem)))]
pub(super) async fn get_key(
    State(deps): State<Deps>,
    Path(station): Path<String>,
) -> Result<Json<KeysView>, Problem> {
    let station = id(&station)?;
    Ok(Json(KeysView::of(&station, deps.status.published.access.keys(&station).as_deref())))
}

/// Sets a station's key. Those before it are accepted until it was used, unless `at_once` is true.
#[utoipa::path(put, path = "/v1/stations/{station}/key", params(("station" = String, Path)), request_body = NewKey,
    responses((status = 200, body = KeysView), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn put_key(
    State(deps): State<Deps>,
    Extension(author): Extension<Author>,
    Path(station): Path<String>,
    body: Bytes,
) -> Result<Json<KeysView>, Problem> {
    let station = id(&station)?;
    let new: NewKey = read(&body)?;
    let hash = hash_of(&deps, &station, new.key.as_deref(), new.key_hex.as_deref())?
        .ok_or_else(|| Problem::bad_request("say the key, as `key` or as `key_hex`"))?;
    let change = KeyChange::Set { hash, author: author.0, at_once: new.at_once, command: None };
    changed(&deps, &station, vec![key_event(&station, change)]).await
}

/// Takes all keys of a station away.
#[utoipa::path(delete, path = "/v1/stations/{station}/key", params(("station" = String, Path)),
    responses((status = 200, body = KeysView), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn delete_key(
    State(deps): State<Deps>,
    Extension(author): Extension<Author>,
    Path(station): Path<String>,
) -> Result<Json<KeysView>, Problem> {
    let station = id(&station)?;
    changed(&deps, &station, vec![key_event(&station, KeyChange::Removed { author: author.0 })]).await
}

/// The stations that wait for an operator (the setting `unknown_stations` is `quarantine`).
#[utoipa::path(get, path = "/v1/quarantine", responses((status = 200, body = HeldViews)))]
pub(super) async fn quarantine(State(deps): State<Deps>) -> Json<HeldViews> {
    let quarantine = deps.status.published.access.quarantine();
    Json(HeldViews { items: quarantine.iter().map(|(station, held)| HeldView::of(station, held)).collect() })
}

/// Registers a station, so that it may connect; one that waits is told to connect again.
#[utoipa::path(post, path = "/v1/stations/{station}/admit", params(("station" = String, Path)),
    request_body = Admission,
    responses((status = 200, body = KeysView), (status = 400, body = Problem), (status = 412, body = Problem),
        (status = 503, body = Problem)))]
pub(super) async fn admit(
    State(deps): State<Deps>,
    Extension(author): Extension<Author>,
    Path(station): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<KeysView>, Problem> {
    let station = id(&station)?;
    let admission: Admission = if body.is_empty() { Admission::default() } else { read(&body)? };
    if headers.contains_key("if-match") {
        return Err(Problem::bad_request(
            "admit takes no If-Match: it changes what is named, and leaves the rest",
        ));
    }
    let given = hash_of(&deps, &station, admission.key.as_deref(), admission.key_hex.as_deref())?;
    let _alone = deps.changing.lock().await;
    let published = &deps.status.published;
    let key = match (given, admission.take_key) {
        (Some(_), true) => return Err(Problem::bad_request("say either a key or `take_key`")),
        (given, false) => given,
        (None, true) => {
            Some(published.access.quarantine().get(&station).and_then(|held| held.key).ok_or_else(|| {
                Problem::bad_request(format!(
                    "{station} presented no key that could be taken while it waited"
                ))
            })?)
        }
    };
    let settings = published.settings.load();
    let known = settings.station(&station).cloned().unwrap_or_default();
    let revision = settings.get(Collection::Stations, station.as_str()).map_or(0, |r| r.change.revision);
    let setting = Setting::Station(StationSetting {
        station: station.to_string(),
        site: admission.site.or(known.site.clone()),
        name: admission.name.or(known.name.clone()),
        retired: false,
        ..known
    });
    validate::setting(&setting).map_err(Problem::bad_request)?;
    let change = SettingChange { author: author.0.clone(), revision: revision + 1, setting };
    let kind = EventKind::SettingChanged(Box::new(change));
    let mut events = vec![StationEvent::new(StationId::gateway(), Source::Api, kind)];
    if let Some(hash) = key {
        let change = KeyChange::Set { hash, author: author.0, at_once: true, command: None };
        // Before the station is registered: it is let in as soon as it is, and then needs its key.
        events.insert(0, key_event(&station, change));
    }
    changed(&deps, &station, events).await
}

/// Journals changes of a station's keys, and gives what they are then.
async fn changed(
    deps: &Deps,
    station: &StationId,
    events: Vec<StationEvent>,
) -> Result<Json<KeysView>, Problem> {
    deps.pipeline
        .submit(events)
        .await
        .map_err(|refused| Problem::unavailable(format!("the change was not taken: {refused}")))?;
    Ok(Json(KeysView::of(station, deps.status.published.access.keys(station).as_deref())))
}

pub(super) fn key_event(station: &StationId, change: KeyChange) -> StationEvent {
    StationEvent::new(station.clone(), Source::Api, EventKind::KeyChanged(Box::new(change)))
}

fn hash_of(
    deps: &Deps,
    station: &StationId,
    text: Option<&str>,
    digits: Option<&str>,
) -> Result<Option<KeyHash>, Problem> {
    let key = match (text, digits) {
        (None, None) => return Ok(None),
        (Some(text), None) => text.as_bytes().to_vec(),
        (None, Some(digits)) => hex::decode(digits)
            .map_err(|_| Problem::bad_request("`key_hex` must be an even number of hexadecimal digits"))?,
        (Some(_), Some(_)) => return Err(Problem::bad_request("say `key` or `key_hex`, not both")),
    };
    let hash = deps.secret_key.station_key(station, &key);
    hash.map(Some).map_err(|error| Problem::bad_request(error.to_string()))
}

fn id(station: &str) -> Result<StationId, Problem> {
    StationId::new(station).map_err(|error| Problem::bad_request(error.to_string()))
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // serde_json's words may hold what stands in the body: a key.
    serde_json::from_slice(body).map_err(|error| {
        Problem::bad_request(format!(
            "the body does not fit (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}
