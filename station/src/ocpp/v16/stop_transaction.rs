//! StopTransaction: a session ended (4.10, 6.49). Its transactionData come first: they were taken before the end.

use rust_ocpp::v1_6::messages::stop_transaction::StopTransactionResponse;

use crate::deviation::{Deviation, Deviations};
use crate::event::{EventKind, SessionEnd};
use crate::ocpp::answer::{Answering, EMPTY, Payload, id_tag_info, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Many, Raw, define};
use crate::ocpp::message::Message;
use crate::ocpp::meter::{MeterValue, samples};

define! {
    Request {
        transaction: Raw<'a> = "transactionId",
        id_tag: Raw<'a> = "idTag",
        meter_stop: Raw<'a> = "meterStop",
        timestamp: Raw<'a> = "timestamp",
        reason: Raw<'a> = "reason",
        data: Many<MeterValue<'a>> = "transactionData",
    }
}

/// 7.38.
const REASONS: [&str; 11] = [
    "DeAuthorized",
    "EmergencyStop",
    "EVDisconnected",
    "HardReset",
    "Local",
    "Other",
    "PowerLoss",
    "Reboot",
    "Remote",
    "SoftReset",
    "UnlockCommand",
];

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    if request.transaction.is_none() || request.meter_stop.is_none() {
        message.missing();
    }
    let transaction =
        request.transaction.integer("transactionId", &mut message.odd)?.map(|id| id.to_string());
    let id_tag = request.id_tag.token("idTag", super::ID_TAG_CHARS, &mut message.odd)?;
    let meter_stop_wh = request.meter_stop.number("meterStop", &mut message.odd)?;
    let station_ts = request.timestamp.required_time(&mut message.odd);
    // "The reason MAY be omitted if it is Local" (6.49).
    let reason = request.reason.text(&mut message.odd).map_or_else(|| "Local".to_owned(), Into::into);
    if !REASONS.contains(&reason.as_str()) {
        message.odd.add(Deviation::VendorWord);
    }
    let token = id_tag.and_then(|id_tag| message.token(&id_tag));

    let mut odd = Deviations::default();
    let samples = samples(&request.data, false, &mut odd);
    if !samples.is_empty() {
        let station_ts = samples[0].station_ts;
        let event = message.emit(EventKind::MeterSampled { transaction: transaction.clone(), samples });
        event.deviations = odd;
        event.station_ts = station_ts;
    }
    let payload = message.payload_for_log("transactionData");
    let end = SessionEnd { transaction, token, meter_stop_wh, reason: Some(reason), sequence: None };
    let event = message.emit(EventKind::SessionEnded(end));
    event.station_ts = station_ts;
    event.payload = payload;
    Ok(())
}

pub(super) fn answer(answering: &Answering<'_>) -> Payload {
    match answering.verdict() {
        None => Ok(EMPTY),
        Some(verdict) => written(&StopTransactionResponse { id_tag_info: Some(id_tag_info(verdict)) }),
    }
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::fold::{Authorization, Outcome};
    use crate::ocpp::Version::V16;
    use crate::ocpp::testing::{answered, decoded, flags, key, one, refused};

    #[test]
    fn its_samples_come_before_the_end() {
        let events = decoded(
            V16,
            "StopTransaction",
            r#"{"transactionId":7,"idTag":"A","meterStop":9000,"timestamp":"2023-11-14T22:13:20Z","reason":"EVDisconnected",
                "transactionData":[{"timestamp":"2023-11-14T22:00:00Z","sampledValue":[{"value":"1","context":"Transaction.Begin"}]}]}"#,
        );
        assert_eq!(events.len(), 2);
        let EventKind::MeterSampled { transaction, samples } = &events[0].kind else { panic!() };
        assert_eq!((transaction.as_deref(), samples.len()), (Some("7"), 1));
        let EventKind::SessionEnded(end) = &events[1].kind else { panic!() };
        assert_eq!(end.transaction.as_deref(), Some("7"));
        assert_eq!(end.token, Some(key().token("A")));
        assert_eq!(end.meter_stop_wh, Some(9000.0));
        assert_eq!(end.reason.as_deref(), Some("EVDisconnected"));
        let payload = events[1].payload.as_deref().expect("kept");
        assert!(!payload.contains("transactionData") && payload.contains("sealed:"), "{payload}");
        assert_eq!(events[0].payload, None);
    }

    #[test]
    fn ends_beside_the_book() {
        for (payload, transaction, meter, reason, odd) in [
            (
                r#"{"transactionId":-1,"meterStop":"9000","timestamp":"2023-11-14T22:13:20Z"}"#,
                Some("-1"),
                Some(9000.0),
                "Local",
                "type_mismatch",
            ),
            (
                r#"{"meterStop":1,"timestamp":"2023-11-14T22:13:20Z","reason":"Timeout"}"#,
                None,
                Some(1.0),
                "Timeout",
                "vendor_word,field_missing",
            ),
            (r#"{"transactionId":0}"#, Some("0"), None, "Local", "timestamp_missing,field_missing"),
        ] {
            let event = one(V16, "StopTransaction", payload);
            let EventKind::SessionEnded(end) = &event.kind else { panic!("{event:?}") };
            assert_eq!(
                (end.transaction.as_deref(), end.meter_stop_wh, end.reason.as_deref()),
                (transaction, meter, Some(reason)),
                "{payload}"
            );
            assert_eq!(flags(event.deviations), odd, "{payload}");
        }
        assert_eq!(
            refused(V16, "StopTransaction", r#"{"transactionId":"abc"}"#),
            ("TypeConstraintViolation", "transactionId: expected a whole number, found text".to_owned())
        );
    }

    #[test]
    fn the_answer_speaks_of_the_token_only_if_asked() {
        assert_eq!(answered(V16, "StopTransaction", &[Outcome::default()]), "{}");
        let outcome = Outcome { authorization: Some(Authorization::Accepted), ..Outcome::default() };
        assert_eq!(
            answered(V16, "StopTransaction", &[Outcome::default(), outcome]),
            r#"{"idTagInfo":{"status":"Accepted"}}"#
        );
    }
}
