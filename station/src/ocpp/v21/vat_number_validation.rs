//! VatNumberValidation: does this tax number exist? (C22) Nobody is asked here; the number is sealed in the log.

use rust_ocpp::v2_0_1::datatypes::status_info_type::StatusInfoType;
use serde::Serialize;

use crate::deviation::Deviations;
use crate::ocpp::answer::{Answering, Payload, not_enabled, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { number: Raw<'a> = "vatNumber", evse: Raw<'a> = "evseId" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.number]);
    let evse = request.evse.small("evseId", &mut message.odd)?;
    message.keep(&["vatNumber"]).evse = evse;
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    vat_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    evse_id: Option<i32>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_info: Option<StatusInfoType>,
}

pub(super) fn answer(answering: &Answering<'_>) -> Payload {
    let request: Request<'_> = answering.request()?;
    let odd = &mut Deviations::default();
    written(&Response {
        vat_number: request.number.text(odd).unwrap_or_default().into_owned(),
        evse_id: request.evse.small("evseId", odd).ok().flatten(),
        status: "Rejected",
        status_info: not_enabled("tax numbers are not looked up"),
    })
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V21;
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn the_number_is_given_back_and_kept_sealed() {
        let version = V21;
        let good = r#"{"vatNumber":"DE123456789","evseId":2}"#;
        let event = kept(version, "VatNumberValidation", good);
        assert_eq!(flags(event.deviations), "");
        assert_eq!(event.evse, Some(2));
        assert!(event.payload.is_some_and(|kept| kept.contains("sealed:") && !kept.contains("DE1234")));
        let event = kept(version, "VatNumberValidation", r#"{"vendorThing":1}"#);
        assert_eq!(flags(event.deviations), "field_missing,field_unknown");
        assert_eq!(
            answered_to(version, "VatNumberValidation", good),
            r#"{"vatNumber":"DE123456789","evseId":2,"status":"Rejected","statusInfo":{"reasonCode":"NotEnabled","additionalInfo":"tax numbers are not looked up"}}"#
        );
    }
}
