//! Cards over HTTP: registered by their number, or, where a station has shown one, by its hash.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Deserializer, Serialize};
use service::problem::Problem;
use station::fold::UnknownToken;
use station::secret::Token;
use station::setting::{Collection, Setting, TokenSetting, TokenStatus};
use station::time::Timestamp;

use super::settings::{Item, Items, change, list, read, unknown};
use super::{Author, Deps};

/// A token to register or to change. What is not given stays as it is; `null` takes it away.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// The card's id, as stations send it. It is kept hashed and sealed.
    #[serde(default)]
    token: Option<String>,
    /// Instead of `token`: the key of a registered card, or of one that `GET /v1/tokens/unknown` shows.
    #[serde(default)]
    token_hash: Option<String>,
    /// What operators call it. Shown on boards: no personal data.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    label: Option<Option<String>>,
    /// The group's card id (OCPP parentIdTag).
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    group: Option<Option<String>>,
    /// `accepted` (as if not given) or `blocked`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    status: Option<TokenStatus>,
    /// From when on it may charge, RFC 3339.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    valid_from: Option<Option<Timestamp>>,
    /// Until when it may charge, RFC 3339.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    valid_until: Option<Option<Timestamp>>,
    /// It may charge at several connectors at once.
    #[serde(default)]
    concurrent: Option<bool>,
    /// OCPP 2.x IdTokenEnumType; `ISO14443`, if none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    token_type: Option<Option<String>>,
}

/// Tells `null` from what is not there.
#[allow(clippy::option_option)]
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// A card that was shown at a station, and that nobody registered.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UnknownTokenView {
    /// Its keyed hash: `POST /v1/tokens` takes it as `token_hash`.
    pub token_hash: String,
    /// Where it was last shown.
    pub station: String,
    /// At which connector, if the station said so.
    #[schema(nullable)]
    pub connector: Option<i32>,
    /// When it was first shown, RFC 3339.
    pub first_seen_at: String,
    /// When it was last shown, RFC 3339.
    pub last_seen_at: String,
    /// How often it was shown.
    pub times: u64,
}

/// Unknown cards, the one that was shown last first.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UnknownTokenViews {
    /// The last 512, of one station the last 32.
    pub items: Vec<UnknownTokenView>,
}

impl From<&UnknownToken> for UnknownTokenView {
    fn from(seen: &UnknownToken) -> Self {
        Self {
            token_hash: seen.token.hash.clone(),
            station: seen.station.to_string(),
            connector: seen.connector,
            first_seen_at: seen.first_seen_at.to_rfc3339(),
            last_seen_at: seen.last_seen_at.to_rfc3339(),
            times: seen.times,
        }
    }
}

/// All tokens.
#[utoipa::path(get, path = "/v1/tokens", responses((status = 200, body = Items)))]
pub(super) async fn list_tokens(deps: State<Deps>) -> Result<Json<Items>, Problem> {
    list(deps, Path(Collection::Tokens.label().to_owned())).await
}

/// Cards that were shown lately, and that nobody registered.
#[utoipa::path(get, path = "/v1/tokens/unknown", responses((status = 200, body = UnknownTokenViews)))]
pub(super) async fn list_unknown(State(deps): State<Deps>) -> Json<UnknownTokenViews> {
    let seen = deps.status.published.unknown_tokens.load();
    Json(UnknownTokenViews { items: seen.iter().map(Into::into).collect() })
}

/// Registers a card, or changes a registered one: what is not given stays as it is, `null` takes it away. A card that a
/// station has shown is registered by its hash.
#[utoipa::path(post, path = "/v1/tokens", request_body = NewToken,
    responses((status = 200, body = Item), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn post_token(
    State(deps): State<Deps>,
    Extension(author): Extension<Author>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Item>, Problem> {
    let new: NewToken = read(&body)?;
    let token = match (&new.token, &new.token_hash) {
        (Some(plain), None) if plain.trim().is_empty() => {
            return Err(Problem::bad_request("`token` is empty: it is the card's id, as stations send it"));
        }
        (Some(plain), None) => deps.secret_key.token(plain),
        (None, Some(hash)) => by_hash(&deps, hash)?,
        _ => return Err(Problem::bad_request("say either `token` or `token_hash`")),
    };
    // Who blocks a card by its id does not know what else is registered of it: that stays.
    let known = deps.status.published.settings.load().token(&token.hash).cloned().unwrap_or_default();
    let group = match &new.group {
        None => (known.group_hash, known.group_sealed),
        Some(None) => (None, None),
        Some(Some(plain)) if plain.trim().is_empty() => (None, None),
        Some(Some(plain)) => {
            let group = deps.secret_key.token(plain);
            (Some(group.hash), Some(group.sealed))
        }
    };
    let setting = Setting::Token(TokenSetting {
        token_hash: token.hash,
        sealed: token.sealed,
        label: new.label.unwrap_or(known.label),
        group_hash: group.0,
        group_sealed: group.1,
        status: new.status.unwrap_or(known.status),
        valid_from: new.valid_from.unwrap_or(known.valid_from),
        valid_until: new.valid_until.unwrap_or(known.valid_until),
        concurrent: new.concurrent.unwrap_or(known.concurrent),
        token_type: new.token_type.unwrap_or(known.token_type),
    });
    change(&deps, author, setting, &headers).await
}

/// A card that is registered, or was shown lately.
fn by_hash(deps: &Deps, hash: &str) -> Result<Token, Problem> {
    let published = &deps.status.published;
    if let Some(known) = published.settings.load().token(hash) {
        return Ok(Token { hash: hash.to_owned(), sealed: known.sealed.clone() });
    }
    let seen = published.unknown_tokens.load();
    seen.find(hash).map(|seen| seen.token.clone()).ok_or_else(|| {
        Problem::not_found(format!(
            "no card \"{hash}\" is registered, and none was shown lately: `ampwarden tokens list` and `tokens unknown` \
             show their keys"
        ))
    })
}

/// A registered card with all that operators say of it replaced. What is sealed stays: it is never shown.
pub(super) fn replaced(deps: &Deps, hash: String, new: TokenSetting) -> Result<Setting, Problem> {
    let settings = deps.status.published.settings.load();
    let known = settings.token(&hash).ok_or_else(|| unknown(Collection::Tokens, &hash))?;
    let group_sealed = match &new.group_hash {
        None => None,
        Some(group) if Some(group) == known.group_hash.as_ref() => known.group_sealed.clone(),
        // Another card of the group was given its id.
        Some(group) => settings
            .list(Collection::Tokens)
            .filter_map(|(_, revision)| match &revision.change.setting {
                Setting::Token(other) if other.group_hash.as_ref() == Some(group) => {
                    other.group_sealed.clone()
                }
                _ => None,
            })
            .next(),
    };
    Ok(Setting::Token(TokenSetting { token_hash: hash, sealed: known.sealed.clone(), group_sealed, ..new }))
}
