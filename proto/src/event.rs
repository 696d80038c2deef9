//! Events as bytes: what the journal and Kafka hold.
//!
//! Encoding goes through the generated messages, texts copied: five readings take under a
//! microsecond (`make bench ONLY=events`), next to a sync of a hundred.

mod access;
mod decode;
mod encode;

pub use decode::decode;
pub use encode::encode;

/// Version 1.
#[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, unused_qualifications)]
pub mod v1 {
    include!("generated/ampwarden.event.v1.rs");
}

/// Why bytes are not an event.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EventError {
    /// Not this message at all, cut off, or altered.
    #[error("not an event's bytes: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field that must be there is not.
    #[error("the event's {0} is missing")]
    Missing(&'static str),
    /// A kind that this version does not know.
    #[error(
        "the event's kind is unknown: a newer Ampwarden wrote it; read it with that version or a later one"
    )]
    UnknownKind,
    /// A value of an enumeration that this version does not know.
    #[error("{value} is no {field}: a newer Ampwarden wrote it; read it with that version or a later one")]
    UnknownValue {
        /// Which enumeration.
        field: &'static str,
        /// What stands there.
        value: i32,
    },
    /// A UUID that has not 16 bytes.
    #[error("the event's {field} has {length} bytes, a UUID has 16")]
    Uuid {
        /// Which field.
        field: &'static str,
        /// Bytes there.
        length: usize,
    },
    /// A hash of a key that has not 32 bytes.
    #[error("the hash of a key has {length} bytes, and not 32")]
    Hash {
        /// Bytes there.
        length: usize,
    },
    /// The station's id cannot be one.
    #[error(transparent)]
    Station(#[from] station::id::StationIdError),
    /// Money that is not a decimal number.
    #[error("the record's cost {0:?} is not a decimal number")]
    Cost(String),
    /// A setting that cannot be read.
    #[error("the setting cannot be read: {0}")]
    Setting(String),
}

#[cfg(test)]
mod tests;
