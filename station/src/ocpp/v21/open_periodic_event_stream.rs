//! OpenPeriodicEventStream: values of a monitor are going to be streamed (N11).

use rust_ocpp::v2_0_1::enumerations::generic_status_enum_type::GenericStatusEnumType;
use serde::Serialize;

use crate::ocpp::answer::{Answering, Payload, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { stream: Raw<'a> = "constantStreamData" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.stream]);
    message.keep(&[]);
    Ok(())
}

#[derive(Serialize)]
struct Response {
    status: GenericStatusEnumType,
}

pub(super) fn answer(_: &Answering<'_>) -> Payload {
    written(&Response { status: GenericStatusEnumType::Accepted })
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V21;
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn streams_are_welcome() {
        let version = V21;
        let good =
            r#"{"constantStreamData":{"id":1,"variableMonitoringId":2,"params":{"interval":1,"values":3}}}"#;
        let event = kept(version, "OpenPeriodicEventStream", good);
        assert_eq!(flags(event.deviations), "");
        let event = kept(version, "OpenPeriodicEventStream", r#"{"vendorThing":1}"#);
        assert_eq!(flags(event.deviations), "field_missing,field_unknown");
        assert_eq!(answered_to(version, "OpenPeriodicEventStream", good), r#"{"status":"Accepted"}"#);
    }
}
