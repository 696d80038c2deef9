//! NotifyDisplayMessages: messages on the display that were asked for (O03, 1.39).

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { request_id: Raw<'a> = "requestId" }
    known ["messageInfo", "tbc"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.request_id]);
    message.keep(&[]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn messages_on_the_display_are_kept_whole() {
        for version in [V201, V21] {
            let good = r#"{"requestId":1,"messageInfo":[]}"#;
            let event = kept(version, "NotifyDisplayMessages", good);
            assert_eq!(flags(event.deviations), "");
            let event = kept(version, "NotifyDisplayMessages", r#"{"vendorThing":1}"#);
            assert_eq!(flags(event.deviations), "field_missing,field_unknown");
            assert_eq!(answered_to(version, "NotifyDisplayMessages", good), "{}");
        }
    }
}
