//! FirmwareStatusNotification (L01, 1.20) and PublishFirmwareStatusNotification (L03, 1.48).

use crate::event::EventKind;
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { status: Raw<'a> = "status" }
    known ["requestId", "location", "statusInfo"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    let status =
        request.status.limited(50, &mut message.odd).ok_or_else(|| DecodeError::missing("status"))?;
    let payload = message.payload_for_log("");
    message.emit(EventKind::FirmwareStatus { status }).payload = payload;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::ocpp::Version::V201;
    use crate::ocpp::testing::{one, refused};

    #[test]
    fn the_stations_word_is_kept() {
        for action in ["FirmwareStatusNotification", "PublishFirmwareStatusNotification"] {
            let event = one(V201, action, r#"{"status":"Installed","requestId":4}"#);
            assert_eq!(event.kind, EventKind::FirmwareStatus { status: "Installed".to_owned() });
            assert_eq!(refused(V201, action, "{}").0, "OccurrenceConstraintViolation");
        }
    }
}
