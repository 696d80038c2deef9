//! ClearedChargingLimit: a limit that somebody else set is gone (K13, 1.13).

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { evse: Raw<'a> = "evseId", source: Raw<'a> = "chargingLimitSource" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.source]);
    let evse = request.evse.small("evseId", &mut message.odd)?;
    message.keep(&[]).evse = evse;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn the_end_of_a_limit_is_kept() {
        for version in [V201, V21] {
            let good = r#"{"evseId":2,"chargingLimitSource":"EMS"}"#;
            let event = kept(version, "ClearedChargingLimit", good);
            assert_eq!(flags(event.deviations), "");
            assert_eq!(event.evse, Some(2));
            let event = kept(version, "ClearedChargingLimit", r#"{"vendorThing":1}"#);
            assert_eq!(flags(event.deviations), "field_missing,field_unknown");
            assert_eq!(answered_to(version, "ClearedChargingLimit", good), "{}");
        }
    }
}
