//! MeterValues (4.7, 6.31).

use crate::event::EventKind;
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Many, Raw, define};
use crate::ocpp::message::Message;
use crate::ocpp::meter::{MeterValue, samples};

define! {
    Request {
        connector: Raw<'a> = "connectorId",
        transaction: Raw<'a> = "transactionId",
        values: Many<MeterValue<'a>> = "meterValue",
    }
}

/// Where values without a connector are taken to be from: the station's main meter (4.7).
const MAIN_METER: i32 = 0;

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    if !request.values.present {
        return Err(DecodeError::missing("meterValue"));
    }
    message.require(&[request.connector]);
    let connector = request.connector.small("connectorId", &mut message.odd)?.unwrap_or(MAIN_METER);
    let transaction = request.transaction.integer("transactionId", &mut message.odd)?;
    let samples = samples(&request.values, false, &mut message.odd);
    let station_ts = samples.first().and_then(|sample| sample.station_ts);
    let event =
        message.emit(EventKind::MeterSampled { transaction: transaction.map(|id| id.to_string()), samples });
    event.connector = Some(connector);
    event.station_ts = station_ts;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::measurand::Measurand;
    use crate::ocpp::Version::V16;
    use crate::ocpp::testing::{answered, flags, one, refused};

    #[test]
    fn samples_keep_their_order_and_the_transactions_text() {
        let event = one(
            V16,
            "MeterValues",
            r#"{"connectorId":1,"transactionId":9223372036854775807,"meterValue":[
                {"timestamp":"2023-11-14T22:13:20Z","sampledValue":[
                    {"value":"1500","context":"Sample.Periodic","format":"Raw","location":"Outlet"},
                    {"value":"7.4","measurand":"Power.Active.Import","unit":"kW"},
                    {"value":"230","measurand":"Voltage","phase":"L1-N","unit":"V"}]},
                {"timestamp":"2023-11-14T22:14:20Z","sampledValue":[{"value":"1600"}]}]}"#,
        );
        let EventKind::MeterSampled { transaction, samples } = &event.kind else { panic!("{event:?}") };
        assert_eq!(transaction.as_deref(), Some("9223372036854775807"));
        assert_eq!(samples.len(), 2);
        assert_eq!(samples[0].readings[1].measurand, Measurand::PowerImport);
        assert_eq!(samples[0].readings[1].value, Some(7400.0));
        assert_eq!(samples[0].readings[2].phase.as_deref(), Some("L1-N"));
        assert_eq!(event.station_ts, samples[0].station_ts);
        assert_eq!(event.connector, Some(1));
        assert_eq!(flags(event.deviations), "");
        assert_eq!(event.payload, None, "frequent messages are not kept whole");
        assert_eq!(answered(V16, "MeterValues", &[]), "{}");
    }

    #[test]
    fn what_is_missing_is_flagged() {
        let event = one(V16, "MeterValues", r#"{"transactionId":"-1","meterValue":[]}"#);
        assert_eq!(event.connector, Some(0));
        assert_eq!(flags(event.deviations), "type_mismatch,field_missing");
        assert_eq!(
            refused(V16, "MeterValues", "{}"),
            ("OccurenceConstraintViolation", "meterValue: required, but missing".to_owned())
        );
        assert_eq!(
            refused(V16, "MeterValues", r#"{"connectorId":1,"meterValue":"5"}"#).0,
            "TypeConstraintViolation"
        );
        let (code, text) =
            refused(V16, "MeterValues", r#"{"connectorId":1,"meterValue":[{"sampledValue":[7]}]}"#);
        assert_eq!(code, "TypeConstraintViolation");
        assert!(text.starts_with("meterValue[0].sampledValue[0]: "), "{text}");
    }
}
