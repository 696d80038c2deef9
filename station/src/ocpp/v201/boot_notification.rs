//! BootNotification: the station started (B01, 1.8).

use rust_ocpp::v2_0_1::enumerations::registration_status_enum_type::RegistrationStatusEnumType;
use rust_ocpp::v2_0_1::messages::boot_notification::BootNotificationResponse;

use crate::deviation::Deviation;
use crate::event::{Boot, EventKind};
use crate::ocpp::answer::{Answering, Payload, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Object, Raw, define};
use crate::ocpp::message::Message;

define! { Request { reason: Raw<'a> = "reason", station: Raw<'a> = "chargingStation" } }

define! {
    ChargingStation {
        vendor: Raw<'a> = "vendorName",
        model: Raw<'a> = "model",
        serial: Raw<'a> = "serialNumber",
        firmware: Raw<'a> = "firmwareVersion",
    }
    known ["modem"]
}

/// BootReasonEnumType.
const REASONS: [&str; 9] = [
    "ApplicationReset",
    "FirmwareUpdate",
    "LocalReset",
    "PowerUp",
    "RemoteReset",
    "ScheduledReset",
    "Triggered",
    "Unknown",
    "Watchdog",
];

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    let station: ChargingStation<'_> = request.station.object("chargingStation")?;
    request.flag_unknown(&mut message.odd);
    station.flag_unknown(&mut message.odd);
    if request.reason.is_none() || station.vendor.is_none() || station.model.is_none() {
        message.missing();
    }
    let odd = &mut message.odd;
    let reason = request.reason.limited(20, odd);
    if reason.as_deref().is_some_and(|reason| !REASONS.contains(&reason)) {
        odd.add(Deviation::VendorWord);
    }
    let boot = Boot {
        vendor: station.vendor.limited(50, odd),
        model: station.model.limited(20, odd),
        serial: station.serial.limited(25, odd),
        firmware: station.firmware.limited(50, odd),
        reason,
    };
    let payload = message.payload_for_log("");
    message.emit(EventKind::Booted(boot)).payload = payload;
    Ok(())
}

pub(super) fn answer(answering: &Answering<'_>) -> Payload {
    written(&BootNotificationResponse {
        current_time: answering.time(),
        // The type says u16; longer intervals than 18 hours are none.
        interval: u16::try_from(answering.heartbeat_interval_s).unwrap_or(u16::MAX),
        status: if answering.pending {
            RegistrationStatusEnumType::Pending
        } else {
            RegistrationStatusEnumType::Accepted
        },
        status_info: None,
    })
}

#[cfg(test)]
mod tests {
    use crate::event::{Boot, EventKind};
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{answered, flags, one, refused};

    #[test]
    fn what_stations_say_of_themselves() {
        let text = |text: &str| Some(text.to_owned());
        for version in [V201, V21] {
            for (payload, boot, odd) in [
                (
                    r#"{"reason":"PowerUp","chargingStation":{"vendorName":"Acme","model":"X1","serialNumber":"7",
                        "firmwareVersion":"1.2","modem":{"iccid":"1"},"customData":{"vendorId":"Acme"}}}"#,
                    Boot {
                        vendor: text("Acme"),
                        model: text("X1"),
                        serial: text("7"),
                        firmware: text("1.2"),
                        reason: text("PowerUp"),
                    },
                    "",
                ),
                (
                    r#"{"reason":"Thunder","chargingStation":{"vendorName":"Acme","model":2}}"#,
                    Boot {
                        vendor: text("Acme"),
                        model: text("2"),
                        reason: text("Thunder"),
                        ..Boot::default()
                    },
                    "type_mismatch,vendor_word",
                ),
                ("{}", Boot::default(), "field_missing"),
            ] {
                let event = one(version, "BootNotification", payload);
                assert_eq!(event.kind, EventKind::Booted(boot), "{payload}");
                assert_eq!(flags(event.deviations), odd, "{payload}");
            }
        }
        assert_eq!(
            refused(V201, "BootNotification", r#"{"chargingStation":"Acme"}"#).0,
            "TypeConstraintViolation"
        );
        assert_eq!(
            answered(V201, "BootNotification", &[]),
            r#"{"currentTime":"2023-11-14T22:13:20.123Z","interval":300,"status":"Accepted"}"#
        );
    }
}
