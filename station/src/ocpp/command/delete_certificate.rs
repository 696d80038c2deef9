//! Have a station trust a certificate no longer.

use rust_ocpp::v2_0_1::datatypes::certificate_hash_data_type::CertificateHashDataType;
use rust_ocpp::v2_0_1::messages::delete_certificate::DeleteCertificateRequest;
use serde::Deserialize;

use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "delete_certificate",
    v16: Some("DeleteCertificate"),
    v2: Some("DeleteCertificate"),
    parameters: "`algorithm`: SHA256, SHA384, SHA512; `issuer_name`, `issuer_key`: hashes; `serial`: as \
                 `get_installed_certificates` gives them",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    algorithm: String,
    issuer_name: String,
    issuer_key: String,
    serial: String,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { algorithm, issuer_name, issuer_key, serial } = rendering.read()?;
    // The same in the security extension of OCPP 1.6.
    let certificate_hash_data = CertificateHashDataType {
        hash_algorithm: rendering.word("algorithm", &algorithm)?,
        issuer_name_hash: rendering.text("issuer_name", issuer_name, 128)?,
        issuer_key_hash: rendering.text("issuer_key", issuer_key, 128)?,
        serial_number: rendering.text("serial", serial, 40)?,
    };
    rendering.message("DeleteCertificate", &DeleteCertificateRequest { certificate_hash_data })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn it_is_named_by_its_hashes() {
        let asked = r#"{"algorithm":"SHA256","issuer_name":"a","issuer_key":"b","serial":"1"}"#;
        for version in [V16, V201] {
            assert_eq!(
                rendered(version, "delete_certificate", asked).1,
                r#"{"certificateHashData":{"hashAlgorithm":"SHA256","issuerKeyHash":"b","issuerNameHash":"a","serialNumber":"1"}}"#
            );
        }
        let other = asked.replace("SHA256", "MD5");
        assert!(refused(V16, "delete_certificate", &other).contains("algorithm: unknown variant"));
    }
}
