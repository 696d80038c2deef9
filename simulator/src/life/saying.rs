//! What a station says, before it is put into a protocol's words.

use station::event::{ConnectorStatus, Severity};
use station::time::Timestamp;
use uuid::Uuid;

use crate::fleet::charge::Reading;
use crate::fleet::label::Label;

/// Something that a station says, or that befalls it.
#[derive(Clone, PartialEq, Debug)]
pub struct Saying {
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What a station says, or what befalls it.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// It started.
    Boot,
    /// It lives.
    Heartbeat,
    /// A connector (0: the station) changed its status.
    Status {
        /// Which.
        connector: u8,
        /// To what.
        status: ConnectorStatus,
        /// OCPP 1.6 error code.
        error: Option<String>,
    },
    /// A card was shown; may it charge?
    Authorize {
        /// Where.
        connector: u8,
        /// The card.
        token: String,
    },
    /// A session began.
    Start {
        /// The station's own id.
        session: Uuid,
        /// Where.
        connector: u8,
        /// Who.
        token: String,
        /// The meter at that moment.
        reading: Reading,
    },
    /// The meter was read.
    Meter {
        /// During which session.
        session: Uuid,
        /// Where.
        connector: u8,
        /// What it said.
        reading: Reading,
    },
    /// The vehicle takes no more (OCPP 2.0.1 says so in the transaction).
    Suspended {
        /// In which session.
        session: Uuid,
        /// Where.
        connector: u8,
        /// The meter at that moment.
        reading: Reading,
    },
    /// A session ended.
    Stop(Box<Ended>),
    /// A fault came or went.
    Fault {
        /// Where; none for the station as a whole.
        connector: Option<u8>,
        /// OCPP 1.6 error code.
        code: String,
        /// For people.
        text: String,
        /// Whether it is over.
        cleared: bool,
        /// How bad.
        severity: Severity,
        /// The connector's status meanwhile.
        status: ConnectorStatus,
    },
    /// A vendor's own message.
    Data {
        /// Which.
        message: String,
        /// What.
        data: String,
    },
    /// The connection breaks; the station goes on and keeps what it has to say.
    Cut {
        /// Until when there is none.
        until: Timestamp,
    },
    /// The power fails: what runs is lost, its end is never said.
    PowerLoss {
        /// Until when there is none.
        until: Timestamp,
        /// What was lost.
        lost: Vec<Ended>,
    },
}

/// A session at its end.
#[derive(Clone, PartialEq, Debug)]
pub struct Ended {
    /// The station's own id.
    pub session: Uuid,
    /// Where.
    pub connector: u8,
    /// Who.
    pub token: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Wh, the register at the begin.
    pub meter_start_wh: i64,
    /// Wh, the register at the end.
    pub meter_stop_wh: i64,
    /// Why.
    pub reason: StopReason,
    /// The meter at the end.
    pub reading: Reading,
    /// Meter messages in between.
    pub samples: u32,
    /// W.
    pub max_power_w: f64,
    /// What was wrong with it on purpose.
    pub label: Option<Label>,
}

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StopReason {
    /// By the card.
    Local,
    /// The plug was pulled.
    EvDisconnected,
    /// The card was refused.
    DeAuthorized,
    /// By a command.
    Remote,
    /// The station shuts down.
    Reboot,
    /// The power failed.
    PowerLoss,
    /// A fault.
    Other,
}

impl StopReason {
    /// As both versions of OCPP spell it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::EvDisconnected => "EVDisconnected",
            Self::DeAuthorized => "DeAuthorized",
            Self::Remote => "Remote",
            Self::Reboot => "Reboot",
            Self::PowerLoss => "PowerLoss",
            Self::Other => "Other",
        }
    }
}

impl What {
    /// Whether it belongs to a transaction: such messages are kept and repeated until they are acknowledged.
    #[must_use]
    pub fn is_of_transaction(&self) -> bool {
        matches!(self, Self::Start { .. } | Self::Meter { .. } | Self::Suspended { .. } | Self::Stop(_))
    }
}
