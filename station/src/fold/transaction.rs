//! OCPP 1.6 transaction ids: given by us, 1 … 2³¹−1, each station its own.

use sha2::{Digest, Sha256};

use crate::id::{SessionId, StationId};

/// Derives the id of a new session by hash, probing past those that `taken` says are in use: a replay gives the same
/// id, and two gateways need not agree on a counter.
#[must_use]
pub(super) fn new_id(station: &StationId, session: SessionId, taken: impl Fn(i32) -> bool) -> i32 {
    let digest =
        Sha256::new().chain_update(station.as_str()).chain_update([0]).chain_update(session.0).finalize();
    let seed = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let mut id = i32::try_from(seed >> 1).unwrap_or(1).max(1);
    while taken(id) {
        id = id.checked_add(1).unwrap_or(1);
    }
    id
}

/// The id that a station means: some write −1 or 0 for "none", some send numbers that no CSMS gave.
#[must_use]
pub(super) fn meant(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|t| !t.is_empty() && !t.parse::<i64>().is_ok_and(|id| id <= 0))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn ids_are_positive_repeatable_and_not_taken() {
        let station = StationId::new("CP1").unwrap();
        for n in 0..1000_u128 {
            let session = SessionId(Uuid::from_u128(n));
            let id = new_id(&station, session, |_| false);
            assert!(id >= 1);
            assert_eq!(id, new_id(&station, session, |_| false));
            assert_ne!(id, new_id(&station, session, |other| other == id));
        }
    }

    #[test]
    fn minus_one_and_zero_mean_none() {
        for (text, expected) in [
            (Some("-1"), None),
            (Some("0"), None),
            (Some(""), None),
            (None, None),
            (Some("17"), Some("17")),
            (Some("9223372036854775807"), Some("9223372036854775807")),
            (Some("a7-x"), Some("a7-x")),
        ] {
            assert_eq!(meant(text), expected);
        }
    }
}
