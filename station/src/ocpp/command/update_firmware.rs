//! Have a station install new firmware.

use rust_ocpp::v1_6::messages::update_firmware as v16;
use rust_ocpp::v2_0_1::datatypes::firmware_type::FirmwareType;
use rust_ocpp::v2_0_1::messages::update_firmware as v201;
use serde::Deserialize;
use serde_json::json;

use super::request::{Rendering, time};
use super::{CommandError, Kind, Message};
use crate::time::Timestamp;

pub(super) const KIND: Kind = Kind {
    name: "update_firmware",
    v16: Some("UpdateFirmware; SignedUpdateFirmware with `signature`"),
    v2: Some("UpdateFirmware"),
    parameters: "`location`, `retrieve_at`; `install_at`, `signing_certificate`, `signature`, `retries`, \
                 `retry_interval_s`",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    location: String,
    retrieve_at: Timestamp,
    install_at: Option<Timestamp>,
    signing_certificate: Option<String>,
    signature: Option<String>,
    retries: Option<i32>,
    retry_interval_s: Option<i32>,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters {
        location,
        retrieve_at,
        install_at,
        signing_certificate,
        signature,
        retries,
        retry_interval_s,
    } = rendering.read()?;
    let location = rendering.text("location", location, 512)?;
    let signed = signature.is_some() || signing_certificate.is_some();
    if signed && (signature.is_none() || signing_certificate.is_none()) {
        return rendering.wrong("signature and signing_certificate go together");
    }
    let firmware = FirmwareType {
        location,
        retrieve_date_time: time(retrieve_at),
        install_date_time: install_at.map(time),
        signing_certificate,
        signature,
    };
    if rendering.is_16() && !signed {
        if install_at.is_some() {
            return rendering.wrong("install_at: ocpp1.6 knows it only with a signature");
        }
        let request = v16::UpdateFirmwareRequest {
            location: firmware.location,
            retries,
            retrieve_date: time(retrieve_at),
            retry_interval: retry_interval_s,
        };
        return rendering.message("UpdateFirmware", &request);
    }
    let request = v201::UpdateFirmwareRequest {
        retries,
        retry_interval: retry_interval_s,
        request_id: rendering.number,
        firmware,
    };
    if rendering.is_16() {
        // The security extension took this message over from OCPP 2.0, but for its name.
        return rendering.message("SignedUpdateFirmware", &json!(request));
    }
    rendering.message("UpdateFirmware", &request)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn signed_or_not() {
        let plain = r#"{"location":"https://x/fw","retrieve_at":"2026-05-01T00:00:00Z","retries":2}"#;
        assert_eq!(
            rendered(V16, "update_firmware", plain),
            (
                "UpdateFirmware",
                r#"{"location":"https://x/fw","retries":2,"retrieveDate":"2026-05-01T00:00:00Z"}"#.into()
            )
        );
        assert_eq!(
            rendered(V201, "update_firmware", plain).1,
            r#"{"firmware":{"location":"https://x/fw","retrieveDateTime":"2026-05-01T00:00:00.000Z"},"requestId":7,"retries":2}"#
        );
        let signed = plain.replace('}', r#","signature":"s","signing_certificate":"c"}"#);
        assert_eq!(
            rendered(V16, "update_firmware", &signed),
            (
                "SignedUpdateFirmware",
                r#"{"firmware":{"location":"https://x/fw","retrieveDateTime":"2026-05-01T00:00:00.000Z","signature":"s","signingCertificate":"c"},"requestId":7,"retries":2}"#
                    .into()
            )
        );
        let half = plain.replace('}', r#","signature":"s"}"#);
        assert!(refused(V16, "update_firmware", &half).contains("go together"));
    }
}
