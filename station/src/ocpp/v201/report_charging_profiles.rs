//! ReportChargingProfiles: profiles that were asked for (K09, 1.50).

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { request_id: Raw<'a> = "requestId", source: Raw<'a> = "chargingLimitSource", evse: Raw<'a> = "evseId", profile: Raw<'a> = "chargingProfile" }
    known ["tbc"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.request_id, request.source, request.evse, request.profile]);
    let evse = request.evse.small("evseId", &mut message.odd)?;
    message.keep(&[]).evse = evse;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn profiles_are_kept_whole() {
        for version in [V201, V21] {
            let good = r#"{"requestId":1,"chargingLimitSource":"CSO","evseId":2,"chargingProfile":[]}"#;
            let event = kept(version, "ReportChargingProfiles", good);
            assert_eq!(flags(event.deviations), "");
            assert_eq!(event.evse, Some(2));
            let event = kept(version, "ReportChargingProfiles", r#"{"vendorThing":1}"#);
            assert_eq!(flags(event.deviations), "field_missing,field_unknown");
            assert_eq!(answered_to(version, "ReportChargingProfiles", good), "{}");
        }
    }
}
