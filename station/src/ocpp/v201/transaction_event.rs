//! TransactionEvent: a session began, went on, or ended (E01–E15, 1.62).

use rust_ocpp::v2_0_1::messages::transaction_event::TransactionEventResponse;

use super::{Evse, id_token};
use crate::deviation::{Deviation, Deviations};
use crate::event::{ChargingState, EventKind, SessionEnd, SessionStart};
use crate::measurand::{Context, Sample};
use crate::ocpp::answer::{Answering, EMPTY, Payload, id_token_info, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Many, Object, Raw, define};
use crate::ocpp::message::Message;
use crate::ocpp::meter::{MeterValue, register, samples};
use crate::time::Timestamp;

define! {
    Request {
        event_type: Raw<'a> = "eventType",
        timestamp: Raw<'a> = "timestamp",
        trigger: Raw<'a> = "triggerReason",
        sequence: Raw<'a> = "seqNo",
        transaction: Raw<'a> = "transactionInfo",
        id_token: Raw<'a> = "idToken",
        evse: Raw<'a> = "evse",
        values: Many<MeterValue<'a>> = "meterValue",
    }
    known [
        "offline", "numberOfPhasesUsed", "cableMaxCurrent", "reservationId",
        // OCPP 2.1
        "preconditioningStatus", "evseSleep", "costDetails",
    ]
}

define! {
    TransactionInfo {
        id: Raw<'a> = "transactionId",
        charging_state: Raw<'a> = "chargingState",
        stopped_reason: Raw<'a> = "stoppedReason",
    }
    known [
        "timeSpentCharging", "remoteStartId",
        // OCPP 2.1
        "operationMode", "tariffId", "transactionLimit",
    ]
}

/// ReasonEnumType, with what 2.1 adds.
const REASONS: [&str; 23] = [
    "CostLimitReached",
    "DeAuthorized",
    "EmergencyStop",
    "EnergyLimitReached",
    "EVDisconnected",
    "GroundFault",
    "ImmediateReset",
    "Local",
    "LocalOutOfCredit",
    "MasterPass",
    "Other",
    "OvercurrentFault",
    "PowerLoss",
    "PowerQuality",
    "Reboot",
    "Remote",
    "ReqEnergyTransferRejected",
    "SOCLimitReached",
    "StoppedByEV",
    "TimeLimitReached",
    "Timeout",
    "TransactionLimitReached",
    "UnlockCommand",
];

/// What all events of a message share.
struct Place {
    evse: Option<i32>,
    connector: Option<i32>,
    station_ts: Option<Timestamp>,
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    let info: TransactionInfo<'_> = request.transaction.object("transactionInfo")?;
    request.flag_unknown(&mut message.odd);
    info.flag_unknown(&mut message.odd);
    if request.sequence.is_none() || request.trigger.is_none() {
        message.missing();
    }
    let evse: Evse<'_> = evse(&request, &mut message.odd)?;
    let odd = &mut message.odd;
    evse.flag_unknown(odd);
    let place = Place {
        evse: evse.id.small("evse.id", odd)?,
        connector: evse.connector.small("evse.connectorId", odd)?,
        station_ts: request.timestamp.required_time(odd),
    };
    let transaction =
        info.id.limited(36, odd).ok_or_else(|| DecodeError::missing("transactionInfo.transactionId"))?;
    let charging_state = charging_state(info.charging_state, odd);
    let sequence = request.sequence.integer("seqNo", odd)?;
    let event_type =
        request.event_type.text(odd).ok_or_else(|| DecodeError::missing("eventType"))?.to_ascii_lowercase();
    let trigger = request.trigger.text(odd);
    // Frequent, and all that is in them is kept as meter values.
    let is_sampling =
        trigger.is_some_and(|trigger| matches!(&*trigger, "MeterValuePeriodic" | "MeterValueClock"));
    let token = id_token::read(request.id_token, message)?;
    let mut sampling_odd = Deviations::default();
    let samples = samples(&request.values, true, &mut sampling_odd);
    let samples = Samples { transaction: transaction.clone(), samples, odd: sampling_odd };

    match event_type.as_str() {
        "started" => {
            let start = SessionStart {
                meter_start_wh: register(&samples.samples, &Context::Begin),
                transaction: Some(transaction),
                token,
                charging_state,
                sequence,
            };
            let payload = message.payload_for_log("meterValue");
            emit(message, EventKind::SessionStarted(start), &place, payload);
            samples.emit(message, &place);
        }
        "updated" => {
            let payload = if is_sampling { None } else { message.payload_for_log("meterValue") };
            let update = EventKind::SessionUpdated { transaction, charging_state, token, sequence };
            emit(message, update, &place, payload);
            samples.emit(message, &place);
        }
        "ended" => {
            // "If omitted, the reason is Local" (E06; TransactionType.stoppedReason).
            let reason =
                info.stopped_reason.text(&mut message.odd).map_or_else(|| "Local".to_owned(), Into::into);
            if !REASONS.contains(&reason.as_str()) {
                message.odd.add(Deviation::VendorWord);
            }
            let end = SessionEnd {
                meter_stop_wh: register(&samples.samples, &Context::End),
                transaction: Some(transaction),
                token,
                reason: Some(reason),
                sequence,
            };
            let payload = message.payload_for_log("meterValue");
            samples.emit(message, &place);
            emit(message, EventKind::SessionEnded(end), &place, payload);
        }
        _ => {
            return Err(DecodeError::wrong_value(
                "eventType",
                "must be Started, Updated or Ended".to_owned(),
            ));
        }
    }
    Ok(())
}

/// The EVSE: an object, or (flagged) its bare number.
fn evse<'a>(request: &Request<'a>, odd: &mut Deviations) -> Result<Evse<'a>, DecodeError> {
    if request.evse.is_none() || request.evse.is_object() {
        return request.evse.object("evse");
    }
    odd.add(Deviation::TypeMismatch);
    Ok(Evse { id: request.evse, ..Evse::default() })
}

fn charging_state(word: Raw<'_>, odd: &mut Deviations) -> Option<ChargingState> {
    Some(match &*word.text(odd)? {
        "Charging" => ChargingState::Charging,
        "EVConnected" => ChargingState::EvConnected,
        "SuspendedEV" => ChargingState::SuspendedEv,
        "SuspendedEVSE" => ChargingState::SuspendedEvse,
        "Idle" => ChargingState::Idle,
        _ => {
            odd.add(Deviation::VendorWord);
            return None;
        }
    })
}

fn emit(message: &mut Message<'_>, kind: EventKind, place: &Place, payload: Option<String>) {
    let event = message.emit(kind);
    event.evse = place.evse;
    event.connector = place.connector;
    event.station_ts = place.station_ts;
    event.payload = payload;
}

struct Samples {
    transaction: String,
    samples: Vec<Sample>,
    odd: Deviations,
}

impl Samples {
    fn emit(self, message: &mut Message<'_>, place: &Place) {
        let Some(first) = self.samples.first() else {
            return;
        };
        let station_ts = first.station_ts;
        let kind = EventKind::MeterSampled { transaction: Some(self.transaction), samples: self.samples };
        emit(message, kind, &Place { station_ts, ..*place }, None);
        // What was odd about the message stands on its other event.
        if let Some(event) = message.last() {
            event.deviations = self.odd;
        }
    }
}

pub(super) fn answer(answering: &Answering<'_>) -> Payload {
    match answering.verdict() {
        None => Ok(EMPTY),
        Some(verdict) => written(&TransactionEventResponse {
            id_token_info: Some(id_token_info(verdict)),
            ..TransactionEventResponse::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{ChargingState, EventKind};
    use crate::fold::{Authorization, Outcome};
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{answered, decoded, flags, key, one, refused};

    const SAMPLES: &str = r#"[{"timestamp":"2023-11-14T22:13:21Z","sampledValue":[
        {"value":30,"context":"Transaction.Begin"},{"value":9030,"context":"Transaction.End"},
        {"value":10,"context":"Transaction.Begin","phase":"L1"}]}]"#;

    #[test]
    fn a_start_comes_before_its_samples() {
        let events = decoded(
            V201,
            "TransactionEvent",
            &format!(
                r#"{{"eventType":"Started","timestamp":"2023-11-14T22:13:20Z","triggerReason":"Authorized","seqNo":0,
                "transactionInfo":{{"transactionId":"t-1","chargingState":"EVConnected"}},"offline":false,
                "idToken":{{"idToken":"04A1B2","type":"ISO14443"}},"evse":{{"id":2,"connectorId":1}},
                "meterValue":{SAMPLES}}}"#
            ),
        );
        assert_eq!(events.len(), 2);
        let EventKind::SessionStarted(start) = &events[0].kind else { panic!() };
        assert_eq!(start.transaction.as_deref(), Some("t-1"));
        assert_eq!(start.token, Some(key().token("04A1B2")));
        assert_eq!(start.meter_start_wh, Some(30.0));
        assert_eq!(start.charging_state, Some(ChargingState::EvConnected));
        assert_eq!(start.sequence, Some(0));
        let EventKind::MeterSampled { transaction, samples } = &events[1].kind else { panic!() };
        assert_eq!((transaction.as_deref(), samples.len()), (Some("t-1"), 1));
        for event in &events {
            assert_eq!((event.evse, event.connector), (Some(2), Some(1)));
            assert_eq!(flags(event.deviations), "");
        }
        assert_ne!(events[0].station_ts, events[1].station_ts, "samples have their own time");
        let payload = events[0].payload.as_deref().expect("kept");
        assert!(!payload.contains("04A1B2") && !payload.contains("sampledValue"), "{payload}");
    }

    #[test]
    fn an_end_comes_after_its_samples() {
        let events = decoded(
            V21,
            "TransactionEvent",
            &format!(
                r#"{{"eventType":"Ended","timestamp":"2023-11-14T23:13:20Z","triggerReason":"EVDeparted","seqNo":9,
                "transactionInfo":{{"transactionId":"t-1","stoppedReason":"EVDisconnected"}},"meterValue":{SAMPLES}}}"#
            ),
        );
        assert!(matches!(events[0].kind, EventKind::MeterSampled { .. }));
        let EventKind::SessionEnded(end) = &events[1].kind else { panic!() };
        assert_eq!(end.meter_stop_wh, Some(9030.0));
        assert_eq!((end.reason.as_deref(), end.sequence), (Some("EVDisconnected"), Some(9)));
    }

    #[test]
    fn updates_by_the_book_and_beside_it() {
        for (payload, state, evse, odd, logged) in [
            (
                r#"{"eventType":"Updated","timestamp":"2023-11-14T22:13:20Z","triggerReason":"ChargingStateChanged",
                    "seqNo":3,"transactionInfo":{"transactionId":"t-1","chargingState":"SuspendedEV"}}"#,
                Some(ChargingState::SuspendedEv),
                None,
                "",
                true,
            ),
            (
                r#"{"eventType":"updated","timestamp":"2023-11-14T22:13:20Z","triggerReason":"MeterValuePeriodic",
                    "seqNo":"3","transactionInfo":{"transactionId":7,"chargingState":"Dreaming"},"evse":2}"#,
                None,
                Some(2),
                "type_mismatch,vendor_word",
                false,
            ),
            (
                r#"{"eventType":"Updated","transactionInfo":{"transactionId":"t-1"},"colour":"red"}"#,
                None,
                None,
                "timestamp_missing,field_missing,field_unknown",
                true,
            ),
        ] {
            let event = one(V201, "TransactionEvent", payload);
            let EventKind::SessionUpdated { charging_state, .. } = &event.kind else { panic!("{event:?}") };
            assert_eq!((*charging_state, event.evse), (state, evse), "{payload}");
            assert_eq!(flags(event.deviations), odd, "{payload}");
            assert_eq!(event.payload.is_some(), logged, "{payload}");
        }
    }

    #[test]
    fn the_reason_of_an_end_may_be_left_out() {
        for (info, reason, odd) in [
            (r#"{"transactionId":"t"}"#, "Local", ""),
            (r#"{"transactionId":"t","stoppedReason":"Whim"}"#, "Whim", "vendor_word"),
        ] {
            let payload = format!(
                r#"{{"eventType":"Ended","timestamp":"2023-11-14T22:13:20Z","triggerReason":"EVDeparted","seqNo":1,
                    "idToken":{{"idToken":"","type":"NoAuthorization"}},"transactionInfo":{info}}}"#
            );
            let event = one(V201, "TransactionEvent", &payload);
            let EventKind::SessionEnded(end) = &event.kind else { panic!("{event:?}") };
            assert_eq!((end.reason.as_deref(), &end.token), (Some(reason), &None));
            assert_eq!(flags(event.deviations), odd);
        }
    }

    #[test]
    fn what_cannot_be_placed_is_refused() {
        for (payload, code, text) in [
            ("{}", "OccurrenceConstraintViolation", "transactionInfo.transactionId: required, but missing"),
            (
                r#"{"transactionInfo":{"transactionId":"t"}}"#,
                "OccurrenceConstraintViolation",
                "eventType: required, but missing",
            ),
            (
                r#"{"eventType":"Paused","transactionInfo":{"transactionId":"t"}}"#,
                "PropertyConstraintViolation",
                "eventType: must be Started, Updated or Ended",
            ),
            (
                r#"{"eventType":"Ended","seqNo":"x","transactionInfo":{"transactionId":"t"}}"#,
                "TypeConstraintViolation",
                "seqNo: expected a whole number, found text",
            ),
        ] {
            assert_eq!(refused(V201, "TransactionEvent", payload), (code, text.to_owned()));
        }
    }

    #[test]
    fn the_answer_speaks_of_the_token_only_if_asked() {
        assert_eq!(answered(V201, "TransactionEvent", &[Outcome::default()]), "{}");
        let outcome = Outcome { authorization: Some(Authorization::ConcurrentTx), ..Outcome::default() };
        assert_eq!(
            answered(V201, "TransactionEvent", &[outcome, Outcome::default()]),
            r#"{"idTokenInfo":{"status":"ConcurrentTx"}}"#
        );
    }
}
