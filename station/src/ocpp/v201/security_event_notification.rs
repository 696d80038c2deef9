//! SecurityEventNotification (A04, 1.53).

use crate::event::EventKind;
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { name: Raw<'a> = "type", timestamp: Raw<'a> = "timestamp", info: Raw<'a> = "techInfo" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    let odd = &mut message.odd;
    let name = request.name.limited(50, odd).ok_or_else(|| DecodeError::missing("type"))?;
    let info = request.info.limited(255, odd);
    let station_ts = request.timestamp.required_time(odd);
    let payload = message.payload_for_log("");
    let event = message.emit(EventKind::SecurityEvent { name, info });
    event.station_ts = station_ts;
    event.payload = payload;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::ocpp::Version::V201;
    use crate::ocpp::testing::one;

    #[test]
    fn what_matters_for_security() {
        let event = one(
            V201,
            "SecurityEventNotification",
            r#"{"type":"FirmwareUpdated","timestamp":"2023-11-14T22:13:20Z"}"#,
        );
        assert_eq!(event.kind, EventKind::SecurityEvent { name: "FirmwareUpdated".to_owned(), info: None });
        assert!(event.station_ts.is_some());
    }
}
