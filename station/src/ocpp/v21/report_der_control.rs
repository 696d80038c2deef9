//! ReportDERControl: controls of distributed energy resources that were asked for (R04).

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { request_id: Raw<'a> = "requestId" }
    known ["curve", "enterService", "fixedPFAbsorb", "fixedPFInject", "fixedVar", "freqDroop", "gradient", "limitMaxDischarge", "tbc"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.request_id]);
    message.keep(&[]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V21;
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn controls_are_kept_whole() {
        let version = V21;
        let good = r#"{"requestId":1,"curve":[],"tbc":false}"#;
        let event = kept(version, "ReportDERControl", good);
        assert_eq!(flags(event.deviations), "");
        let event = kept(version, "ReportDERControl", r#"{"vendorThing":1}"#);
        assert_eq!(flags(event.deviations), "field_missing,field_unknown");
        assert_eq!(answered_to(version, "ReportDERControl", good), "{}");
    }
}
