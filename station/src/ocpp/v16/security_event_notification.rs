//! SecurityEventNotification (security whitepaper, 5.7).

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
    use crate::ocpp::Version::V16;
    use crate::ocpp::testing::{flags, one, refused};

    #[test]
    fn what_matters_for_security() {
        let event = one(
            V16,
            "SecurityEventNotification",
            r#"{"type":"TamperDetectionActivated","timestamp":"2023-11-14T22:13:20Z","techInfo":"lid"}"#,
        );
        let expected = EventKind::SecurityEvent {
            name: "TamperDetectionActivated".to_owned(),
            info: Some("lid".to_owned()),
        };
        assert_eq!(event.kind, expected);
        assert!(event.station_ts.is_some());
        let event = one(V16, "SecurityEventNotification", r#"{"type":"X"}"#);
        assert_eq!(flags(event.deviations), "timestamp_missing,field_missing");
        assert_eq!(refused(V16, "SecurityEventNotification", "{}").0, "OccurenceConstraintViolation");
    }
}
