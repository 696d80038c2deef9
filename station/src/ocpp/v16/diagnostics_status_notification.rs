//! DiagnosticsStatusNotification (4.4, 6.21) and LogStatusNotification (security whitepaper, 5.5): how an upload goes.

use crate::event::EventKind;
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! { Request { status: Raw<'a> = "status" } known ["requestId"] }

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    upload(message, "Diagnostics")
}

pub(super) fn decode_log(message: &mut Message<'_>) -> Result<(), DecodeError> {
    upload(message, "Log")
}

fn upload(message: &mut Message<'_>, of: &str) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    let word = request.status.limited(50, &mut message.odd).ok_or_else(|| DecodeError::missing("status"))?;
    let payload = message.payload_for_log("");
    // The prefix tells an upload's "Uploaded" from a firmware's "Downloaded".
    message.emit(EventKind::FirmwareStatus { status: format!("{of}{word}") }).payload = payload;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::ocpp::Version::V16;
    use crate::ocpp::testing::one;

    #[test]
    fn uploads_are_told_from_firmware() {
        for (action, status) in [
            ("DiagnosticsStatusNotification", "DiagnosticsUploaded"),
            ("LogStatusNotification", "LogUploaded"),
        ] {
            let event = one(V16, action, r#"{"status":"Uploaded"}"#);
            assert_eq!(event.kind, EventKind::FirmwareStatus { status: status.to_owned() });
        }
    }
}
