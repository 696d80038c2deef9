//! BatterySwap: a battery came or went at a swap station (S01).

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { event: Raw<'a> = "eventType", request_id: Raw<'a> = "requestId", token: Raw<'a> = "idToken", batteries: Raw<'a> = "batteryData" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.event, request.request_id, request.token, request.batteries]);
    message.keep(&[]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V21;
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn swapped_batteries_are_kept_with_the_token_sealed() {
        let version = V21;
        let good = r#"{"eventType":"BatteryIn","requestId":1,"idToken":{"idToken":"04A1B2","type":"ISO14443"},"batteryData":[]}"#;
        let event = kept(version, "BatterySwap", good);
        assert_eq!(flags(event.deviations), "");
        assert!(event.payload.is_some_and(|kept| kept.contains("sealed:") && !kept.contains("04A1B2")));
        let event = kept(version, "BatterySwap", r#"{"vendorThing":1}"#);
        assert_eq!(flags(event.deviations), "field_missing,field_unknown");
        assert_eq!(answered_to(version, "BatterySwap", good), "{}");
    }
}
