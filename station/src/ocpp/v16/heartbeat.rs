//! Heartbeat: the station lives (4.6, 6.29).

use rust_ocpp::v1_6::messages::heart_beat::HeartbeatResponse;

use crate::event::EventKind;
use crate::ocpp::answer::{Answering, Payload, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::define;
use crate::ocpp::message::Message;

define! { Request {} }

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let _: Request<'_> = message.read()?;
    message.emit(EventKind::Heartbeat);
    Ok(())
}

pub(super) fn answer(answering: &Answering<'_>) -> Payload {
    written(&HeartbeatResponse { current_time: answering.time() })
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::ocpp::Version::V16;
    use crate::ocpp::testing::{answered, flags, one};

    #[test]
    fn a_heartbeat_tells_the_time_and_keeps_no_payload() {
        for (payload, odd) in
            [("{}", ""), ("null", ""), ("[]", "type_mismatch"), (r#"{"x":1}"#, "field_unknown")]
        {
            let event = one(V16, "Heartbeat", payload);
            assert_eq!((event.kind, event.payload), (EventKind::Heartbeat, None));
            assert_eq!(flags(event.deviations), odd, "{payload}");
        }
        assert_eq!(answered(V16, "Heartbeat", &[]), r#"{"currentTime":"2023-11-14T22:13:20.123Z"}"#);
    }
}
