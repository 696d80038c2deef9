//! NotifyPeriodicEventStream: a part of a stream (N14). It comes by SEND, which wants no answer.

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { id: Raw<'a> = "id", pending: Raw<'a> = "pending", base: Raw<'a> = "basetime", data: Raw<'a> = "data" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.id, request.pending, request.data]);
    let station_ts = request.base.required_time(&mut message.odd);
    message.keep(&[]).station_ts = station_ts;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V21;
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn parts_of_streams_are_kept_whole() {
        let version = V21;
        let good = r#"{"id":1,"pending":0,"basetime":"2023-11-14T22:13:20Z","data":[{"t":0.5,"v":"17"}]}"#;
        let event = kept(version, "NotifyPeriodicEventStream", good);
        assert_eq!(flags(event.deviations), "");
        assert!(event.station_ts.is_some());
        let event = kept(version, "NotifyPeriodicEventStream", r#"{"vendorThing":1}"#);
        assert_eq!(flags(event.deviations), "timestamp_missing,field_missing,field_unknown");
        assert_eq!(answered_to(version, "NotifyPeriodicEventStream", good), "{}");
    }
}
