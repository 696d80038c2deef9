//! Settings over HTTP: a change is an event, journaled with the revision that the writer expected.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use service::problem::Problem;
use station::event::{EventKind, Source, StationEvent};
use station::fold::Revision;
use station::id::StationId;
use station::setting::{Collection, Setting, SettingChange, Site, StationSetting, Tariff, ValueSetting};

use super::{Author, Deps, tokens, validate};

/// A setting with its revision.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Item {
    /// Its key in its collection; of a token, its keyed hash.
    key: String,
    /// Counts its changes from 1.
    revision: u64,
    /// The setting itself.
    #[schema(value_type = Object)]
    value: Value,
    /// When it was changed, RFC 3339.
    changed_at: String,
    /// Who changed it.
    author: String,
}

/// Settings, in the order of their keys.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Items {
    items: Vec<Item>,
}

fn collection_of(name: &str) -> Result<Collection, Problem> {
    Collection::ALL.into_iter().find(|c| c.label() == name).ok_or_else(|| {
        Problem::not_found(format!(
            "there is no collection \"{name}\": tariffs, tokens, sites, stations, limits or settings"
        ))
    })
}

fn item(key: &str, revision: &Revision) -> Item {
    Item {
        key: key.to_owned(),
        revision: revision.change.revision,
        value: revision.change.setting.to_json(),
        changed_at: revision.at.to_rfc3339(),
        author: revision.change.author.clone(),
    }
}

/// All settings of a collection.
#[utoipa::path(get, path = "/v1/{collection}", params(("collection" = String, Path)),
    responses((status = 200, body = Items), (status = 404, body = Problem)))]
pub(super) async fn list(
    State(deps): State<Deps>,
    Path(collection): Path<String>,
) -> Result<Json<Items>, Problem> {
    let collection = collection_of(&collection)?;
    let settings = deps.status.published.settings.load();
    Ok(Json(Items { items: settings.list(collection).map(|(key, revision)| item(key, revision)).collect() }))
}

/// One setting.
#[utoipa::path(get, path = "/v1/{collection}/{key}", params(("collection" = String, Path), ("key" = String, Path)),
    responses((status = 200, body = Item), (status = 404, body = Problem)))]
pub(super) async fn get_one(
    State(deps): State<Deps>,
    Path((collection, key)): Path<(String, String)>,
) -> Result<Json<Item>, Problem> {
    let collection = collection_of(&collection)?;
    let settings = deps.status.published.settings.load();
    let revision = settings.get(collection, &key).ok_or_else(|| unknown(collection, &key))?;
    Ok(Json(item(&key, revision)))
}

/// All changes of a setting, oldest first.
#[utoipa::path(get, path = "/v1/{collection}/{key}/history",
    params(("collection" = String, Path), ("key" = String, Path)),
    responses((status = 200, body = Items), (status = 404, body = Problem)))]
pub(super) async fn history(
    State(deps): State<Deps>,
    Path((collection, key)): Path<(String, String)>,
) -> Result<Json<Items>, Problem> {
    let collection = collection_of(&collection)?;
    let settings = deps.status.published.settings.load();
    let revisions = settings.history(collection, &key);
    if revisions.is_empty() {
        return Err(unknown(collection, &key));
    }
    Ok(Json(Items { items: revisions.iter().map(|revision| item(&key, revision)).collect() }))
}

/// Makes a setting or replaces it; with `If-Match: "REVISION"` only if it still has that revision.
#[utoipa::path(put, path = "/v1/{collection}/{key}", params(("collection" = String, Path), ("key" = String, Path)),
    request_body = Object,
    responses((status = 200, body = Item), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn put_one(
    State(deps): State<Deps>,
    Extension(author): Extension<Author>,
    Path((collection, key)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Item>, Problem> {
    let collection = collection_of(&collection)?;
    let setting = match collection {
        Collection::Tariffs => Setting::Tariff(Tariff { tariff: key, ..read(&body)? }),
        Collection::Sites => Setting::Site(Site { site: key, ..read(&body)? }),
        Collection::Stations => Setting::Station(StationSetting { station: key, ..read(&body)? }),
        Collection::Limits => Setting::Limit(station::setting::Limit { site: key, ..read(&body)? }),
        Collection::Settings => Setting::Value(ValueSetting { key, ..read(&body)? }),
        Collection::Tokens => tokens::replaced(&deps, key, read(&body)?)?,
    };
    change(&deps, author, setting, &headers).await
}

/// Journals a change after a look at its revision; one change at a time.
pub(super) async fn change(
    deps: &Deps,
    author: Author,
    setting: Setting,
    headers: &HeaderMap,
) -> Result<Json<Item>, Problem> {
    validate::setting(&setting).map_err(Problem::bad_request)?;
    let expected = expected_revision(headers)?;
    let (collection, key) = (setting.collection(), setting.key().to_owned());
    let _alone = deps.changing.lock().await;
    let current =
        deps.status.published.settings.load().get(collection, &key).map_or(0, |r| r.change.revision);
    if let Some(expected) = expected.filter(|expected| *expected != current) {
        return Err(Problem::new(
            StatusCode::PRECONDITION_FAILED,
            format!(
                "{} \"{key}\" is at revision {current}, not {expected}: somebody changed it; read it again",
                collection.label()
            ),
        ));
    }
    let change = SettingChange { author: author.0, revision: current + 1, setting };
    let event =
        StationEvent::new(StationId::gateway(), Source::Api, EventKind::SettingChanged(Box::new(change)));
    deps.pipeline
        .submit(vec![event])
        .await
        .map_err(|refused| Problem::unavailable(format!("the change was not taken: {refused}")))?;
    let settings = deps.status.published.settings.load();
    let revision = settings.get(collection, &key).ok_or_else(|| unknown(collection, &key))?;
    Ok(Json(item(&key, revision)))
}

pub(super) fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::bad_request(format!("the body does not fit: {error}")))
}

fn expected_revision(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(header) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = header.to_str().unwrap_or_default().trim().trim_matches('"');
    text.parse().map(Some).map_err(|_| {
        Problem::bad_request(format!("If-Match must be the revision in quotes, like \"3\", and not {text}"))
    })
}

pub(super) fn unknown(collection: Collection, key: &str) -> Problem {
    Problem::not_found(format!("there is no {} \"{key}\"", collection.label()))
}
