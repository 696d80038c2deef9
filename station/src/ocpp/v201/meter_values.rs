//! MeterValues: outside of transactions (J01, 1.31).

use crate::event::EventKind;
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Many, Raw, define};
use crate::ocpp::message::Message;
use crate::ocpp::meter::{MeterValue, samples};

define! { Request { evse: Raw<'a> = "evseId", values: Many<MeterValue<'a>> = "meterValue" } }

/// Where values without an EVSE are taken to be from: the station's main meter (1.31).
const MAIN_METER: i32 = 0;

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    if !request.values.present {
        return Err(DecodeError::missing("meterValue"));
    }
    message.require(&[request.evse]);
    let evse = request.evse.small("evseId", &mut message.odd)?.unwrap_or(MAIN_METER);
    let samples = samples(&request.values, true, &mut message.odd);
    let station_ts = samples.first().and_then(|sample| sample.station_ts);
    let event = message.emit(EventKind::MeterSampled { transaction: None, samples });
    event.evse = Some(evse);
    event.station_ts = station_ts;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::ocpp::Version::V201;
    use crate::ocpp::testing::{flags, one, refused};

    #[test]
    fn multipliers_count() {
        let event = one(
            V201,
            "MeterValues",
            r#"{"evseId":1,"meterValue":[{"timestamp":"2023-11-14T22:13:20Z","sampledValue":[
                {"value":74,"measurand":"Power.Active.Import","unitOfMeasure":{"unit":"W","multiplier":2}}]}]}"#,
        );
        let EventKind::MeterSampled { transaction: None, samples } = &event.kind else { panic!("{event:?}") };
        assert_eq!(samples[0].readings[0].value, Some(7400.0));
        assert_eq!((event.evse, event.connector), (Some(1), None));
        assert_eq!(event.payload, None);
        assert_eq!(flags(one(V201, "MeterValues", r#"{"meterValue":[]}"#).deviations), "field_missing");
        assert_eq!(refused(V201, "MeterValues", "{}").0, "OccurrenceConstraintViolation");
    }
}
