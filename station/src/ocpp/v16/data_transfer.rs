//! DataTransfer: a vendor's own message (4.3, 6.17).

use rust_ocpp::v1_6::messages::data_transfer::DataTransferResponse;
use rust_ocpp::v1_6::types::DataTransferStatus;

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
    let data = request.data.text(odd).map(|data| message.sealed_text(&data));
    message.emit(EventKind::DataTransferred { vendor_id, message: name, data });
    Ok(())
}

pub(super) fn answer(_: &Answering<'_>) -> Payload {
    written(&DataTransferResponse { status: DataTransferStatus::UnknownVendorId, data: None })
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::ocpp::Version::V16;
    use crate::ocpp::testing::{answered, flags, one};

    #[test]
    fn vendors_messages_are_kept_with_their_tokens_sealed() {
        let event = one(
            V16,
            "DataTransfer",
            r#"{"vendorId":"com.acme","messageId":"Card","data":"{\"idTag\":\"04A1B2\",\"slot\":1}"}"#,
        );
        let EventKind::DataTransferred { vendor_id, message, data: Some(data) } = &event.kind else {
            panic!("{event:?}")
        };
        assert_eq!((vendor_id.as_str(), message.as_deref()), ("com.acme", Some("Card")));
        assert!(
            data.contains("sealed:") && data.contains("\"slot\":1") && !data.contains("04A1B2"),
            "{data}"
        );
        assert_eq!(event.payload, None, "vendor, message and data are all there is");

        let event = one(V16, "DataTransfer", r#"{"data":{"a":[1]}}"#);
        assert_eq!(flags(event.deviations), "type_mismatch,field_missing");
        let EventKind::DataTransferred { data, .. } = &event.kind else { panic!() };
        assert_eq!(data.as_deref(), Some(r#"{"a":[1]}"#));
        assert_eq!(answered(V16, "DataTransfer", &[]), r#"{"status":"UnknownVendorId"}"#);
    }
}
