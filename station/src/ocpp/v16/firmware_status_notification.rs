//! FirmwareStatusNotification (4.5, 6.25) and SignedFirmwareStatusNotification (security whitepaper, 5.9).

use crate::event::EventKind;
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! { Request { status: Raw<'a> = "status" } known ["requestId"] }

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
    use crate::ocpp::Version::V16;
    use crate::ocpp::testing::{answered, one, refused};

    #[test]
    fn the_stations_word_is_kept() {
        for action in ["FirmwareStatusNotification", "SignedFirmwareStatusNotification"] {
            let event = one(V16, action, r#"{"status":"Downloading"}"#);
            assert_eq!(event.kind, EventKind::FirmwareStatus { status: "Downloading".to_owned() });
            assert_eq!(refused(V16, action, "{}").0, "OccurenceConstraintViolation");
            assert_eq!(answered(V16, action, &[]), "{}");
        }
    }
}
