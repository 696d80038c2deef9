//! NotifyEVChargingSchedule: the schedule that a vehicle chose (K15, 1.42).

use rust_ocpp::v2_0_1::enumerations::generic_status_enum_type::GenericStatusEnumType;
use rust_ocpp::v2_0_1::messages::notify_ev_charging_schedule::NotifyEVChargingScheduleResponse;

use crate::ocpp::answer::{Answering, Payload, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { time_base: Raw<'a> = "timeBase", evse: Raw<'a> = "evseId", schedule: Raw<'a> = "chargingSchedule" }
    known ["selectedChargingScheduleId", "powerToleranceAcceptance"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.evse, request.schedule]);
    let evse = request.evse.small("evseId", &mut message.odd)?;
    let station_ts = request.time_base.required_time(&mut message.odd);
    let event = message.keep(&[]);
    event.evse = evse;
    event.station_ts = station_ts;
    Ok(())
}

pub(super) fn answer(_: &Answering<'_>) -> Payload {
    // It says that the message was processed; it approves nothing.
    let status = GenericStatusEnumType::Accepted;
    written(&NotifyEVChargingScheduleResponse { status, status_info: None })
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn the_schedule_of_a_vehicle_is_kept() {
        for version in [V201, V21] {
            let good = r#"{"timeBase":"2023-11-14T22:13:20Z","evseId":2,"chargingSchedule":{"id":1}}"#;
            let event = kept(version, "NotifyEVChargingSchedule", good);
            assert_eq!(flags(event.deviations), "");
            assert_eq!(event.evse, Some(2));
            assert!(event.station_ts.is_some());
            let event = kept(version, "NotifyEVChargingSchedule", r#"{"vendorThing":1}"#);
            assert_eq!(flags(event.deviations), "timestamp_missing,field_missing,field_unknown");
            assert_eq!(answered_to(version, "NotifyEVChargingSchedule", good), r#"{"status":"Accepted"}"#);
        }
    }
}
