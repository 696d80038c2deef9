//! What OCPP 2.1 adds to 2.0.1, and where it answers otherwise: one file an action (part 2, chapter 1).

mod battery_swap;
mod close_periodic_event_stream;
mod get_certificate_chain_status;
mod notify_der_alarm;
mod notify_der_start_stop;
mod notify_ev_charging_needs;
mod notify_periodic_event_stream;
mod notify_priority_charging;
mod notify_settlement;
mod open_periodic_event_stream;
mod pull_dynamic_schedule_update;
mod report_der_control;
mod vat_number_validation;

use rust_ocpp::v2_0_1::datatypes::status_info_type::StatusInfoType;
use serde::Serialize;

use super::action::{Action, KEPT};
use super::answer::empty;

/// A status and why: `rust-ocpp` as published has no types of 2.1.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_info: Option<StatusInfoType>,
}

/// What a station may send beside the messages of 2.0.1, and instead of them where the name is the same.
pub(super) const ACTIONS: &[Action] = &[
    Action::taken("BatterySwap", KEPT, "`{}`", battery_swap::decode, empty),
    Action::taken("ClosePeriodicEventStream", KEPT, "`{}`", close_periodic_event_stream::decode, empty),
    Action::taken(
        "GetCertificateChainStatus",
        KEPT,
        "`Failed` for each certificate: nobody is asked here",
        get_certificate_chain_status::decode,
        get_certificate_chain_status::answer,
    ),
    Action::taken("NotifyDERAlarm", "`fault_reported`", "`{}`", notify_der_alarm::decode, empty),
    Action::taken("NotifyDERStartStop", KEPT, "`{}`", notify_der_start_stop::decode, empty),
    Action::taken(
        "NotifyEVChargingNeeds",
        KEPT,
        "`NoChargingProfile`: no schedules are made here",
        notify_ev_charging_needs::decode,
        notify_ev_charging_needs::answer,
    ),
    Action::taken(
        "NotifyPeriodicEventStream",
        KEPT,
        "nothing: it comes by SEND",
        notify_periodic_event_stream::decode,
        empty,
    ),
    Action::taken("NotifyPriorityCharging", KEPT, "`{}`", notify_priority_charging::decode, empty),
    Action::taken(
        "NotifySettlement",
        "`data_transferred` with vendor `OCPP`: kept in the log, who paid sealed",
        "`{}`",
        notify_settlement::decode,
        empty,
    ),
    Action::taken(
        "OpenPeriodicEventStream",
        KEPT,
        "`Accepted`: what is streamed is kept",
        open_periodic_event_stream::decode,
        open_periodic_event_stream::answer,
    ),
    Action::taken(
        "PullDynamicScheduleUpdate",
        KEPT,
        "`Rejected`: no dynamic profiles are given here",
        pull_dynamic_schedule_update::decode,
        pull_dynamic_schedule_update::answer,
    ),
    Action::taken("ReportDERControl", KEPT, "`{}`", report_der_control::decode, empty),
    Action::taken(
        "VatNumberValidation",
        "`data_transferred` with vendor `OCPP`: kept in the log, the number sealed",
        "`Rejected`, with the number: nobody is asked here",
        vat_number_validation::decode,
        vat_number_validation::answer,
    ),
];
