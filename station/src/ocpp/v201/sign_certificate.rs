//! SignCertificate: the station wants a certificate (A02, 1.62). No certificate authority is configured here.

use rust_ocpp::v2_0_1::enumerations::generic_status_enum_type::GenericStatusEnumType;
use rust_ocpp::v2_0_1::messages::sign_certificate::SignCertificateResponse;

use crate::ocpp::answer::{Answering, Payload, not_enabled, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { csr: Raw<'a> = "csr" }
    known ["certificateType", "hashRootCertificate", "requestId"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.csr]);
    message.keep(&[]);
    Ok(())
}

pub(super) fn answer(_: &Answering<'_>) -> Payload {
    written(&SignCertificateResponse {
        status: GenericStatusEnumType::Rejected,
        status_info: not_enabled("no certificate authority is configured"),
    })
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn requests_for_certificates_are_kept_and_rejected() {
        for version in [V201, V21] {
            let good = r#"{"csr":"-----BEGIN","certificateType":"ChargingStationCertificate"}"#;
            let event = kept(version, "SignCertificate", good);
            assert_eq!(flags(event.deviations), "");
            let event = kept(version, "SignCertificate", r#"{"vendorThing":1}"#);
            assert_eq!(flags(event.deviations), "field_missing,field_unknown");
            assert_eq!(
                answered_to(version, "SignCertificate", good),
                r#"{"status":"Rejected","statusInfo":{"reasonCode":"NotEnabled","additionalInfo":"no certificate authority is configured"}}"#
            );
        }
    }
}
