//! What is answered, with `rust-ocpp`'s types, so that it is what the schemas say.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use rust_ocpp::v2_0_1::datatypes::status_info_type::StatusInfoType;
use serde::{Deserialize, Serialize};

use super::error::ErrorCode;
use super::lenient;
use crate::fold::{Authorization, Outcome};
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

    /// Whether the token of the message may charge, where the message asked so.
    pub(super) fn authorization(&self) -> Option<Authorization> {
        self.outcomes.iter().find_map(|outcome| outcome.authorization)
    }

    /// The transaction id of OCPP 1.6.
    pub(super) fn transaction_id(&self) -> Option<i32> {
        self.outcomes.iter().find_map(|outcome| outcome.transaction_id)
    }

    /// The time, cut to milliseconds: chrono writes nanoseconds, on which some stations choke.
    pub(super) fn time(&self) -> DateTime<Utc> {
        Timestamp(self.now.0 - self.now.0.rem_euclid(1_000)).to_utc()
    }
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

/// `idTagInfo` of OCPP 1.6.
pub(super) fn id_tag_info(authorization: Authorization) -> rust_ocpp::v1_6::types::IdTagInfo {
    use rust_ocpp::v1_6::types::{AuthorizationStatus as Word, IdTagInfo};
    let status = match authorization {
        Authorization::Accepted => Word::Accepted,
        Authorization::Blocked => Word::Blocked,
        Authorization::Expired => Word::Expired,
        Authorization::Invalid => Word::Invalid,
        Authorization::ConcurrentTx => Word::ConcurrentTx,
    };
    IdTagInfo { expiry_date: None, parent_id_tag: None, status }
}

/// `idTokenInfo` of OCPP 2.x.
pub(super) fn id_token_info(
    authorization: Authorization,
) -> rust_ocpp::v2_0_1::datatypes::id_token_info_type::IdTokenInfoType {
    use rust_ocpp::v2_0_1::datatypes::id_token_info_type::IdTokenInfoType;
    use rust_ocpp::v2_0_1::enumerations::authorization_status_enum_type::AuthorizationStatusEnumType as Word;
    let status = match authorization {
        Authorization::Accepted => Word::Accepted,
        Authorization::Blocked => Word::Blocked,
        Authorization::Expired => Word::Expired,
        Authorization::Invalid => Word::Invalid,
        Authorization::ConcurrentTx => Word::ConcurrentTx,
    };
    IdTokenInfoType { status, ..IdTokenInfoType::default() }
}
