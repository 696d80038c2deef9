//! StartTransaction: a session began (4.8, 6.45). The fold gives the transaction id.

use rust_ocpp::v1_6::messages::start_transaction::StartTransactionResponse;

use crate::event::{EventKind, SessionStart};
use crate::ocpp::answer::{Answering, Payload, TokenVerdict, id_tag_info, written};
use crate::ocpp::error::{DecodeError, ErrorCode};
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request {
        connector: Raw<'a> = "connectorId",
        id_tag: Raw<'a> = "idTag",
        meter_start: Raw<'a> = "meterStart",
        timestamp: Raw<'a> = "timestamp",
    }
    known ["reservationId"]
}

/// Where a start without a connector is taken to be: most stations have one.
const ONLY_CONNECTOR: i32 = 1;

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    if request.connector.is_none() || request.id_tag.is_none() || request.meter_start.is_none() {
        message.missing();
    }
    let connector = request.connector.small("connectorId", &mut message.odd)?.unwrap_or(ONLY_CONNECTOR);
    let id_tag = request.id_tag.token("idTag", super::ID_TAG_CHARS, &mut message.odd)?;
    let meter_start_wh = request.meter_start.number("meterStart", &mut message.odd)?;
    let station_ts = request.timestamp.required_time(&mut message.odd);
    let token = id_tag.and_then(|id_tag| message.token(&id_tag));
    let payload = message.payload_for_log("");
    let start = SessionStart { token, meter_start_wh, ..SessionStart::default() };
    let event = message.emit(EventKind::SessionStarted(start));
    event.connector = Some(connector);
    event.station_ts = station_ts;
    event.payload = payload;
    Ok(())
}

pub(super) fn answer(answering: &Answering<'_>) -> Payload {
    let transaction_id = answering.transaction_id().ok_or(ErrorCode::InternalError)?;
    let verdict = answering.verdict().unwrap_or(TokenVerdict::INVALID);
    written(&StartTransactionResponse { id_tag_info: id_tag_info(verdict), transaction_id })
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::fold::{Authorization, Outcome};
    use crate::ocpp::Version::V16;
    use crate::ocpp::testing::{answered, flags, key, one, refused};
    use crate::ocpp::{Answering, ErrorCode, answer};

    #[test]
    fn starts_by_the_book_and_beside_it() {
        for (payload, connector, token, meter, seconds, odd) in [
            (
                r#"{"connectorId":2,"idTag":"A","meterStart":1500,"timestamp":"2023-11-14T22:13:20Z","reservationId":3}"#,
                2,
                Some("A"),
                Some(1500.0),
                Some(1_700_000_000),
                "",
            ),
            (
                r#"{"connectorId":"2","idTag":7,"meterStart":"1500.4","timestamp":"1970-01-01T00:00:05Z"}"#,
                2,
                Some("7"),
                Some(1500.4),
                Some(5),
                "type_mismatch",
            ),
            (
                r#"{"idTag":"A","timestamp":"2023-11-14T22:13:20"}"#,
                1,
                Some("A"),
                None,
                Some(1_700_000_000),
                "timestamp_without_zone,field_missing",
            ),
            (
                r#"{"connectorId":1,"idTag":"","meterStart":0,"timestamp":"now"}"#,
                1,
                None,
                Some(0.0),
                None,
                "timestamp_missing",
            ),
        ] {
            let event = one(V16, "StartTransaction", payload);
            let EventKind::SessionStarted(start) = &event.kind else { panic!("{event:?}") };
            assert_eq!((event.evse, event.connector), (None, Some(connector)), "{payload}");
            assert_eq!(start.token, token.map(|token| key().token(token)), "{payload}");
            assert_eq!(start.meter_start_wh, meter, "{payload}");
            assert_eq!(start.transaction, None);
            assert_eq!(event.station_ts.map(|ts| ts.0 / 1_000_000), seconds, "{payload}");
            assert_eq!(flags(event.deviations), odd, "{payload}");
        }
        assert_eq!(
            refused(V16, "StartTransaction", r#"{"connectorId":"left","idTag":"A"}"#),
            ("TypeConstraintViolation", "connectorId: expected a whole number, found text".to_owned())
        );
        assert_eq!(
            refused(V16, "StartTransaction", r#"{"connectorId":99999999999}"#).0,
            "PropertyConstraintViolation"
        );
    }

    #[test]
    fn the_answer_has_the_folds_id() {
        let outcome = Outcome {
            transaction_id: Some(4711),
            authorization: Some(Authorization::Blocked),
            ..Outcome::default()
        };
        assert_eq!(
            answered(V16, "StartTransaction", &[outcome]),
            r#"{"idTagInfo":{"status":"Blocked"},"transactionId":4711}"#
        );
        let nothing = Answering {
            payload: "{}",
            outcomes: &[],
            now: crate::ocpp::testing::NOW,
            heartbeat_interval_s: 1,
            key: &key(),
            pending: false,
        };
        assert_eq!(answer(V16, "StartTransaction", &nothing), Err(ErrorCode::InternalError));
    }
}
