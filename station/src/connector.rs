//! The states of a connector.

use serde::{Deserialize, Serialize};

/// The states of a connector; OCPP 1.6's nine (7.7), to which those of 2.x and MQTT are mapped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ConnectorStatus {
    /// Free.
    Available,
    /// A vehicle or a user is there, no energy yet.
    Preparing,
    /// Energy flows.
    Charging,
    /// The station gives none.
    SuspendedEvse,
    /// The vehicle takes none.
    SuspendedEv,
    /// Done, the vehicle still there.
    Finishing,
    /// Kept for somebody.
    Reserved,
    /// Out of service.
    Unavailable,
    /// Broken.
    Faulted,
    /// OCPP 2.x says only that a vehicle is there.
    Occupied,
    /// A word that nobody knows (the deviation is noted, the word is in `info`).
    Unknown,
}

impl ConnectorStatus {
    /// All.
    pub const ALL: [Self; 11] = [
        Self::Available,
        Self::Preparing,
        Self::Charging,
        Self::SuspendedEvse,
        Self::SuspendedEv,
        Self::Finishing,
        Self::Reserved,
        Self::Unavailable,
        Self::Faulted,
        Self::Occupied,
        Self::Unknown,
    ];

    /// The name in rows and metric labels.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Preparing => "preparing",
            Self::Charging => "charging",
            Self::SuspendedEvse => "suspended_evse",
            Self::SuspendedEv => "suspended_ev",
            Self::Finishing => "finishing",
            Self::Reserved => "reserved",
            Self::Unavailable => "unavailable",
            Self::Faulted => "faulted",
            Self::Occupied => "occupied",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the words of OCPP 1.6, 2.x and our own JSON, whatever their case.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let plain: String =
            word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        Some(match plain.as_str() {
            "available" => Self::Available,
            "preparing" => Self::Preparing,
            "charging" => Self::Charging,
            "suspendedevse" => Self::SuspendedEvse,
            "suspendedev" => Self::SuspendedEv,
            "finishing" => Self::Finishing,
            "reserved" => Self::Reserved,
            "unavailable" => Self::Unavailable,
            "faulted" => Self::Faulted,
            "occupied" => Self::Occupied,
            _ => return None,
        })
    }
}
