//! What stations say, in the words of this system: one event type for all protocols.

use serde::{Deserialize, Serialize};

use crate::deviation::Deviations;
use crate::id::{EventId, SessionId, StationId};
use crate::key::{KeyChange, KeyHash};
use crate::measurand::Sample;
use crate::secret::Token;
use crate::setting::SettingChange;
use crate::time::Timestamp;

pub use crate::command::{CommandAnswer, CommandEnd, CommandIssue, CommandResult, ListSent, Mark};
pub use crate::connector::ConnectorStatus;

/// One thing that happened at a station, as it is journaled. Everything else (state, rows, metrics) follows from
/// the events of a station in their order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StationEvent {
    /// Given when the event is journaled; nil before.
    pub event_id: EventId,
    /// Whose event.
    pub station: StationId,
    /// OCPP 2.x EVSE number; OCPP 1.6 and MQTT have none.
    pub evse: Option<i32>,
    /// Connector number; 0 is the station as a whole.
    pub connector: Option<i32>,
    /// When it happened, as the station says.
    pub station_ts: Option<Timestamp>,
    /// When it was journaled.
    pub received_at: Timestamp,
    /// The way it came.
    pub source: Source,
    /// The protocol's message id, where it has one.
    pub message_id: Option<String>,
    /// Digest of action and payload and of the event's place in its message: what a resend has in common with the
    /// first. 0 for events that cannot be repeated (made by the gateway).
    pub digest: u64,
    /// What was odd but tolerated.
    pub deviations: Deviations,
    /// The payload for the searchable log, tokens sealed; none for the frequent kinds (meter values, heartbeats).
    pub payload: Option<String>,
    /// What happened.
    pub kind: EventKind,
}

impl StationEvent {
    /// An event with nothing but its station, its way and its kind; the journal gives it its id and its time of
    /// receipt.
    #[must_use]
    pub fn new(station: StationId, source: Source, kind: EventKind) -> Self {
        Self {
            event_id: EventId::default(),
            station,
            evse: None,
            connector: None,
            station_ts: None,
            received_at: Timestamp::default(),
            source,
            message_id: None,
            digest: 0,
            deviations: Deviations::default(),
            payload: None,
            kind,
        }
    }

    /// What was odd about what was said: about the event itself and about its samples.
    #[must_use]
    pub fn said_odd(&self) -> Deviations {
        match &self.kind {
            EventKind::MeterSampled { samples, .. } => {
                samples.iter().fold(self.deviations, |all, sample| all.union(sample.deviations))
            }
            _ => self.deviations,
        }
    }
}

/// The way by which an event came.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Source {
    /// OCPP 1.6 over websocket.
    Ocpp16,
    /// OCPP 2.0.1 over websocket.
    Ocpp201,
    /// OCPP 2.1 over websocket.
    Ocpp21,
    /// An external MQTT broker.
    MqttBroker,
    /// The gateway's own MQTT endpoint.
    MqttEndpoint,
    /// `ampwarden import`.
    Import,
    /// The HTTP API.
    Api,
    /// The gateway itself.
    Gateway,
}

impl Source {
    /// All, in the order of the journal's numbers.
    pub const ALL: [Self; 8] = [
        Self::Ocpp16,
        Self::Ocpp201,
        Self::Ocpp21,
        Self::MqttBroker,
        Self::MqttEndpoint,
        Self::Import,
        Self::Api,
        Self::Gateway,
    ];

    /// The name in rows (`source`) and metric labels (`protocol`).
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Ocpp16 => "ocpp1.6",
            Self::Ocpp201 => "ocpp2.0.1",
            Self::Ocpp21 => "ocpp2.1",
            Self::MqttBroker => "mqtt_broker",
            Self::MqttEndpoint => "mqtt_endpoint",
            Self::Import => "import",
            Self::Api => "api",
            Self::Gateway => "gateway",
        }
    }
}

/// What happened. Events are named in the past tense.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum EventKind {
    /// The station started.
    Booted(Boot),
    /// The station lives.
    Heartbeat,
    /// A connector (or, as connector 0, the station) changed its status.
    StatusChanged(Status),
    /// A token was shown, and the station asks whether it may charge.
    Authorized {
        /// The token that was shown.
        token: Token,
    },
    /// A session began.
    SessionStarted(SessionStart),
    /// Something about a running session changed (OCPP 2.x TransactionEvent Updated).
    SessionUpdated {
        /// The station's transaction id.
        transaction: String,
        /// OCPP 2.x chargingState.
        charging_state: Option<ChargingState>,
        /// The token, where the station says it only now.
        token: Option<Token>,
        /// OCPP 2.x seqNo.
        sequence: Option<i64>,
    },
    /// Meter values were sent.
    MeterSampled {
        /// The transaction that they belong to, as the station says.
        transaction: Option<String>,
        /// In the order in which they were sent.
        samples: Vec<Sample>,
    },
    /// A session ended.
    SessionEnded(SessionEnd),
    /// A whole session at once (CSV rows, MQTT topics like `idc/fc01`).
    SessionRecorded(Box<SessionRecord>),
    /// A fault that is not a connector status (OCPP 2.x NotifyEvent, MQTT `fault`).
    FaultReported(Fault),
    /// Progress of a firmware update or of an upload of diagnostics.
    FirmwareStatus {
        /// The station's word.
        status: String,
    },
    /// Something that matters for security.
    SecurityEvent {
        /// The station's word for it.
        name: String,
        /// More of it.
        info: Option<String>,
    },
    /// A connection was accepted.
    Connected {
        /// The gateway that has it.
        gateway: String,
        /// The gateway's run: a restart begins a new one.
        epoch: uuid::Uuid,
        /// The peer's address without its port.
        remote: String,
    },
    /// A connection ended.
    Disconnected {
        /// The gateway that had it.
        gateway: String,
        /// The gateway's run.
        epoch: uuid::Uuid,
        /// Why (an enum's label, bounded).
        reason: String,
    },
    /// An operator changed a setting.
    SettingChanged(Box<SettingChange>),
    /// A vendor's own message.
    DataTransferred {
        /// Whose.
        vendor_id: String,
        /// Which.
        message: Option<String>,
        /// What.
        data: Option<String>,
    },
    /// A message that could not be understood. It is kept in `rejected`.
    Undecodable {
        /// Which kind of trouble.
        reason: RejectReason,
        /// What was wrong, where, and what to do.
        detail: String,
        /// Topic, URL or file and line.
        origin: String,
    },
    /// An operator asked for a command to the station.
    CommandIssued(Box<CommandIssue>),
    /// A command's message is about to be sent: journaled before it is, so that a crash between never sends it twice.
    CommandSent {
        /// Which; also the message's id.
        command: uuid::Uuid,
        /// The message's action.
        message: String,
        /// What it brings the station's list of tokens to, where it sends one of ours.
        list: Option<Box<ListSent>>,
    },
    /// The station answered a command.
    CommandAnswered(Box<CommandAnswer>),
    /// A command ended without an answer.
    CommandEnded {
        /// Which.
        command: uuid::Uuid,
        /// How.
        end: CommandEnd,
        /// Why, for operators.
        detail: String,
    },
    /// The keys changed by which the station proves who it is.
    KeyChanged(Box<KeyChange>),
    /// A station that nobody registered connected or booted, and waits for an operator.
    Quarantined(Box<Quarantined>),
    /// Time passed while a session was open. Journaled, so that folding needs no clock.
    Tick,
    /// Nothing was heard of a session for too long. Journaled, so that folding needs no clock.
    SessionEndInferred {
        /// Which.
        session_id: SessionId,
    },
}

impl EventKind {
    /// The name in rows (`events.type`) and metric labels.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Booted(_) => "booted",
            Self::Heartbeat => "heartbeat",
            Self::StatusChanged(_) => "status_changed",
            Self::Authorized { .. } => "authorized",
            Self::SessionStarted(_) => "session_started",
            Self::SessionUpdated { .. } => "session_updated",
            Self::MeterSampled { .. } => "meter_sampled",
            Self::SessionEnded(_) => "session_ended",
            Self::SessionRecorded(_) => "session_recorded",
            Self::FaultReported(_) => "fault_reported",
            Self::FirmwareStatus { .. } => "firmware_status",
            Self::SecurityEvent { .. } => "security_event",
            Self::Connected { .. } => "connected",
            Self::Disconnected { .. } => "disconnected",
            Self::SettingChanged(_) => "setting_changed",
            Self::DataTransferred { .. } => "data_transferred",
            Self::Undecodable { .. } => "undecodable",
            Self::CommandIssued(_) => "command_issued",
            Self::CommandSent { .. } => "command_sent",
            Self::CommandAnswered(_) => "command_answered",
            Self::CommandEnded { .. } => "command_ended",
            Self::KeyChanged(_) => "key_changed",
            Self::Quarantined(_) => "quarantined",
            Self::Tick => "tick",
            Self::SessionEndInferred { .. } => "session_end_inferred",
        }
    }
}

/// What a station says of itself when it starts.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Boot {
    /// Maker.
    pub vendor: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Firmware version.
    pub firmware: Option<String>,
    /// OCPP 2.x: why it started.
    pub reason: Option<String>,
}

/// What a station in quarantine showed and said.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Quarantined {
    /// The peer's address without its port.
    pub remote: String,
    /// Hash of the key that it presented.
    pub key: Option<KeyHash>,
    /// It showed a certificate of its own.
    pub certificate: bool,
    /// What it says of itself; none when it only connected.
    pub boot: Option<Boot>,
}

/// A status with its error.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The state.
    pub status: ConnectorStatus,
    /// OCPP 1.6 errorCode; none for `NoError`.
    pub error_code: Option<String>,
    /// The vendor's own code.
    pub vendor_error_code: Option<String>,
    /// Whose.
    pub vendor_id: Option<String>,
    /// More of it.
    pub info: Option<String>,
}

/// The begin of a session.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SessionStart {
    /// The station's transaction id (OCPP 2.x, MQTT). In OCPP 1.6 the fold gives it.
    pub transaction: Option<String>,
    /// Who charges.
    pub token: Option<Token>,
    /// Meter reading, Wh.
    pub meter_start_wh: Option<f64>,
    /// OCPP 2.x chargingState.
    pub charging_state: Option<ChargingState>,
    /// OCPP 2.x seqNo.
    pub sequence: Option<i64>,
}

/// The end of a session.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SessionEnd {
    /// The transaction id, as the station says it.
    pub transaction: Option<String>,
    /// Who stopped it.
    pub token: Option<Token>,
    /// Meter reading, Wh.
    pub meter_stop_wh: Option<f64>,
    /// Why, in OCPP's words ("Local", "EVDisconnected", …).
    pub reason: Option<String>,
    /// OCPP 2.x seqNo.
    pub sequence: Option<i64>,
}

/// OCPP 2.x chargingState.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ChargingState {
    /// Energy flows.
    Charging,
    /// A vehicle is plugged in.
    EvConnected,
    /// The vehicle takes none.
    SuspendedEv,
    /// The station gives none.
    SuspendedEvse,
    /// Nobody is there.
    Idle,
}

/// A whole session at once.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Who charged.
    pub token: Option<Token>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; never before its begin.
    pub ended_at: Timestamp,
    /// Wh.
    pub energy_wh: Option<f64>,
    /// Seconds during which energy flowed, where the record says so.
    pub charging_s: Option<f64>,
    /// W, largest.
    pub max_power_w: Option<f64>,
    /// W, mean.
    pub mean_power_w: Option<f64>,
    /// What the record says it cost; otherwise the tariff says.
    pub cost: Option<rust_decimal::Decimal>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// The place, as the record names it.
    pub site: Option<String>,
    /// Model of the vehicle.
    pub vehicle_model: Option<String>,
    /// Wh that the battery holds.
    pub battery_wh: Option<f64>,
    /// State of charge at the start, 0–1.
    pub soc_start_ratio: Option<f64>,
    /// State of charge at the end, 0–1.
    pub soc_end_ratio: Option<f64>,
    /// Degrees Celsius outside.
    pub temperature_c: Option<f64>,
    /// Metres driven since the last charge.
    pub distance_m: Option<f64>,
    /// Age of the vehicle in years.
    pub vehicle_age_years: Option<f64>,
    /// "Level 2", "DC Fast Charger", …
    pub charger_type: Option<String>,
    /// "Commuter", …
    pub user_type: Option<String>,
    /// Why it ended, where the record says so.
    pub stop_reason: Option<String>,
}

/// A fault that is not a connector status.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// Component and variable, or the station's code.
    pub code: String,
    /// What it says.
    pub text: Option<String>,
    /// Whether it is over.
    pub cleared: bool,
    /// How bad.
    pub severity: Severity,
}

/// How much an event matters to an operator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look at it in working hours.
    Warning,
    /// Look at it now.
    Critical,
}

impl Severity {
    /// The name in rows and labels.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Why something could not be taken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum RejectReason {
    /// Not the protocol's framing (not JSON, not an array, …).
    Malformed,
    /// An action or a kind that the gateway does not know.
    UnknownAction,
    /// A topic that no mapping takes.
    UnknownTopic,
    /// A field is missing or has a type that cannot be read.
    Invalid,
    /// Larger than the limit.
    TooLarge,
    /// The store refused a row for what is in it.
    RefusedByStore,
    /// The fold failed on it (a defect; the event is kept).
    FoldFailed,
}

impl RejectReason {
    /// All, in the order of the journal's numbers.
    pub const ALL: [Self; 7] = [
        Self::Malformed,
        Self::UnknownAction,
        Self::UnknownTopic,
        Self::Invalid,
        Self::TooLarge,
        Self::RefusedByStore,
        Self::FoldFailed,
    ];

    /// The name in rows and metric labels.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownAction => "unknown_action",
            Self::UnknownTopic => "unknown_topic",
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::RefusedByStore => "refused_by_store",
            Self::FoldFailed => "fold_failed",
        }
    }
}
