//! Heartbeat: the station lives (G02, 1.29).

use rust_ocpp::v2_0_1::messages::heartbeat::HeartbeatResponse;

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
    use crate::ocpp::Version::V201;
    use crate::ocpp::testing::{answered, one};

    #[test]
    fn a_heartbeat_tells_the_time() {
        assert_eq!(one(V201, "Heartbeat", "{}").kind, EventKind::Heartbeat);
        assert_eq!(answered(V201, "Heartbeat", &[]), r#"{"currentTime":"2023-11-14T22:13:20.123Z"}"#);
    }
}
