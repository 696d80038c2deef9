//! What is answered, with `rust-ocpp`'s types, so that it is what the schemas say.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::error::ErrorCode;
use crate::fold::{Authorization, Outcome};
use crate::time::Timestamp;

/// What an answer is made from.
#[derive(Debug)]
pub struct Answering<'a> {
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

impl Answering<'_> {
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
