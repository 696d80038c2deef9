//! NotifyPriorityCharging: a driver chose to charge first, or no longer (K21).

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { transaction: Raw<'a> = "transactionId", activated: Raw<'a> = "activated" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.transaction, request.activated]);
    message.keep(&[]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V21;
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn the_choice_of_a_driver_is_kept() {
        let version = V21;
        let good = r#"{"transactionId":"t","activated":true}"#;
        let event = kept(version, "NotifyPriorityCharging", good);
        assert_eq!(flags(event.deviations), "");
        let event = kept(version, "NotifyPriorityCharging", r#"{"vendorThing":1}"#);
        assert_eq!(flags(event.deviations), "field_missing,field_unknown");
        assert_eq!(answered_to(version, "NotifyPriorityCharging", good), "{}");
    }
}
