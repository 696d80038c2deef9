//! What operators ask of stations: the states of a command, and what is journaled of its way.
//!
//! `queued → sent → accepted | rejected | failed | unknown`, or from `queued` to `expired`, `cancelled` or `failed`. A
//! command is noted as sent before it is: after a crash it may not have reached the station, but it never reaches it
//! twice. An `unknown` one may yet be answered.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;

/// Where a command is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum CommandState {
    /// It waits for its station, or for the commands before it.
    Queued,
    /// Its message was sent; the answer is awaited.
    Sent,
    /// The station does it.
    Accepted,
    /// The station does not do it.
    Rejected,
    /// It could not be put in the station's version of OCPP, or the station answered with an error.
    Failed,
    /// Its time was over before it was sent: the station knows nothing of it.
    Expired,
    /// It was sent and not answered: the station may have done it.
    Unknown,
    /// An operator took it back before it was sent.
    Cancelled,
}

impl CommandState {
    /// All, in the order of their lives.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sent,
        Self::Accepted,
        Self::Rejected,
        Self::Failed,
        Self::Expired,
        Self::Unknown,
        Self::Cancelled,
    ];

    /// The name in rows, in the API and in metric labels.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether something is still to come.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sent)
    }
}

/// What an operator asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CommandIssue {
    /// Its id, also the id of the message that is sent.
    pub command: Uuid,
    /// Which command; `raw` for a message in the station's own words.
    pub name: String,
    /// What is asked, JSON; sealed as a whole (`sealed:…`) where it holds a token or a secret.
    pub request: String,
    /// Digest of what is asked: the same key with another request is a mistake.
    pub digest: u64,
    /// Who asked.
    pub author: String,
    /// If it was not sent by then, it never is.
    pub expires_at: Timestamp,
}

/// A moment in the history of the settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Mark {
    /// Changes that had been made.
    pub changes: u64,
    /// When: tokens become valid and expire by time alone.
    pub at: Timestamp,
}

/// A list of tokens, or a part of one, that is about to be sent to a station.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ListSent {
    /// Its version.
    pub version: i32,
    /// It takes the place of all that the station has.
    pub full: bool,
    /// The settings that it was made of.
    pub mark: Mark,
    /// The hash of its last token, where others are to follow.
    pub through: Option<String>,
}

/// What a station answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CommandAnswer {
    /// To which command.
    pub command: Uuid,
    /// What that means.
    pub result: CommandResult,
    /// The station's word ("Accepted", "Scheduled", …), or its error's code.
    pub status: Option<String>,
    /// More of it.
    pub detail: Option<String>,
}

/// What an answer means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CommandResult {
    /// The station does it.
    Accepted,
    /// It does not.
    Rejected,
    /// It answered with an error.
    Failed,
}

impl CommandResult {
    /// All, in the order of the journal's numbers.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Rejected, Self::Failed];

    pub(crate) fn state(self) -> CommandState {
        match self {
            Self::Accepted => CommandState::Accepted,
            Self::Rejected => CommandState::Rejected,
            Self::Failed => CommandState::Failed,
        }
    }
}

/// How a command ends without an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CommandEnd {
    /// Its time was over before it was sent.
    Expired,
    /// It was sent, and no answer came.
    Unknown,
    /// An operator took it back.
    Cancelled,
    /// The station's version of OCPP has no such message.
    Failed,
    /// The station has already what it was to be sent.
    NotNeeded,
}

impl CommandEnd {
    /// All, in the order of the journal's numbers.
    pub const ALL: [Self; 5] = [Self::Expired, Self::Unknown, Self::Cancelled, Self::Failed, Self::NotNeeded];

    pub(crate) fn state(self) -> CommandState {
        match self {
            Self::Expired => CommandState::Expired,
            Self::Unknown => CommandState::Unknown,
            Self::Cancelled => CommandState::Cancelled,
            Self::Failed => CommandState::Failed,
            Self::NotNeeded => CommandState::Accepted,
        }
    }
}

/// The id of a command that has a key: the same key at the same station is the same command.
#[must_use]
pub fn id_of_key(station: &crate::id::StationId, key: &str) -> Uuid {
    crate::id::derived(&[b"command", station.as_str().as_bytes(), key.as_bytes()])
}
