//! NotifyMonitoringReport: monitors that were asked for (N02, 1.43).

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { request_id: Raw<'a> = "requestId", generated_at: Raw<'a> = "generatedAt", seq_no: Raw<'a> = "seqNo" }
    known ["monitor", "tbc"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.request_id, request.seq_no]);
    let station_ts = request.generated_at.required_time(&mut message.odd);
    message.keep(&[]).station_ts = station_ts;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn monitors_are_kept_whole() {
        for version in [V201, V21] {
            let good = r#"{"requestId":1,"generatedAt":"2023-11-14T22:13:20Z","seqNo":0,"monitor":[]}"#;
            let event = kept(version, "NotifyMonitoringReport", good);
            assert_eq!(flags(event.deviations), "");
            assert!(event.station_ts.is_some());
            let event = kept(version, "NotifyMonitoringReport", r#"{"vendorThing":1}"#);
            assert_eq!(flags(event.deviations), "timestamp_missing,field_missing,field_unknown");
            assert_eq!(answered_to(version, "NotifyMonitoringReport", good), "{}");
        }
    }
}
