//! BootNotification: the station started (4.2, 6.3).

use rust_ocpp::v1_6::messages::boot_notification::BootNotificationResponse;
use rust_ocpp::v1_6::types::RegistrationStatus;

use crate::event::{Boot, EventKind};
use crate::ocpp::answer::{Answering, Payload, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request {
        vendor: Raw<'a> = "chargePointVendor",
        model: Raw<'a> = "chargePointModel",
        serial: Raw<'a> = "chargePointSerialNumber",
        box_serial: Raw<'a> = "chargeBoxSerialNumber",
        firmware: Raw<'a> = "firmwareVersion",
    }
    known ["iccid", "imsi", "meterSerialNumber", "meterType"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    if request.vendor.is_none() || request.model.is_none() {
        message.missing();
    }
    let odd = &mut message.odd;
    let boot = Boot {
        vendor: request.vendor.limited(20, odd),
        model: request.model.limited(20, odd),
        serial: request.serial.limited(25, odd).or_else(|| request.box_serial.limited(25, odd)),
        firmware: request.firmware.limited(50, odd),
        reason: None,
    };
    let payload = message.payload_for_log("");
    message.emit(EventKind::Booted(boot)).payload = payload;
    Ok(())
}

pub(super) fn answer(answering: &Answering<'_>) -> Payload {
    written(&BootNotificationResponse {
        current_time: answering.time(),
        interval: answering.heartbeat_interval_s,
        status: if answering.pending { RegistrationStatus::Pending } else { RegistrationStatus::Accepted },
    })
}

#[cfg(test)]
mod tests {
    use crate::event::{Boot, EventKind};
    use crate::fold::Outcome;
    use crate::ocpp::Version::V16;
    use crate::ocpp::testing::{answered, flags, one};

    #[test]
    fn what_stations_say_of_themselves() {
        let text = |text: &str| Some(text.to_owned());
        for (payload, boot, odd) in [
            (
                r#"{"chargePointVendor":"Acme","chargePointModel":"X1","chargePointSerialNumber":"7",
                    "firmwareVersion":"1.2","iccid":"","meterType":"M"}"#,
                Boot {
                    vendor: text("Acme"),
                    model: text("X1"),
                    serial: text("7"),
                    firmware: text("1.2"),
                    reason: None,
                },
                "",
            ),
            (
                r#"{"chargePointVendor":"Acme","chargePointModel":1,"chargeBoxSerialNumber":7}"#,
                Boot { vendor: text("Acme"), model: text("1"), serial: text("7"), ..Boot::default() },
                "type_mismatch",
            ),
            (r#"{"chargePointModel":"X1"}"#, Boot { model: text("X1"), ..Boot::default() }, "field_missing"),
            (
                r#"{"chargePointVendor":"A vendor with a very long name","chargePointModel":"X1","colour":"red"}"#,
                Boot { vendor: text("A vendor with a very long name"), model: text("X1"), ..Boot::default() },
                "field_unknown,text_too_long",
            ),
            ("null", Boot::default(), "field_missing"),
        ] {
            let event = one(V16, "BootNotification", payload);
            assert_eq!(event.kind, EventKind::Booted(boot), "{payload}");
            assert_eq!(flags(event.deviations), odd, "{payload}");
            assert!(event.payload.is_some());
        }
    }

    #[test]
    fn the_answer_has_milliseconds() {
        assert_eq!(
            answered(V16, "BootNotification", &[Outcome::default()]),
            r#"{"currentTime":"2023-11-14T22:13:20.123Z","interval":300,"status":"Accepted"}"#
        );
    }
}
