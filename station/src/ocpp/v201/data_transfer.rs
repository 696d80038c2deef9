//! DataTransfer: a vendor's own message (P02, 1.16). Its data may be any JSON.

use rust_ocpp::v2_0_1::enumerations::data_transfer_status_enum_type::DataTransferStatusEnumType;
use rust_ocpp::v2_0_1::messages::datatransfer::DataTransferResponse;

use crate::event::EventKind;
use crate::ocpp::answer::{Answering, Payload, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { vendor_id: Raw<'a> = "vendorId", message_id: Raw<'a> = "messageId", data: Raw<'a> = "data" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    if request.vendor_id.is_none() {
        message.missing();
    }
    let odd = &mut message.odd;
    let vendor_id = request.vendor_id.limited(255, odd).unwrap_or_default();
    let name = request.message_id.limited(50, odd);
    let data = request.data.json().map(|json| {
        let text = serde_json::from_str::<String>(json);
        message.sealed_text(text.as_deref().unwrap_or(json))
    });
    message.emit(EventKind::DataTransferred { vendor_id, message: name, data });
    Ok(())
}

pub(super) fn answer(_: &Answering<'_>) -> Payload {
    written(&DataTransferResponse {
        status: DataTransferStatusEnumType::UnknownVendorId,
        data: None,
        status_info: None,
    })
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::ocpp::Version::V201;
    use crate::ocpp::testing::{answered, flags, one};

    #[test]
    fn data_may_be_anything() {
        for (data, expected) in [
            (r#""text""#, "text"),
            ("17", "17"),
            (r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#""{\"a\":1}""#, r#"{"a":1}"#),
        ] {
            let event = one(V201, "DataTransfer", &format!(r#"{{"vendorId":"com.acme","data":{data}}}"#));
            let EventKind::DataTransferred { data: found, .. } = &event.kind else { panic!("{event:?}") };
            assert_eq!(found.as_deref(), Some(expected));
            assert_eq!(flags(event.deviations), "");
        }
        assert_eq!(answered(V201, "DataTransfer", &[]), r#"{"status":"UnknownVendorId"}"#);
    }
}
