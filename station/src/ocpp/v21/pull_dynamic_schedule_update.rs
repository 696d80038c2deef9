//! PullDynamicScheduleUpdate: the station wants the present limits of a dynamic profile (K28). None are given here.

use super::Refusal;
use crate::ocpp::answer::{Answering, Payload, not_enabled, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { profile: Raw<'a> = "chargingProfileId" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.profile]);
    message.keep(&[]);
    Ok(())
}

pub(super) fn answer(_: &Answering<'_>) -> Payload {
    written(&Refusal { status: "Rejected", status_info: not_enabled("no dynamic profiles are given here") })
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V21;
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn there_are_no_limits_to_give() {
        let version = V21;
        let good = r#"{"chargingProfileId":7}"#;
        let event = kept(version, "PullDynamicScheduleUpdate", good);
        assert_eq!(flags(event.deviations), "");
        let event = kept(version, "PullDynamicScheduleUpdate", r#"{"vendorThing":1}"#);
        assert_eq!(flags(event.deviations), "field_missing,field_unknown");
        assert_eq!(
            answered_to(version, "PullDynamicScheduleUpdate", good),
            r#"{"status":"Rejected","statusInfo":{"reasonCode":"NotEnabled","additionalInfo":"no dynamic profiles are given here"}}"#
        );
    }
}
