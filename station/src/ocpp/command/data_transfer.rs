//! A vendor's own message.

use rust_ocpp::v1_6::messages::data_transfer as v16;
use rust_ocpp::v2_0_1::messages::datatransfer as v201;
use serde::Deserialize;

use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "data_transfer",
    v16: Some("DataTransfer"),
    v2: Some("DataTransfer"),
    parameters: "`vendor`; `message`, `data`: a text",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    vendor: String,
    message: Option<String>,
    data: Option<String>,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { vendor, message, data } = rendering.read()?;
    let vendor = rendering.text("vendor", vendor, 255)?;
    let message_id = message.map(|message| rendering.text("message", message, 50)).transpose()?;
    if rendering.is_16() {
        let request = v16::DataTransferRequest { vendor_string: vendor, message_id, data };
        return rendering.message("DataTransfer", &request);
    }
    rendering.message("DataTransfer", &v201::DataTransferRequest { message_id, data, vendor_id: vendor })
}

#[cfg(test)]
mod tests {
    use super::super::testing::rendered;
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn whatever_the_vendor_wants() {
        for version in [V16, V201] {
            assert_eq!(
                rendered(version, "data_transfer", r#"{"vendor":"org.x","message":"m","data":"{}"}"#).1,
                r#"{"data":"{}","messageId":"m","vendorId":"org.x"}"#
            );
        }
    }
}
