//! OCPP 1.6J: one file an action (edition 2, chapters 4 and 6; security whitepaper, edition 3).

mod authorize;
mod boot_notification;
mod data_transfer;
mod diagnostics_status_notification;
mod firmware_status_notification;
mod heartbeat;
mod meter_values;
mod security_event_notification;
mod sign_certificate;
mod start_transaction;
mod status_notification;
mod stop_transaction;

use super::action::{Action, KEPT};
use super::answer::empty;

/// The longest idTag by the book (CiString20Type).
const ID_TAG_CHARS: usize = 20;

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
        "`idTagInfo` with what the token settings say",
        authorize::decode,
        authorize::answer,
    ),
    Action::taken(
        "StartTransaction",
        "`session_started`",
        "the session's transaction id and `idTagInfo`; a repeated one gets the same id",
        start_transaction::decode,
        start_transaction::answer,
    ),
    Action::taken(
        "MeterValues",
        "`meter_sampled`, rows in `meter_values` and `meter_values_other`",
        "`{}`",
        meter_values::decode,
        empty,
    ),
    Action::taken(
        "StopTransaction",
        "`meter_sampled` (its transactionData) and `session_ended`",
        "`idTagInfo`, where it names a token; else `{}`",
        stop_transaction::decode,
        stop_transaction::answer,
    ),
    Action::taken(
        "StatusNotification",
        "`status_changed`, a row in `connector_status`",
        "`{}`",
        status_notification::decode,
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
        "SignedFirmwareStatusNotification",
        "`firmware_status`",
        "`{}`",
        firmware_status_notification::decode,
        empty,
    ),
    Action::taken(
        "DiagnosticsStatusNotification",
        "`firmware_status`, with `Diagnostics` before the word",
        "`{}`",
        diagnostics_status_notification::decode,
        empty,
    ),
    Action::taken(
        "LogStatusNotification",
        "`firmware_status`, with `Log` before the word",
        "`{}`",
        diagnostics_status_notification::decode_log,
        empty,
    ),
    Action::taken(
        "SecurityEventNotification",
        "`security_event`",
        "`{}`",
        security_event_notification::decode,
        empty,
    ),
    Action::taken(
        "SignCertificate",
        KEPT,
        "`Rejected`: no certificate authority is configured",
        sign_certificate::decode,
        sign_certificate::answer,
    ),
];
