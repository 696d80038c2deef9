//! NotifyEVChargingNeeds: as in 2.0.1, but 2.1 has a word for a central system that makes no schedules (K15).

pub(super) use crate::ocpp::v201::notify_ev_charging_needs::decode;

use super::Refusal;
use crate::ocpp::answer::{Answering, Payload, not_enabled, written};

pub(super) fn answer(_: &Answering<'_>) -> Payload {
    let status_info = not_enabled("charging schedules are not made here");
    written(&Refusal { status: "NoChargingProfile", status_info })
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V21;
    use crate::ocpp::testing::{answered, flags, kept};

    #[test]
    fn the_vehicle_is_told_that_there_is_no_profile() {
        let needs = r#"{"evseId":2,"timestamp":"2023-11-14T22:13:20Z","chargingNeeds":{"requestedEnergyTransfer":"DC"}}"#;
        let event = kept(V21, "NotifyEVChargingNeeds", needs);
        assert_eq!((event.evse, flags(event.deviations).as_str()), (Some(2), ""));
        assert_eq!(
            answered(V21, "NotifyEVChargingNeeds", &[]),
            r#"{"status":"NoChargingProfile","statusInfo":{"reasonCode":"NotEnabled","additionalInfo":"charging schedules are not made here"}}"#
        );
    }
}
