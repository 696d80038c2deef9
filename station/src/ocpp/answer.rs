//! What is answered, with `rust-ocpp`'s types, so that it is what the schemas say.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use rust_ocpp::v2_0_1::datatypes::status_info_type::StatusInfoType;
use serde::{Deserialize, Serialize};

use super::error::ErrorCode;
use super::lenient;
use crate::fold::{Authorization, Outcome, Terms};
use crate::secret::SecretKey;
use crate::time::Timestamp;

/// What an answer is made from.
#[derive(Debug)]
pub struct Answering<'a> {
    /// What was asked: the payload, a JSON object.
    pub payload: &'a str,
    /// What the fold said of the message's events, in their order.
    pub outcomes: &'a [Outcome],
    /// The time of the answer.
    pub now: Timestamp,
    /// Seconds between heartbeats that are asked for.
    pub heartbeat_interval_s: u32,
    /// Opens what the protocol wants back: the token of a group.
    pub key: &'a SecretKey,
    /// The station is not accepted yet: it waits for an operator, and boots again after the interval.
    pub pending: bool,
}

/// An answer's payload.
pub(super) type Payload = Result<Cow<'static, str>, ErrorCode>;

/// The payload of most answers.
pub(super) const EMPTY: Cow<'static, str> = Cow::Borrowed("{}");

impl<'a> Answering<'a> {
    /// The payload, for answers that give back what was asked.
    pub(super) fn request<T: Deserialize<'a>>(&self) -> Result<T, ErrorCode> {
        lenient::object(self.payload, "").map_err(|error| error.code)
    }

    /// What is said of the token of the message, where the message asked so.
    pub(super) fn verdict(&self) -> Option<TokenVerdict> {
        let outcome = self.outcomes.iter().find(|outcome| outcome.authorization.is_some())?;
        let Terms { valid_until, group_sealed } = outcome.terms.clone().unwrap_or_default();
        Some(TokenVerdict {
            authorization: outcome.authorization?,
            valid_until: valid_until.map(|at| in_milliseconds(at).to_utc()),
            // A group of an installation with another key is none.
            group: group_sealed.and_then(|sealed| self.key.open(&sealed).ok()),
        })
    }

    /// The transaction id of OCPP 1.6.
    pub(super) fn transaction_id(&self) -> Option<i32> {
        self.outcomes.iter().find_map(|outcome| outcome.transaction_id)
    }

    /// The time, cut to milliseconds: chrono writes nanoseconds, on which some stations choke.
    pub(super) fn time(&self) -> DateTime<Utc> {
        in_milliseconds(self.now).to_utc()
    }
}

fn in_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp(time.0 - time.0.rem_euclid(1_000))
}

/// What a station is told of a token. The group is plain: it exists only while the answer is made.
pub(super) struct TokenVerdict {
    authorization: Authorization,
    valid_until: Option<DateTime<Utc>>,
    group: Option<String>,
}

impl TokenVerdict {
    /// Of a token that cannot be read.
    pub(super) const INVALID: Self =
        Self { authorization: Authorization::Invalid, valid_until: None, group: None };
}

/// Writes a payload.
pub(super) fn written(payload: &impl Serialize) -> Payload {
    serde_json::to_string(payload).map(Cow::Owned).map_err(|_| ErrorCode::InternalError)
}

/// A good answer with nothing in it.
#[allow(clippy::unnecessary_wraps)]
pub(super) fn empty(_: &Answering<'_>) -> Payload {
    Ok(EMPTY)
}

/// Why something is refused that would have to be set up first (OCPP 2.x).
#[allow(clippy::unnecessary_wraps)]
pub(super) fn not_enabled(why: &str) -> Option<StatusInfoType> {
    Some(StatusInfoType { reason_code: "NotEnabled".to_owned(), additional_info: Some(why.to_owned()) })
}

/// A time as OCPP writes it.
pub(super) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Longest idTag of OCPP 1.6: CiString20Type.
const ID_TAG_CHARS: usize = 20;
/// Longest idToken of OCPP 2.0.1: identifierString.
const ID_TOKEN_CHARS: usize = 36;

/// `idTagInfo` of OCPP 1.6 (AuthorizationStatus, 7.2).
pub(super) fn id_tag_info(verdict: TokenVerdict) -> rust_ocpp::v1_6::types::IdTagInfo {
    use rust_ocpp::v1_6::types::{AuthorizationStatus as Word, IdTagInfo};
    let status = match verdict.authorization {
        Authorization::Accepted => Word::Accepted,
        // Nothing else of the five words is true of a station where nobody may charge.
        Authorization::Blocked | Authorization::Maintenance => Word::Blocked,
        Authorization::Expired => Word::Expired,
        Authorization::Invalid | Authorization::Unknown | Authorization::NotYetValid => Word::Invalid,
        Authorization::ConcurrentTx => Word::ConcurrentTx,
    };
    let parent_id_tag = verdict.group.filter(|group| group.chars().count() <= ID_TAG_CHARS);
    IdTagInfo { expiry_date: verdict.valid_until, parent_id_tag, status }
}

/// `idTokenInfo` of OCPP 2.x (AuthorizationStatusEnumType, 3.6).
pub(super) fn id_token_info(
    verdict: TokenVerdict,
) -> rust_ocpp::v2_0_1::datatypes::id_token_info_type::IdTokenInfoType {
    use rust_ocpp::v2_0_1::datatypes::id_token_info_type::IdTokenInfoType;
    use rust_ocpp::v2_0_1::datatypes::id_token_type::IdTokenType;
    use rust_ocpp::v2_0_1::enumerations::authorization_status_enum_type::AuthorizationStatusEnumType as Word;
    use rust_ocpp::v2_0_1::enumerations::id_token_enum_type::IdTokenEnumType;
    let status = match verdict.authorization {
        Authorization::Accepted => Word::Accepted,
        Authorization::Blocked => Word::Blocked,
        Authorization::Expired => Word::Expired,
        Authorization::NotYetValid => Word::NotAtThisTime,
        Authorization::Unknown => Word::Unknown,
        Authorization::Invalid => Word::Invalid,
        Authorization::ConcurrentTx => Word::ConcurrentTx,
        Authorization::Maintenance => Word::NotAtThisLocation,
    };
    // The same kind as in local lists: stations compare groups by text and kind.
    let group = verdict.group.filter(|group| group.chars().count() <= ID_TOKEN_CHARS);
    let group_id_token =
        group.map(|id_token| IdTokenType { id_token, kind: IdTokenEnumType::Central, additional_info: None });
    IdTokenInfoType {
        status,
        cache_expiry_date_time: verdict.valid_until,
        group_id_token,
        ..IdTokenInfoType::default()
    }
}
