//! What the fold says of an event.

use crate::deviation::Deviations;
use crate::event::RejectReason;
use crate::time::Timestamp;

/// What became of one event, and what the station is to be answered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// In which of the books' states it ends.
    pub verdict: Verdict,
    /// OCPP 1.6: the session's transaction id.
    pub transaction_id: Option<i32>,
    /// Whether the token may charge, where the event asks so.
    pub authorization: Option<Authorization>,
    /// What else the station is told of the token.
    pub terms: Option<Terms>,
    /// What was odd but tolerated: as decoding found it, and what only the fold can see (clocks, unknown
    /// transactions, registers that fall).
    pub deviations: Deviations,
    /// Whether the step of a command that the event tells of was one that the command could take then.
    pub command_taken: bool,
}

/// The states in which an event can end. "Stored" becomes true with the store's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Verdict {
    /// A new fact.
    #[default]
    Stored,
    /// The fold had it already.
    Duplicate,
    /// It could not be taken; it is kept in `rejected`.
    Rejected(RejectReason),
}

/// What a station is told of a token beyond whether it may charge.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Terms {
    /// Until when it is valid.
    pub valid_until: Option<Timestamp>,
    /// Its group's token, sealed.
    pub group_sealed: Option<String>,
}

/// Whether a token may charge. What each version says of it: [`crate::ocpp`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Authorization {
    /// It may.
    Accepted,
    /// An operator blocked it.
    Blocked,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// Nobody registered it.
    Unknown,
    /// It cannot be read.
    Invalid,
    /// It already charges elsewhere.
    ConcurrentTx,
    /// Nobody may begin a session there now.
    Maintenance,
}

impl Authorization {
    /// In words, for the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Blocked => "blocked",
            Self::Expired => "expired",
            Self::NotYetValid => "not valid yet",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
            Self::ConcurrentTx => "charges elsewhere",
            Self::Maintenance => "station in maintenance",
        }
    }
}
