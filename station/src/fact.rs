//! Rows, before they are rows: what the fold finds, in the columns of the store's tables.
//!
//! The store turns each into one line of one table. Field names are column names.

use uuid::Uuid;

use crate::event::Severity;
use crate::id::{EventId, SessionId};
use crate::time::Timestamp;

/// What the fact tables have in common.
#[derive(Clone, PartialEq, Debug)]
pub struct Key {
    /// Designated timestamp.
    pub ts: Timestamp,
    /// The event that it follows from.
    pub event_id: EventId,
    /// The row's number in the event, from 0, counted over all tables.
    pub n: i32,
    /// Whose.
    pub station: String,
    /// Where, if the station is registered with a site.
    pub site: Option<String>,
    /// EVSE, if the protocol has it.
    pub evse: Option<i32>,
    /// Connector; 0 is the station as a whole.
    pub connector: Option<i32>,
    /// What the station's clock said.
    pub station_ts: Option<Timestamp>,
    /// When it was journaled.
    pub received_at: Timestamp,
    /// Tolerated deviations, comma-separated.
    pub flags: Option<String>,
}

/// One row for one table.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub enum Fact {
    StationReport(Key, StationReport),
    Connection(Key, Connection),
    ConnectorStatus(Key, ConnectorStatusRow),
    MeterValue(Key, MeterValue),
    MeterValueOther(Key, MeterValueOther),
    Session(Box<SessionRow>),
    Event(Key, LogEntry),
    Command(Key, Box<CommandRow>),
    Rejected(Key, Rejected),
    Setting(Key, Box<crate::setting::SettingChange>),
}

/// `station_reports`
#[derive(Clone, PartialEq, Debug, Default)]
#[allow(missing_docs)]
pub struct StationReport {
    pub protocol: &'static str,
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub serial: Option<String>,
    pub firmware: Option<String>,
    pub boot_reason: Option<String>,
}

/// `connections`
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct Connection {
    pub gateway: String,
    pub epoch: Uuid,
    /// `connected` or `disconnected`.
    pub state: &'static str,
    pub protocol: &'static str,
    pub reason: Option<String>,
    pub remote: Option<String>,
}

/// `connector_status`
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct ConnectorStatusRow {
    pub status: &'static str,
    pub error_code: Option<String>,
    pub vendor_error_code: Option<String>,
    pub vendor_id: Option<String>,
    pub info: Option<String>,
}

/// `meter_values`: one row a sample, phase, location and context.
#[derive(Clone, PartialEq, Debug, Default)]
#[allow(missing_docs)]
pub struct MeterValue {
    pub session_id: Option<SessionId>,
    pub context: String,
    pub location: String,
    pub phase: Option<String>,
    pub power_w: Option<f64>,
    pub energy_wh: Option<f64>,
    pub current_a: Option<f64>,
    pub voltage_v: Option<f64>,
    pub soc_ratio: Option<f64>,
    pub temperature_c: Option<f64>,
    pub power_offered_w: Option<f64>,
    pub current_offered_a: Option<f64>,
    pub frequency_hz: Option<f64>,
}

/// `meter_values_other`: the rest of the measurands.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct MeterValueOther {
    pub session_id: Option<SessionId>,
    pub context: String,
    pub location: String,
    pub phase: Option<String>,
    pub measurand: String,
    pub value: Option<f64>,
    pub value_text: Option<String>,
    pub unit: String,
}

/// `sessions`: one row a session, replaced as a whole by its next revision.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct SessionRow {
    pub ts: Timestamp,
    pub session_id: SessionId,
    pub station: String,
    pub site: Option<String>,
    pub evse: Option<i32>,
    pub connector: Option<i32>,
    pub transaction_id: Option<String>,
    pub token_hash: Option<String>,
    pub vehicle_model: Option<String>,
    pub user_type: Option<String>,
    pub charger_type: Option<String>,
    /// `open` or `ended`.
    pub state: &'static str,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub duration_s: f64,
    pub charging_s: Option<f64>,
    pub idle_s: Option<f64>,
    pub energy_wh: Option<f64>,
    pub meter_start_wh: Option<f64>,
    pub meter_stop_wh: Option<f64>,
    pub max_power_w: Option<f64>,
    pub mean_power_w: Option<f64>,
    pub soc_start_ratio: Option<f64>,
    pub soc_end_ratio: Option<f64>,
    pub battery_wh: Option<f64>,
    pub temperature_c: Option<f64>,
    /// In the currency's main unit, rounded to its minor units.
    pub cost: Option<f64>,
    pub currency: Option<String>,
    pub tariff: Option<String>,
    pub tariff_revision: Option<i64>,
    pub stop_reason: Option<String>,
    /// Its end was inferred.
    pub inferred: bool,
    /// Its start was never seen.
    pub partial: bool,
    /// Counts corrections, from 0.
    pub revision: i32,
    /// How many rows of `meter_values` belong to it.
    pub samples: i32,
    pub source: &'static str,
    /// When its first event was journaled.
    pub received_at: Timestamp,
    /// When the event was journaled that this revision follows from.
    pub updated_at: Timestamp,
    pub flags: Option<String>,
}

/// `events`: the searchable log.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct LogEntry {
    pub r#type: &'static str,
    pub severity: Severity,
    pub text: String,
    pub payload: Option<String>,
    pub source: &'static str,
}

/// `commands`: each step of a command.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct CommandRow {
    pub command_id: Uuid,
    pub command: String,
    /// [`crate::command::CommandState::label`]
    pub state: &'static str,
    /// The OCPP action that was sent.
    pub message: Option<String>,
    /// The way the step came.
    pub source: &'static str,
    pub author: String,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// The station's word, or its error's code.
    pub status: Option<String>,
    pub detail: Option<String>,
    /// It was answered after it had been given up.
    pub late: bool,
    /// What was asked, sent or answered in this step; tokens sealed.
    pub payload: Option<String>,
}

/// `rejected`
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct Rejected {
    pub source: &'static str,
    pub reason: &'static str,
    pub detail: String,
    pub origin: String,
    pub payload: Option<String>,
}

/// `station_now`: the state of a station as of its last event.
#[derive(Clone, PartialEq, Debug, Default)]
#[allow(missing_docs)]
pub struct StationNow {
    pub station: String,
    pub site: Option<String>,
    pub connected: bool,
    pub gateway: Option<String>,
    pub epoch: Option<Uuid>,
    pub protocol: Option<&'static str>,
    /// `available`, `occupied`, `charging`, `reserved`, `unavailable`, `faulted` or `unknown`: the worst or busiest
    /// of its connectors.
    pub state: &'static str,
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub firmware: Option<String>,
    pub connectors: i32,
    pub connectors_faulted: i32,
    pub active_sessions: i32,
    pub power_w: f64,
    pub sessions_count: i64,
    pub energy_wh: f64,
    pub connected_at: Option<Timestamp>,
    pub last_seen_at: Timestamp,
    pub updated_at: Timestamp,
}

/// `connector_now`
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct ConnectorNow {
    pub station: String,
    pub site: Option<String>,
    pub evse: i32,
    pub connector: i32,
    pub status: &'static str,
    pub error_code: Option<String>,
    pub vendor_error_code: Option<String>,
    pub since: Timestamp,
    pub updated_at: Timestamp,
}

/// `session_now`: the last session of each connector.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct SessionNow {
    pub station: String,
    pub site: Option<String>,
    pub evse: i32,
    pub connector: i32,
    pub session_id: SessionId,
    pub transaction_id: Option<String>,
    pub token_hash: Option<String>,
    /// `open` or `ended`.
    pub state: &'static str,
    pub started_at: Timestamp,
    pub duration_s: f64,
    pub idle_s: f64,
    pub energy_wh: f64,
    pub power_w: f64,
    pub max_power_w: Option<f64>,
    pub soc_ratio: Option<f64>,
    pub temperature_c: Option<f64>,
    pub cost: Option<f64>,
    pub currency: Option<String>,
    pub samples: i32,
    pub updated_at: Timestamp,
}
