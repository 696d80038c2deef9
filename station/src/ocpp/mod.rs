//! OCPP over JSON: framing, versions, and each message's way to events and back to an answer. Lenient by design: what
//! can be used is taken and flagged as a [`Deviation`](crate::deviation::Deviation); what cannot is an error that says
//! what was wrong and where.
//!
//! One call goes: [`Frame::parse`] → [`decode`] → (journal, fold) → [`answer`] → [`frame::call_result`].

pub mod action;
mod answer;
pub mod catalogue;
pub mod command;
mod error;
pub mod frame;
mod lenient;
mod message;
mod meter;
mod seal;
pub mod shown;
pub mod strict;
mod v16;
mod v201;
mod v21;
mod version;

use std::borrow::Cow;

pub use action::Action;
pub use answer::Answering;
pub use error::{DecodeError, ErrorCode};
pub use frame::{Answer, Call, CallError, Frame, FrameError};
pub use version::Version;

use crate::event::{EventKind, RejectReason, StationEvent};
use crate::id::StationId;
use crate::secret::SecretKey;

/// The events of a call, in the order in which they happened. The journal gives them their ids and time of receipt.
///
/// # Errors
/// When the action is not taken, or the payload cannot be used: the code to answer, and what was wrong where.
pub fn decode(
    version: Version,
    station: &StationId,
    call: &Call<'_>,
    key: &SecretKey,
) -> Result<Vec<StationEvent>, DecodeError> {
    let Some(action) = Action::find(version, &call.action) else {
        return Err(DecodeError::action(unknown(version, &call.action), &call.action, version));
    };
    let mut message = message::Message::new(version, station, call, key);
    (action.decode)(&mut message)?;
    Ok(message.into_events())
}

/// The payload of the answer to a call of this action that was taken.
///
/// # Errors
/// When there is no good answer (the fold gave no transaction id).
pub fn answer(
    version: Version,
    action: &str,
    answering: &Answering<'_>,
) -> Result<Cow<'static, str>, ErrorCode> {
    Action::find(version, action)
        .map_or_else(|| Err(unknown(version, action)), |action| (action.answer)(answering))
}

/// Whether this is a kind of token (OCPP 2.0.1, IdTokenEnumType).
#[must_use]
pub fn is_token_type(word: &str) -> bool {
    use rust_ocpp::v2_0_1::enumerations::id_token_enum_type::IdTokenEnumType;
    <IdTokenEnumType as serde::Deserialize>::deserialize(serde::de::value::StrDeserializer::<
        serde::de::value::Error,
    >::new(word))
    .is_ok()
}

/// How an action is refused that no station sends.
fn unknown(version: Version, action: &str) -> ErrorCode {
    let is_known = catalogue::to_stations(version).any(|known| known == action);
    if is_known { ErrorCode::NotSupported } else { ErrorCode::NotImplemented }
}

/// The event of a message that could not be understood: kept in `rejected`, its tokens sealed.
#[must_use]
pub fn undecodable(
    version: Version,
    station: &StationId,
    key: &SecretKey,
    message: &Undecodable<'_>,
) -> StationEvent {
    let kind = EventKind::Undecodable {
        reason: message.reason,
        detail: message.detail.clone(),
        origin: message.origin.to_owned(),
    };
    let mut event = StationEvent::new(station.clone(), version.source(), kind);
    event.message_id = message.id.map(str::to_owned);
    event.digest = message.text.map_or(0, message::digest_of);
    event.payload = message.text.map(|text| seal::seal_text(text, key));
    event
}

/// What is known of a message that could not be understood.
#[derive(Debug)]
pub struct Undecodable<'a> {
    /// Which kind of trouble.
    pub reason: RejectReason,
    /// What was wrong.
    pub detail: String,
    /// The path of the connection.
    pub origin: &'a str,
    /// The message's id, as far as it could be read.
    pub id: Option<&'a str>,
    /// The whole message; none where it could not be read (too large, not text).
    pub text: Option<&'a str>,
}

#[cfg(test)]
mod testing {
    //! What the actions' tests share.

    use super::{Answering, Call, DecodeError, Frame, Version, answer, decode};
    use crate::deviation::Deviations;
    use crate::event::{EventKind, StationEvent};
    use crate::fold::Outcome;
    use crate::id::StationId;
    use crate::secret::SecretKey;
    use crate::time::Timestamp;

    pub(super) const NOW: Timestamp = Timestamp(1_700_000_000_123_456);

    pub(super) fn key() -> SecretKey {
        SecretKey::new(b"test")
    }

    pub(super) fn try_decode(
        version: Version,
        action: &str,
        payload: &str,
    ) -> Result<Vec<StationEvent>, DecodeError> {
        let text = format!(r#"[2,"m1","{action}",{payload}]"#);
        let Ok(Frame::Call(call)) = Frame::parse(&text, version) else { panic!("no call: {text}") };
        let call: Call<'_> = call;
        let events = decode(version, &StationId::new("CP-1").expect("valid"), &call, &key())?;
        for event in &events {
            assert_eq!(event.message_id.as_deref(), Some("m1"));
            assert_eq!(event.source, version.source());
            assert_ne!(event.digest, 0);
        }
        Ok(events)
    }

    /// Decodes what is expected to be taken.
    pub(super) fn decoded(version: Version, action: &str, payload: &str) -> Vec<StationEvent> {
        try_decode(version, action, payload).unwrap_or_else(|error| panic!("{action} {payload}: {error}"))
    }

    /// Decodes what is expected to become one event.
    pub(super) fn one(version: Version, action: &str, payload: &str) -> StationEvent {
        let mut events = decoded(version, action, payload);
        assert_eq!(events.len(), 1, "{action} {payload}");
        events.remove(0)
    }

    /// The error of what is expected not to be taken: its code, and itself as text.
    pub(super) fn refused(version: Version, action: &str, payload: &str) -> (&'static str, String) {
        let error = try_decode(version, action, payload).expect_err(payload);
        (error.code.spelling(version), error.to_string())
    }

    /// Decodes what is expected to be kept whole, and not interpreted.
    pub(super) fn kept(version: Version, action: &str, payload: &str) -> StationEvent {
        let event = one(version, action, payload);
        let vendor_id = "OCPP".to_owned();
        let expected = EventKind::DataTransferred { vendor_id, message: Some(action.to_owned()), data: None };
        assert_eq!(event.kind, expected);
        assert!(event.payload.is_some(), "{action}: its payload is kept");
        event
    }

    pub(super) fn answered(version: Version, action: &str, outcomes: &[Outcome]) -> String {
        answered_with(version, action, "{}", outcomes)
    }

    pub(super) fn answered_to(version: Version, action: &str, payload: &str) -> String {
        answered_with(version, action, payload, &[])
    }

    fn answered_with(version: Version, action: &str, payload: &str, outcomes: &[Outcome]) -> String {
        let answering =
            Answering { payload, outcomes, now: NOW, heartbeat_interval_s: 300, key: &key(), pending: false };
        answer(version, action, &answering).unwrap_or_else(|code| panic!("{action}: {code:?}")).into_owned()
    }

    pub(super) fn flags(odd: Deviations) -> String {
        odd.to_flags().unwrap_or_default()
    }

    /// `docs/ocpp.md` has this between the marks of that name. If not, it is written anew.
    pub(crate) fn page_holds(name: &str, expected: &str) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ocpp.md");
        let (begin, end) = (format!("<!-- {name}: begin -->\n\n"), format!("<!-- {name}: end -->"));
        let page = std::fs::read_to_string(path).expect("docs/ocpp.md is there");
        let from = page.find(&begin).expect("begin mark") + begin.len();
        let to = page.find(&end).expect("end mark");
        if &page[from..to] != expected {
            std::fs::write(path, format!("{}{expected}{}", &page[..from], &page[to..]))
                .expect("can be written");
            panic!("the table in docs/ocpp.md was out of date; it is written anew: look at it and commit it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{key, refused, try_decode};
    use super::*;

    #[test]
    fn unknown_actions_and_those_that_are_not_supported_are_told_apart() {
        assert_eq!(
            refused(Version::V16, "Sing", "{}"),
            ("NotImplemented", "action \"Sing\" is not known (ocpp1.6)".to_owned())
        );
        assert_eq!(refused(Version::V16, "TransactionEvent", "{}").0, "NotImplemented");
        assert_eq!(refused(Version::V201, "StartTransaction", "{}").0, "NotImplemented");
        assert_eq!(
            refused(Version::V16, "Reset", "{}"),
            ("NotSupported", "action \"Reset\" is not supported here (ocpp1.6)".to_owned())
        );
        assert_eq!(refused(Version::V201, "SetVariables", "{}").0, "NotSupported");
        assert_eq!(refused(Version::V16, "SetVariables", "{}").0, "NotImplemented");
        assert_eq!(refused(Version::V21, "UsePriorityCharging", "{}").0, "NotSupported");
        assert_eq!(refused(Version::V201, "BatterySwap", "{}").0, "NotImplemented");
    }

    #[test]
    fn the_digest_tells_action_payload_and_place() {
        let digests = |action, payload| -> Vec<u64> {
            let events = try_decode(Version::V16, action, payload).expect("decodes");
            events.iter().map(|event| event.digest).collect()
        };
        let status = r#"{"connectorId":1,"status":"Available","errorCode":"NoError"}"#;
        assert_eq!(digests("StatusNotification", status), digests("StatusNotification", status));
        assert_ne!(digests("Heartbeat", "{}"), digests("StatusNotification", status));
        let stop = r#"{"transactionId":7,"meterStop":5,"timestamp":"2024-05-01T10:00:00Z","transactionData":
            [{"timestamp":"2024-05-01T10:00:00Z","sampledValue":[{"value":"5"}]}]}"#;
        let digests = digests("StopTransaction", stop);
        assert_eq!(digests.len(), 2);
        assert_ne!(digests[0], digests[1]);
    }

    #[test]
    fn a_payload_that_is_too_deep_to_be_looked_at_is_kept_sealed() {
        let deep = format!(r#"{{"csr":"c","deep":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
        let event = testing::kept(Version::V16, "SignCertificate", &deep);
        let kept = event.payload.expect("kept");
        assert_eq!(key().open(kept.strip_prefix("sealed:").expect("sealed")).as_deref(), Ok(deep.as_str()));
    }

    #[test]
    fn what_could_not_be_understood_is_kept_with_its_tokens_sealed() {
        let station = StationId::new("CP-1").expect("valid");
        let text = r#"[2,"m1","Authorize",{"idTag":"04A1B2"}"#;
        let event = undecodable(
            Version::V16,
            &station,
            &key(),
            &Undecodable {
                reason: RejectReason::Malformed,
                detail: "not JSON".to_owned(),
                origin: "/CP-1",
                id: Some("m1"),
                text: Some(text),
            },
        );
        assert!(event.payload.is_some_and(|payload| payload.starts_with("sealed:")));
        assert_ne!(event.digest, 0);
    }

    /// Cuts, changes and doubles bytes of good messages, the same ones at each run: whatever comes, it is a frame or an
    /// error, events or an error.
    #[test]
    fn nothing_that_a_station_sends_makes_decoding_fail_badly() {
        const ODD: &[u8] = br#"[]{}",:0-9e.nul\ "#;
        let messages = [
            r#"[2,"1","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":-0,"timestamp":"2024-05-01T10:00:00Z"}]"#,
            r#"[2,"1","StopTransaction",{"transactionId":7,"meterStop":5,"timestamp":"x","transactionData":[{"timestamp":"2024-05-01T10:00:00Z","sampledValue":[{"value":"5"}]}]}]"#,
            r#"[2,"1","MeterValues",{"evseId":1,"meterValue":[{"timestamp":17e8,"sampledValue":[{"value":1e308,"unitOfMeasure":{"unit":"Wh","multiplier":30}}]}]}]"#,
            r#"[2,"1","TransactionEvent",{"eventType":"Ended","timestamp":"2024-05-01T10:00:00Z","triggerReason":"X","seqNo":0,"transactionInfo":{"transactionId":"t"},"idToken":{"idToken":"A","type":"Central"},"evse":{"id":1},"meterValue":[]}]"#,
            r#"[2,"1","NotifyEvent",{"generatedAt":"","eventData":[{"component":{"name":"A"},"variable":{"name":"\u00e4"}}]}]"#,
            r#"[4,"1","GenericError","",{}]"#,
        ];
        let station = StationId::new("CP-1").expect("valid");
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % below as u64).expect("small")
        };
        let mut taken = 0;
        for round in 0..20_000 {
            let mut bytes = messages[round % messages.len()].as_bytes().to_vec();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                match random(4) {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes[at] = ODD[random(ODD.len())],
                    2 => bytes.insert(at, ODD[random(ODD.len())]),
                    _ => drop(bytes.remove(at)),
                }
                if bytes.is_empty() {
                    bytes.push(b'[');
                }
            }
            let Ok(text) = String::from_utf8(bytes) else { continue };
            for version in Version::ALL {
                if let Ok(Frame::Call(call)) = Frame::parse(&text, version) {
                    taken += usize::from(decode(version, &station, &call, &key()).is_ok());
                }
            }
        }
        assert!(taken > 1_000, "too few of the changed messages could still be taken: {taken}");
    }
}
