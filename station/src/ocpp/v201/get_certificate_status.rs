//! GetCertificateStatus: is a certificate still good? (M06, 1.25) Nobody is asked here.

use rust_ocpp::v2_0_1::enumerations::get_certificate_status_enum_type::GetCertificateStatusEnumType;
use rust_ocpp::v2_0_1::messages::get_certificate_status::GetCertificateStatusResponse;

use crate::ocpp::answer::{Answering, Payload, not_enabled, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { data: Raw<'a> = "ocspRequestData" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.data]);
    message.keep(&[]);
    Ok(())
}

pub(super) fn answer(_: &Answering<'_>) -> Payload {
    written(&GetCertificateStatusResponse {
        status: GetCertificateStatusEnumType::Failed,
        ocsp_result: None,
        status_info: not_enabled("no OCSP responder is asked"),
    })
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn questions_about_certificates_are_kept() {
        for version in [V201, V21] {
            let good = r#"{"ocspRequestData":{"hashAlgorithm":"SHA256"}}"#;
            let event = kept(version, "GetCertificateStatus", good);
            assert_eq!(flags(event.deviations), "");
            let event = kept(version, "GetCertificateStatus", r#"{"vendorThing":1}"#);
            assert_eq!(flags(event.deviations), "field_missing,field_unknown");
            assert_eq!(
                answered_to(version, "GetCertificateStatus", good),
                r#"{"status":"Failed","statusInfo":{"reasonCode":"NotEnabled","additionalInfo":"no OCSP responder is asked"}}"#
            );
        }
    }
}
