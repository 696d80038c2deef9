//! NotifyDERStartStop: a control of distributed energy resources began or ended (R04).

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { control: Raw<'a> = "controlId", started: Raw<'a> = "started", timestamp: Raw<'a> = "timestamp" }
    known ["supersededIds"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.control, request.started]);
    let station_ts = request.timestamp.required_time(&mut message.odd);
    message.keep(&[]).station_ts = station_ts;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V21;
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn the_begin_of_a_control_is_kept() {
        let version = V21;
        let good = r#"{"controlId":"c","started":true,"timestamp":"2023-11-14T22:13:20Z"}"#;
        let event = kept(version, "NotifyDERStartStop", good);
        assert_eq!(flags(event.deviations), "");
        assert!(event.station_ts.is_some());
        let event = kept(version, "NotifyDERStartStop", r#"{"vendorThing":1}"#);
        assert_eq!(flags(event.deviations), "timestamp_missing,field_missing,field_unknown");
        assert_eq!(answered_to(version, "NotifyDERStartStop", good), "{}");
    }
}
