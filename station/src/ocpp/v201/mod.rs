//! OCPP 2.0.1, and 2.1, whose messages are the same with more fields: one file an action (part 2, chapter 1).

mod authorize;
mod boot_notification;
mod cleared_charging_limit;
mod data_transfer;
mod firmware_status_notification;
mod get_15118_ev_certificate;
mod get_certificate_status;
mod heartbeat;
mod id_token;
mod log_status_notification;
mod meter_values;
mod notify_charging_limit;
mod notify_customer_information;
mod notify_display_messages;
pub(super) mod notify_ev_charging_needs;
mod notify_ev_charging_schedule;
mod notify_event;
mod notify_monitoring_report;
mod notify_report;
mod report_charging_profiles;
mod reservation_status_update;
mod security_event_notification;
mod sign_certificate;
mod status_notification;
mod transaction_event;

use super::action::{Action, KEPT};
use super::answer::empty;
use super::lenient::{Raw, define};

define! {
    /// EVSEType.
    Evse { id: Raw<'a> = "id", connector: Raw<'a> = "connectorId" }
}

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
    Action::taken("NotifyReport", KEPT, "`{}`", notify_report::decode, empty),
    Action::taken("NotifyMonitoringReport", KEPT, "`{}`", notify_monitoring_report::decode, empty),
    Action::taken("NotifyChargingLimit", KEPT, "`{}`", notify_charging_limit::decode, empty),
    Action::taken("ClearedChargingLimit", KEPT, "`{}`", cleared_charging_limit::decode, empty),
    Action::taken("ReportChargingProfiles", KEPT, "`{}`", report_charging_profiles::decode, empty),
    Action::taken("ReservationStatusUpdate", KEPT, "`{}`", reservation_status_update::decode, empty),
    Action::taken("NotifyDisplayMessages", KEPT, "`{}`", notify_display_messages::decode, empty),
    Action::taken(
        "NotifyCustomerInformation",
        "`data_transferred` with vendor `OCPP`: kept in the log, the data sealed",
        "`{}`",
        notify_customer_information::decode,
        empty,
    ),
    Action::taken(
        "NotifyEVChargingNeeds",
        KEPT,
        "`Rejected`: no schedules are made here",
        notify_ev_charging_needs::decode,
        notify_ev_charging_needs::answer,
    ),
    Action::taken(
        "NotifyEVChargingSchedule",
        KEPT,
        "`Accepted`: it was received, which approves nothing",
        notify_ev_charging_schedule::decode,
        notify_ev_charging_schedule::answer,
    ),
    Action::taken(
        "SignCertificate",
        KEPT,
        "`Rejected`: no certificate authority is configured",
        sign_certificate::decode,
        sign_certificate::answer,
    ),
    Action::taken(
        "Get15118EVCertificate",
        "`data_transferred` with vendor `OCPP`: kept in the log, what the vehicle sent sealed",
        "`Failed`: no contract certificates are provided",
        get_15118_ev_certificate::decode,
        get_15118_ev_certificate::answer,
    ),
    Action::taken(
        "GetCertificateStatus",
        KEPT,
        "`Failed`: nobody is asked here",
        get_certificate_status::decode,
        get_certificate_status::answer,
    ),
];
