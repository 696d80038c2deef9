//! Messages that are kept whole and not interpreted: NotifyReport (B07), NotifyMonitoringReport (N02),
//! NotifyChargingLimit (K12), ClearedChargingLimit (K13), ReportChargingProfiles (K09), ReservationStatusUpdate (H04),
//! NotifyDisplayMessages (O03).

use crate::event::EventKind;
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

/// Under whose name they stand in the log.
const VENDOR: &str = "OCPP";

define! { Request { generated_at: Raw<'a> = "generatedAt" } }

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    let station_ts = request.generated_at.time(&mut message.odd);
    let payload = message.payload_for_log("");
    let name = message.action().to_owned();
    let event = message.emit(EventKind::DataTransferred {
        vendor_id: VENDOR.to_owned(),
        message: Some(name),
        data: None,
    });
    event.station_ts = station_ts;
    event.payload = payload;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::ocpp::Version::V201;
    use crate::ocpp::testing::{answered, flags, one};

    #[test]
    fn reports_are_kept_whole() {
        let event = one(
            V201,
            "NotifyReport",
            r#"{"requestId":1,"generatedAt":"2023-11-14T22:13:20Z","seqNo":0,"reportData":[]}"#,
        );
        let EventKind::DataTransferred { vendor_id, message, data: None } = &event.kind else { panic!() };
        assert_eq!((vendor_id.as_str(), message.as_deref()), ("OCPP", Some("NotifyReport")));
        assert!(event.payload.is_some_and(|payload| payload.contains("reportData")));
        assert_eq!(flags(event.deviations), "");
        assert_eq!(answered(V201, "NotifyReport", &[]), "{}");
    }
}
