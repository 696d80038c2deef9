//! Get15118EVCertificate: a vehicle wants a contract certificate (M01, 1.21). What it sends may name its contract, and
//! is sealed in the log.

use rust_ocpp::v2_0_1::enumerations::iso15118ev_certificate_status_enum_type::Iso15118EVCertificateStatusEnumType;
use rust_ocpp::v2_0_1::messages::get_15118ev_certificate::Get15118EVCertificateResponse;

use crate::ocpp::answer::{Answering, Payload, not_enabled, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { schema: Raw<'a> = "iso15118SchemaVersion", action: Raw<'a> = "action", exi: Raw<'a> = "exiRequest" }
    known ["maximumContractCertificateChains", "prioritizedEMAIDs"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.schema, request.action, request.exi]);
    message.keep(&["exiRequest", "prioritizedEMAIDs"]);
    Ok(())
}

pub(super) fn answer(_: &Answering<'_>) -> Payload {
    written(&Get15118EVCertificateResponse {
        status: Iso15118EVCertificateStatusEnumType::Failed,
        // The schema requires it.
        exi_response: String::new(),
        status_info: not_enabled("no contract certificates are provided"),
    })
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn what_a_vehicle_sends_is_kept_sealed() {
        for version in [V201, V21] {
            let good = r#"{"iso15118SchemaVersion":"urn:x","action":"Install","exiRequest":"gJg="}"#;
            let event = kept(version, "Get15118EVCertificate", good);
            assert_eq!(flags(event.deviations), "");
            assert!(event.payload.is_some_and(|kept| kept.contains("sealed:") && !kept.contains("gJg=")));
            let event = kept(version, "Get15118EVCertificate", r#"{"vendorThing":1}"#);
            assert_eq!(flags(event.deviations), "field_missing,field_unknown");
            assert_eq!(
                answered_to(version, "Get15118EVCertificate", good),
                r#"{"status":"Failed","exiResponse":"","statusInfo":{"reasonCode":"NotEnabled","additionalInfo":"no contract certificates are provided"}}"#
            );
        }
    }
}
