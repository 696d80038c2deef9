//! Settings over HTTP: a change is an event, journaled with the revision that the writer expected.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::problem::Problem;
use station::event::{EventKind, Source, StationEvent};
use station::fold::Revision;
use station::id::StationId;
use station::setting::{
    Collection, Setting, SettingChange, Site, StationSetting, Tariff, TokenSetting, TokenStatus, ValueSetting,
};
use station::time::Timestamp;

use super::{Author, Deps, validate};

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

/// A token to register.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// The card's id, as stations send it. It is kept hashed and sealed.
    token: String,
    /// What operators call it. Shown on boards: no personal data.
    #[serde(default)]
    label: Option<String>,
    /// The group's card id (OCPP parentIdTag).
    #[serde(default)]
    group: Option<String>,
    /// `accepted` (as if not given) or `blocked`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    status: Option<TokenStatus>,
    /// RFC 3339.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    valid_until: Option<Timestamp>,
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
        Collection::Tokens => {
            let known = deps.status.published.settings.load().token(&key).cloned();
            let known = known.ok_or_else(|| unknown(collection, &key))?;
            let new: TokenSetting = read(&body)?;
            Setting::Token(TokenSetting { token_hash: key, sealed: known.sealed, ..new })
        }
    };
    change(&deps, author, setting, &headers).await
}

/// All tokens.
#[utoipa::path(get, path = "/v1/tokens", responses((status = 200, body = Items)))]
pub(super) async fn list_tokens(deps: State<Deps>) -> Result<Json<Items>, Problem> {
    list(deps, Path(Collection::Tokens.label().to_owned())).await
}

/// Registers a card, or changes a registered one: what is not given stays as it is.
#[utoipa::path(post, path = "/v1/tokens", request_body = NewToken,
    responses((status = 200, body = Item), (status = 400, body = Problem), (status = 412, body = Problem),
        (status = 503, body = Problem)))]
pub(super) async fn post_token(
    State(deps): State<Deps>,
    Extension(author): Extension<Author>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Item>, Problem> {
    let new: NewToken = read(&body)?;
    if new.token.trim().is_empty() {
        return Err(Problem::bad_request("`token` is empty: it is the card's id, as stations send it"));
    }
    let token = deps.secret_key.token(&new.token);
    // Who blocks a card by its id does not know what else is registered of it: that stays.
    let known = deps.status.published.settings.load().token(&token.hash).cloned().unwrap_or_default();
    let setting = Setting::Token(TokenSetting {
        token_hash: token.hash,
        sealed: token.sealed,
        label: new.label.or(known.label),
        group_hash: new.group.as_deref().map(|group| deps.secret_key.hash(group)).or(known.group_hash),
        status: new.status.unwrap_or(known.status),
        valid_until: new.valid_until.or(known.valid_until),
    });
    change(&deps, author, setting, &headers).await
}

/// Journals a change after a look at its revision; one change at a time.
async fn change(
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

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
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

fn unknown(collection: Collection, key: &str) -> Problem {
    Problem::not_found(format!("there is no {} \"{key}\"", collection.label()))
}
