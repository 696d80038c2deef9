//! Names of things: stations, events, sessions.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Namespace of the UUIDv5s that are derived from facts (whole-session records). Fixed for ever: changing it
/// would make every re-imported session a new one.
const NAMESPACE: Uuid = Uuid::from_u128(0x9c1f_5a1e_6d0b_4f57_8a1c_a3b9_5b1e_70d1);

/// Longest station id that is taken, in bytes. OCPP-J 1.6 has no limit of its own; OCPP 2.0.1 allows 48 characters,
/// and vendors append serial numbers.
pub const STATION_ID_MAX_BYTES: usize = 128;

/// What identifies a station, as it says it itself (OCPP: the last part of the URL, percent-decoded).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StationId(Arc<str>);

/// Why a text cannot be a station id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StationIdError {
    /// Nothing there.
    #[error("the station id is empty")]
    Empty,
    /// Over [`STATION_ID_MAX_BYTES`].
    #[error("the station id is {0} bytes long; at most {STATION_ID_MAX_BYTES} are taken")]
    TooLong(usize),
    /// Control characters would break logs, topics and URLs.
    #[error("the station id has a control character or a slash at byte {0}")]
    Character(usize),
}

impl StationId {
    /// Checks and takes a station id.
    ///
    /// # Errors
    /// When it is empty, too long, or holds control characters or `/`.
    pub fn new(text: &str) -> Result<Self, StationIdError> {
        if text.is_empty() {
            return Err(StationIdError::Empty);
        }
        if text.len() > STATION_ID_MAX_BYTES {
            return Err(StationIdError::TooLong(text.len()));
        }
        if let Some((at, _)) = text.char_indices().find(|(_, c)| c.is_control() || *c == '/') {
            return Err(StationIdError::Character(at));
        }
        Ok(Self(text.into()))
    }

    /// The pseudo station under which the gateway files what belongs to none (settings, messages on unknown topics).
    #[must_use]
    pub fn gateway() -> Self {
        Self("(gateway)".into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Identity of an event, given once, when it is journaled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

/// Identity of a session. For live sessions the id of the event that began it; for whole-session records derived
/// from their content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

impl EventId {
    /// The id of an event that decoding a rejected one again gives: the `part`th of it, from 0. It is the same at
    /// every replay, so that replaying twice makes no fact twice.
    #[must_use]
    pub fn replayed(of: Self, part: u32) -> Self {
        Self(Uuid::new_v5(&of.0, &part.to_be_bytes()))
    }

    /// Whether it was made by [`Self::replayed`]. The journal gives ids of version 7, replays have version 5.
    #[must_use]
    pub fn is_replay(self) -> bool {
        self.0.get_version_num() == 5
    }
}

impl SessionId {
    /// The id of the session that `event` begins.
    #[must_use]
    pub fn begun_by(event: EventId) -> Self {
        Self(event.0)
    }

    /// The id of a whole-session record: the same record is the same session, however often it comes.
    #[must_use]
    pub fn of_record(station: &StationId, token: Option<&str>, started_us: i64, ended_us: i64) -> Self {
        let name = format!("{station}\u{1f}{}\u{1f}{started_us}\u{1f}{ended_us}", token.unwrap_or(""));
        Self(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
    }
}

/// An id that follows from facts; the first says which kind of thing it names.
pub(crate) fn derived(parts: &[&[u8]]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, &parts.join(&b"\x1f"[..]))
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_station_ids_are_named() {
        assert_eq!(StationId::new(""), Err(StationIdError::Empty));
        assert_eq!(StationId::new("a/b"), Err(StationIdError::Character(1)));
        assert_eq!(StationId::new("a\nb"), Err(StationIdError::Character(1)));
        assert_eq!(StationId::new(&"x".repeat(129)), Err(StationIdError::TooLong(129)));
        assert_eq!(StationId::new("Säule 7").map(|s| s.to_string()), Ok("Säule 7".to_owned()));
    }

    #[test]
    fn a_record_that_comes_twice_is_one_session() {
        let station = StationId::new("Station_391").expect("valid");
        let id = SessionId::of_record(&station, Some("User_1"), 1, 2);
        assert_eq!(id, SessionId::of_record(&station, Some("User_1"), 1, 2));
        assert_ne!(id, SessionId::of_record(&station, Some("User_2"), 1, 2));
    }
}
