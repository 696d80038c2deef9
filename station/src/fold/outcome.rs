//! What the fold says of an event.

use crate::deviation::Deviations;
use crate::event::RejectReason;

/// What became of one event, and what the station is to be answered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// In which of the books' states it ends.
    pub verdict: Verdict,
    /// OCPP 1.6: the session's transaction id.
    pub transaction_id: Option<i32>,
    /// Whether the token may charge, where the event asks so.
    pub authorization: Option<Authorization>,
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

/// Whether a token may charge: OCPP's words (1.6: AuthorizationStatus, 7.2; 2.0.1: AuthorizationStatusEnumType, 3.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Authorization {
    /// It may.
    Accepted,
    /// An operator blocked it.
    Blocked,
    /// Its time is over.
    Expired,
    /// Nobody knows it.
    Invalid,
    /// It already charges elsewhere (OCPP 1.6 only; 2.x says `ConcurrentTx` as well).
    ConcurrentTx,
}

impl Authorization {
    /// OCPP's word, the same in all versions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Blocked => "Blocked",
            Self::Expired => "Expired",
            Self::Invalid => "Invalid",
            Self::ConcurrentTx => "ConcurrentTx",
        }
    }
}
