//! NotifyChargingLimit: somebody else set a limit (K12, 1.37).

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { evse: Raw<'a> = "evseId", limit: Raw<'a> = "chargingLimit" }
    known ["chargingSchedule"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.limit]);
    let evse = request.evse.small("evseId", &mut message.odd)?;
    message.keep(&[]).evse = evse;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn limits_that_others_set_are_kept_whole() {
        for version in [V201, V21] {
            let good = r#"{"evseId":2,"chargingLimit":{"chargingLimitSource":"EMS"}}"#;
            let event = kept(version, "NotifyChargingLimit", good);
            assert_eq!(flags(event.deviations), "");
            assert_eq!(event.evse, Some(2));
            let event = kept(version, "NotifyChargingLimit", r#"{"vendorThing":1}"#);
            assert_eq!(flags(event.deviations), "field_missing,field_unknown");
            assert_eq!(answered_to(version, "NotifyChargingLimit", good), "{}");
        }
    }
}
