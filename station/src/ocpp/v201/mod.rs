//! OCPP 2.0.1, and 2.1, whose messages are the same with more fields: one file an action (part 2, chapter 1).

mod authorize;
mod boot_notification;
mod data_transfer;
mod firmware_status_notification;
mod heartbeat;
mod id_token;
mod log_status_notification;
mod meter_values;
mod notify_event;
mod report;
mod security_event_notification;
mod status_notification;
mod transaction_event;

use super::action::Action;
use super::answer::empty;
use super::lenient::{Raw, define};

define! {
    /// EVSEType.
    Evse { id: Raw<'a> = "id", connector: Raw<'a> = "connectorId" }
}

const REPORT: &str = "`data_transferred` with vendor `OCPP`: kept in the log, not interpreted";

/// What a station may send.
pub(super) const ACTIONS: &[Action] = &[
    Action::taken(
        "BootNotification",
        "`booted`, and a row in `station_reports`",
        "`Accepted`, the time, the heartbeat interval",
        boot_notification::decode,
        boot_notification::answer,
    ),
    Action::taken("Heartbeat", "`heartbeat`", "the time", heartbeat::decode, heartbeat::answer),
    Action::taken(
        "Authorize",
        "`authorized`",
        "`idTokenInfo` with what the token settings say",
        authorize::decode,
        authorize::answer,
    ),
    Action::taken(
        "StatusNotification",
        "`status_changed`, a row in `connector_status`",
        "`{}`",
        status_notification::decode,
        empty,
    ),
    Action::taken(
        "TransactionEvent",
        "Started: `session_started`, `meter_sampled`; Updated: `session_updated`, `meter_sampled`; \
         Ended: `meter_sampled`, `session_ended`",
        "`idTokenInfo`, where it names a token; else `{}`",
        transaction_event::decode,
        transaction_event::answer,
    ),
    Action::taken(
        "MeterValues",
        "`meter_sampled`, rows in `meter_values` and `meter_values_other`",
        "`{}`",
        meter_values::decode,
        empty,
    ),
    Action::taken(
        "NotifyEvent",
        "`fault_reported` for each of its events; `status_changed` where the variable is AvailabilityState",
        "`{}`",
        notify_event::decode,
        empty,
    ),
    Action::taken(
        "DataTransfer",
        "`data_transferred`",
        "`UnknownVendorId`: it is kept, but nothing here implements a vendor's messages",
        data_transfer::decode,
        data_transfer::answer,
    ),
    Action::taken(
        "FirmwareStatusNotification",
        "`firmware_status`",
        "`{}`",
        firmware_status_notification::decode,
        empty,
    ),
    Action::taken(
        "PublishFirmwareStatusNotification",
        "`firmware_status`",
        "`{}`",
        firmware_status_notification::decode,
        empty,
    ),
    Action::taken(
        "LogStatusNotification",
        "`firmware_status`, with `Log` before the word",
        "`{}`",
        log_status_notification::decode,
        empty,
    ),
    Action::taken(
        "SecurityEventNotification",
        "`security_event`",
        "`{}`",
        security_event_notification::decode,
        empty,
    ),
    Action::taken("NotifyReport", REPORT, "`{}`", report::decode, empty),
    Action::taken("NotifyMonitoringReport", REPORT, "`{}`", report::decode, empty),
    Action::taken("NotifyChargingLimit", REPORT, "`{}`", report::decode, empty),
    Action::taken("ClearedChargingLimit", REPORT, "`{}`", report::decode, empty),
    Action::taken("ReportChargingProfiles", REPORT, "`{}`", report::decode, empty),
    Action::taken("ReservationStatusUpdate", REPORT, "`{}`", report::decode, empty),
    Action::taken("NotifyDisplayMessages", REPORT, "`{}`", report::decode, empty),
    Action::unsupported("NotifyCustomerInformation"),
    Action::unsupported("NotifyEVChargingNeeds"),
    Action::unsupported("NotifyEVChargingSchedule"),
    Action::unsupported("SignCertificate"),
    Action::unsupported("Get15118EVCertificate"),
    Action::unsupported("GetCertificateStatus"),
];
