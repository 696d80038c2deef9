//! NotifyEVChargingNeeds: what a vehicle asks for (K15, 1.40). Nothing here makes schedules.

use rust_ocpp::v2_0_1::enumerations::notify_ev_charging_needs_status_enum_type::NotifyEVChargingNeedsStatusEnumType;
use rust_ocpp::v2_0_1::messages::notify_ev_charging_needs::NotifyEVChargingNeedsResponse;

use crate::ocpp::answer::{Answering, Payload, not_enabled, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { evse: Raw<'a> = "evseId", needs: Raw<'a> = "chargingNeeds" }
    known ["maxScheduleTuples", "timestamp"]
}

pub(in crate::ocpp) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.evse, request.needs]);
    let evse = request.evse.small("evseId", &mut message.odd)?;
    message.keep(&[]).evse = evse;
    Ok(())
}

pub(super) fn answer(_: &Answering<'_>) -> Payload {
    // "Accepted" and "Processing" would promise a schedule.
    written(&NotifyEVChargingNeedsResponse {
        status: NotifyEVChargingNeedsStatusEnumType::Rejected,
        status_info: not_enabled("charging schedules are not made here"),
    })
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V201;
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn needs_are_kept_and_no_schedule_is_promised() {
        let version = V201;
        let good = r#"{"evseId":2,"chargingNeeds":{"requestedEnergyTransfer":"DC"}}"#;
        let event = kept(version, "NotifyEVChargingNeeds", good);
        assert_eq!(flags(event.deviations), "");
        assert_eq!(event.evse, Some(2));
        let event = kept(version, "NotifyEVChargingNeeds", r#"{"vendorThing":1}"#);
        assert_eq!(flags(event.deviations), "field_missing,field_unknown");
        assert_eq!(
            answered_to(version, "NotifyEVChargingNeeds", good),
            r#"{"status":"Rejected","statusInfo":{"reasonCode":"NotEnabled","additionalInfo":"charging schedules are not made here"}}"#
        );
    }
}
