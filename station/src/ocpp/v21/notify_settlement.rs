//! NotifySettlement: a payment at the station was settled (C21). Who paid is sealed in the log.

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { psp: Raw<'a> = "pspRef", status: Raw<'a> = "status", amount: Raw<'a> = "settlementAmount", time: Raw<'a> = "settlementTime" }
    known ["transactionId", "statusInfo", "receiptId", "receiptUrl", "vatCompany", "vatNumber"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.psp, request.status, request.amount]);
    let station_ts = request.time.required_time(&mut message.odd);
    message.keep(&["vatCompany", "vatNumber"]).station_ts = station_ts;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V21;
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn payments_are_kept_and_who_paid_is_sealed() {
        let version = V21;
        let good = r#"{"pspRef":"p","status":"Settled","settlementAmount":7.5,"settlementTime":"2023-11-14T22:13:20Z","vatNumber":"DE123","vatCompany":{"name":"Doe"}}"#;
        let event = kept(version, "NotifySettlement", good);
        assert_eq!(flags(event.deviations), "");
        assert!(event.station_ts.is_some());
        let kept_payload = event.payload.unwrap_or_default();
        assert!(!kept_payload.contains("DE123") && !kept_payload.contains("Doe"), "{kept_payload}");
        assert!(kept_payload.contains("\"settlementAmount\":7.5"), "{kept_payload}");
        let event = kept(version, "NotifySettlement", r#"{"vendorThing":1}"#);
        assert_eq!(flags(event.deviations), "timestamp_missing,field_missing,field_unknown");
        assert_eq!(answered_to(version, "NotifySettlement", good), "{}");
    }
}
