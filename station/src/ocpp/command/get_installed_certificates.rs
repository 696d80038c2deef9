//! Ask which certificates a station trusts.

use rust_ocpp::v2_0_1::messages::get_installed_certificate_ids::GetInstalledCertificateIdsRequest;
use serde::Deserialize;
use serde_json::json;

use super::install_certificate::{use_2, use_16};
use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "get_installed_certificates",
    v16: Some("GetInstalledCertificateIds"),
    v2: Some("GetInstalledCertificateIds"),
    parameters: "`type`: as for `install_certificate`, 2.x also V2GCertificateChain (2.x without: all)",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    r#type: Option<String>,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { r#type } = rendering.read()?;
    if rendering.is_16() {
        let Some(word) = r#type else { return rendering.wrong("type: ocpp1.6 wants one") };
        let certificate_type = use_16(rendering, &word)?;
        return rendering
            .message("GetInstalledCertificateIds", &json!({ "certificateType": certificate_type }));
    }
    let certificate_type = match &r#type {
        None => None,
        Some(word) => Some(vec![rendering.word("type", use_2(word))?]),
    };
    rendering.message("GetInstalledCertificateIds", &GetInstalledCertificateIdsRequest { certificate_type })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn of_one_use_or_of_all() {
        let asked = r#"{"type":"ManufacturerRootCertificate"}"#;
        assert_eq!(
            rendered(V16, "get_installed_certificates", asked).1,
            r#"{"certificateType":"ManufacturerRootCertificate"}"#
        );
        assert_eq!(
            rendered(V201, "get_installed_certificates", asked).1,
            r#"{"certificateType":["ManufacturerRootCertificate"]}"#
        );
        assert_eq!(rendered(V201, "get_installed_certificates", "{}").1, "{}");
        assert!(refused(V16, "get_installed_certificates", "{}").contains("wants one"));
    }
}
