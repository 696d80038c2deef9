//! NotifyCustomerInformation: what the station knows of a customer (N09, 1.38). It is sealed in the log.

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { data: Raw<'a> = "data", seq_no: Raw<'a> = "seqNo", generated_at: Raw<'a> = "generatedAt", request_id: Raw<'a> = "requestId" }
    known ["tbc"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.data, request.seq_no, request.request_id]);
    let station_ts = request.generated_at.required_time(&mut message.odd);
    message.keep(&["data"]).station_ts = station_ts;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn what_is_known_of_a_customer_is_kept_sealed() {
        for version in [V201, V21] {
            let good = r#"{"data":"Jane Doe","seqNo":0,"generatedAt":"2023-11-14T22:13:20Z","requestId":1}"#;
            let event = kept(version, "NotifyCustomerInformation", good);
            assert_eq!(flags(event.deviations), "");
            assert!(event.station_ts.is_some());
            assert!(event.payload.is_some_and(|kept| kept.contains("sealed:") && !kept.contains("Jane")));
            let event = kept(version, "NotifyCustomerInformation", r#"{"vendorThing":1}"#);
            assert_eq!(flags(event.deviations), "timestamp_missing,field_missing,field_unknown");
            assert_eq!(answered_to(version, "NotifyCustomerInformation", good), "{}");
        }
    }
}
