//! LogStatusNotification: how the upload of a log goes (N01, 1.30).

use crate::event::EventKind;
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! { Request { status: Raw<'a> = "status" } known ["requestId", "statusInfo"] }

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    let word = request.status.limited(50, &mut message.odd).ok_or_else(|| DecodeError::missing("status"))?;
    let payload = message.payload_for_log("");
    // The prefix tells an upload's "Uploaded" from a firmware's "Downloaded".
    message.emit(EventKind::FirmwareStatus { status: format!("Log{word}") }).payload = payload;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::ocpp::Version::V201;
    use crate::ocpp::testing::one;

    #[test]
    fn uploads_are_told_from_firmware() {
        let event = one(V201, "LogStatusNotification", r#"{"status":"Uploading","requestId":1}"#);
        assert_eq!(event.kind, EventKind::FirmwareStatus { status: "LogUploading".to_owned() });
    }
}
