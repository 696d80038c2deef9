//! The keys (passwords of HTTP Basic) by which stations prove who they are. They are kept as keyed hashes; the plain key
//! exists only while it is set or presented.
//!
//! A key that is set while another is in force waits: both are accepted until the new one was used, for nobody knows
//! when a station changes over (OCPP 1.6 security whitepaper A01, OCPP 2.0.1 A01).

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::time::Timestamp;

/// The shortest key, in bytes: a hash as fast as ours protects no password that can be guessed. OCPP asks for 16.
pub const KEY_MIN_BYTES: usize = 16;
/// The longest key, in bytes.
pub const KEY_MAX_BYTES: usize = 128;
/// Keys that may wait for being used; the oldest gives way to one more.
const WAITING_MAX: usize = 3;

/// The keyed hash of a station's key ([`crate::secret::SecretKey::station_key`]).
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct KeyHash(pub [u8; 32]);

impl PartialEq for KeyHash {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyHash {}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// Why a key cannot be one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a key has {KEY_MIN_BYTES} to {KEY_MAX_BYTES} bytes, and this one has {0}; make a random one (`openssl rand -hex 20`)"
)]
pub struct KeyError(usize);

/// A key as it is compared: OCPP 1.6 writes its AuthorizationKey in hexadecimal digits, and stations present it either so
/// or as the bytes that it stands for. Both are one key.
///
/// # Errors
/// When it is too short or too long.
pub fn canonical(key: &[u8]) -> Result<Cow<'_, [u8]>, KeyError> {
    let canonical = if key.len() >= 2 * KEY_MIN_BYTES && key.is_ascii() {
        hex::decode(key).map_or(Cow::Borrowed(key), Cow::Owned)
    } else {
        Cow::Borrowed(key)
    };
    if (KEY_MIN_BYTES..=KEY_MAX_BYTES).contains(&canonical.len()) {
        Ok(canonical)
    } else {
        Err(KeyError(key.len()))
    }
}

/// A change of a station's keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum KeyChange {
    /// A key was set.
    Set {
        /// Which.
        hash: KeyHash,
        /// Who set it.
        author: String,
        /// No other is accepted from now on.
        at_once: bool,
        /// The command that tells the station.
        command: Option<Uuid>,
    },
    /// A key that waited was used: those before it are not accepted any more.
    Used {
        /// Which.
        hash: KeyHash,
    },
    /// The station has no key any more.
    Removed {
        /// Who removed it.
        author: String,
    },
}

/// A key that is accepted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Key {
    /// Its hash.
    pub hash: KeyHash,
    /// Who set it.
    pub author: String,
    /// When.
    pub set_at: Timestamp,
    /// The command that tells the station.
    pub command: Option<Uuid>,
}

/// The keys of a station.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct StationKeys {
    /// The one in force; without it the station needs none.
    current: Option<Key>,
    /// Those that were set after it and not used yet, oldest first.
    waiting: Vec<Key>,
}

/// Which of a station's keys was presented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presented {
    /// The one in force.
    Current,
    /// One that waited for being used: [`KeyChange::Used`] is to be journaled.
    Waiting,
    /// None of them.
    Wrong,
}

impl StationKeys {
    /// Whether a station must present a key. One that was only sent a key by a command, and never used it, need not.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.current.is_some()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.current.is_none() && self.waiting.is_empty()
    }

    /// All that are accepted: the one in force, then those that wait, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Key> {
        self.current.iter().chain(&self.waiting)
    }

    /// Looks a presented key up.
    #[must_use]
    pub fn look_up(&self, presented: &KeyHash) -> Presented {
        // All are compared, so that the time does not tell which it was.
        let is_current = self.current.as_ref().is_some_and(|key| key.hash == *presented);
        let is_waiting = self.waiting.iter().fold(false, |found, key| found | (key.hash == *presented));
        match (is_current, is_waiting) {
            (true, _) => Presented::Current,
            (false, true) => Presented::Waiting,
            (false, false) => Presented::Wrong,
        }
    }

    /// Takes a change in; says whether anything changed.
    pub(crate) fn apply(&mut self, change: &KeyChange, at: Timestamp) -> bool {
        match change {
            KeyChange::Set { hash, author, at_once, command } => {
                let key = Key { hash: *hash, author: author.clone(), set_at: at, command: *command };
                if *at_once {
                    *self = Self { current: Some(key), waiting: Vec::new() };
                    return true;
                }
                if self.all().any(|known| known.hash == *hash) {
                    return false;
                }
                // The station knows nothing of what a command is to tell it.
                if self.current.is_none() && command.is_none() {
                    self.current = Some(key);
                    return true;
                }
                self.waiting.push(key);
                if self.waiting.len() > WAITING_MAX {
                    self.waiting.remove(0);
                }
                true
            }
            KeyChange::Used { hash } => {
                let Some(at) = self.waiting.iter().position(|key| key.hash == *hash) else { return false };
                self.current = self.waiting.drain(..=at).next_back();
                true
            }
            KeyChange::Removed { .. } => {
                let had = !self.is_empty();
                *self = Self::default();
                had
            }
        }
    }

    /// The station will not learn the key of this command.
    pub(crate) fn forget_of(&mut self, command: Uuid) {
        self.waiting.retain(|key| key.command != Some(command));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u8) -> KeyHash {
        KeyHash([number; 32])
    }

    fn set(number: u8, command: Option<u128>) -> KeyChange {
        let command = command.map(Uuid::from_u128);
        KeyChange::Set { hash: hash(number), author: "ops".into(), at_once: false, command }
    }

    fn looked_up(keys: &StationKeys) -> Vec<Presented> {
        (1..=4).map(|number| keys.look_up(&hash(number))).collect()
    }

    #[test]
    fn both_keys_are_accepted_until_the_new_one_was_used() {
        use Presented::{Current, Waiting, Wrong};
        let mut keys = StationKeys::default();
        assert!(!keys.is_required());
        assert!(keys.apply(&set(1, None), Timestamp(1)));
        assert!(keys.is_required());
        assert!(keys.apply(&set(2, None), Timestamp(2)));
        assert!(keys.apply(&set(3, None), Timestamp(3)));
        assert!(!keys.apply(&set(3, None), Timestamp(4)), "it is known");
        assert_eq!(looked_up(&keys), [Current, Waiting, Waiting, Wrong]);
        assert!(keys.apply(&KeyChange::Used { hash: hash(2) }, Timestamp(5)));
        assert_eq!(looked_up(&keys), [Wrong, Current, Waiting, Wrong], "what was set later still waits");
        assert!(!keys.apply(&KeyChange::Used { hash: hash(2) }, Timestamp(6)));
        assert!(!keys.apply(&KeyChange::Used { hash: hash(4) }, Timestamp(7)), "it was taken back");
        for number in 10..20 {
            keys.apply(&set(number, None), Timestamp(8));
        }
        assert_eq!(keys.all().count(), 1 + WAITING_MAX);
        assert_eq!(keys.look_up(&hash(2)), Current, "what is in force does not give way");
        assert!(keys.apply(&KeyChange::Removed { author: "ops".into() }, Timestamp(9)));
        assert!(keys.is_empty());
    }

    #[test]
    fn a_leaked_key_goes_at_once() {
        let mut keys = StationKeys::default();
        keys.apply(&set(1, None), Timestamp(1));
        keys.apply(&set(2, None), Timestamp(2));
        let at_once = KeyChange::Set { hash: hash(3), author: "ops".into(), at_once: true, command: None };
        assert!(keys.apply(&at_once, Timestamp(3)));
        use Presented::{Current, Wrong};
        assert_eq!(looked_up(&keys), [Wrong, Wrong, Current, Wrong]);
    }

    #[test]
    fn what_a_command_tells_is_not_required_before_it_is_used_and_goes_if_the_station_refuses() {
        let mut keys = StationKeys::default();
        assert!(keys.apply(&set(1, Some(7)), Timestamp(1)));
        assert!(!keys.is_required(), "the station may never hear of it");
        assert_eq!(keys.look_up(&hash(1)), Presented::Waiting);
        assert!(keys.apply(&KeyChange::Used { hash: hash(1) }, Timestamp(2)));
        assert!(keys.is_required());
        keys.apply(&set(2, Some(8)), Timestamp(3));
        keys.forget_of(Uuid::from_u128(8));
        assert_eq!(keys.look_up(&hash(2)), Presented::Wrong);
        keys.forget_of(Uuid::from_u128(7));
        assert_eq!(keys.look_up(&hash(1)), Presented::Current, "what is in force stays");
    }

    #[test]
    fn hexadecimal_digits_and_their_bytes_are_one_key() {
        let text = b"0001020304050607ffFFffFFffFFffFFffFFffFF";
        let bytes: Vec<u8> = (0..8).chain([255; 12]).collect();
        assert_eq!(canonical(text).as_deref(), Ok(bytes.as_slice()));
        assert_eq!(canonical(&bytes).as_deref(), Ok(bytes.as_slice()));
        let short_hex = b"0123456789abcdef";
        assert_eq!(canonical(short_hex).as_deref(), Ok(short_hex.as_slice()), "16 characters are a text");
        assert_eq!(canonical(b"fifteen bytes :").map_err(|e| e.0), Err(15));
        assert_eq!(canonical(&[0xff; 200]).map_err(|e| e.0), Err(200));
        assert!(format!("{:?}", hash(1)).contains('…'), "no hash in logs");
    }
}
