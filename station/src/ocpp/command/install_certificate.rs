//! Give a station a root certificate to trust.

use rust_ocpp::v2_0_1::messages::install_certificate::InstallCertificateRequest;
use serde::Deserialize;
use serde_json::json;

use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "install_certificate",
    v16: Some("InstallCertificate"),
    v2: Some("InstallCertificate"),
    parameters: "`type`: CSMSRootCertificate (1.6: CentralSystemRootCertificate), ManufacturerRootCertificate, \
                 V2GRootCertificate (2.x), MORootCertificate (2.x); `certificate`: PEM",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    r#type: String,
    certificate: String,
}

/// The longest certificate (5500 characters in all versions).
const CERTIFICATE_CHARS: usize = 5500;

/// A use of certificates in the words of OCPP 1.6's security extension.
pub(super) fn use_16(rendering: &Rendering<'_>, word: &str) -> Result<&'static str, CommandError> {
    match word {
        "CentralSystemRootCertificate" | "CSMSRootCertificate" => Ok("CentralSystemRootCertificate"),
        "ManufacturerRootCertificate" => Ok("ManufacturerRootCertificate"),
        _ => rendering.wrong(format!(
            "type: ocpp1.6 knows CentralSystemRootCertificate and ManufacturerRootCertificate, not \"{word}\""
        )),
    }
}

/// The same in the words of OCPP 2.x.
pub(super) fn use_2(word: &str) -> &str {
    if word == "CentralSystemRootCertificate" { "CSMSRootCertificate" } else { word }
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { r#type, certificate } = rendering.read()?;
    let certificate = rendering.text("certificate", certificate, CERTIFICATE_CHARS)?;
    if !certificate.contains("-----BEGIN CERTIFICATE-----") {
        return rendering.wrong("certificate: it must be PEM, with -----BEGIN CERTIFICATE-----");
    }
    if rendering.is_16() {
        let certificate_type = use_16(rendering, &r#type)?;
        return rendering.message(
            "InstallCertificate",
            &json!({ "certificateType": certificate_type, "certificate": certificate }),
        );
    }
    let certificate_type = rendering.word("type", use_2(&r#type))?;
    rendering.message("InstallCertificate", &InstallCertificateRequest { certificate_type, certificate })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn the_use_is_in_the_versions_words() {
        let asked = r#"{"type":"CSMSRootCertificate","certificate":"-----BEGIN CERTIFICATE-----"}"#;
        assert_eq!(
            rendered(V16, "install_certificate", asked).1,
            r#"{"certificate":"-----BEGIN CERTIFICATE-----","certificateType":"CentralSystemRootCertificate"}"#
        );
        assert_eq!(
            rendered(V201, "install_certificate", asked).1,
            r#"{"certificate":"-----BEGIN CERTIFICATE-----","certificateType":"CSMSRootCertificate"}"#
        );
        let other = asked.replace("CSMS", "V2G");
        assert!(refused(V16, "install_certificate", &other).contains("V2GRootCertificate"));
        let no_pem = r#"{"type":"CSMSRootCertificate","certificate":"x"}"#;
        assert!(refused(V201, "install_certificate", no_pem).contains("must be PEM"));
    }
}
