//! ClosePeriodicEventStream: a stream ends (N12).

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { id: Raw<'a> = "id" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.id]);
    message.keep(&[]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V21;
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn the_end_of_a_stream_is_kept() {
        let version = V21;
        let good = r#"{"id":1}"#;
        let event = kept(version, "ClosePeriodicEventStream", good);
        assert_eq!(flags(event.deviations), "");
        let event = kept(version, "ClosePeriodicEventStream", r#"{"vendorThing":1}"#);
        assert_eq!(flags(event.deviations), "field_missing,field_unknown");
        assert_eq!(answered_to(version, "ClosePeriodicEventStream", good), "{}");
    }
}
