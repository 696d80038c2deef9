//! A call on its way to events.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::error::DecodeError;
use super::frame::Call;
use super::lenient;
use super::version::Version;
use crate::deviation::{Deviation, Deviations};
use crate::event::{EventKind, StationEvent};
use crate::id::StationId;
use crate::secret::{SecretKey, Token};

/// Under whose name messages stand in the log that are not interpreted.
const STANDARD: &str = "OCPP";

/// A call being decoded: what the actions' decoders read from, and the events that they found.
pub(super) struct Message<'a> {
    pub(super) version: Version,
    pub(super) odd: Deviations,
    station: &'a StationId,
    call: &'a Call<'a>,
    key: &'a SecretKey,
    digest: Sha256,
    events: Vec<StationEvent>,
}

impl<'a> Message<'a> {
    pub(super) fn new(
        version: Version,
        station: &'a StationId,
        call: &'a Call<'a>,
        key: &'a SecretKey,
    ) -> Self {
        let digest =
            Sha256::new().chain_update(call.action.as_bytes()).chain_update([0]).chain_update(call.payload);
        Self { version, odd: call.deviations, station, call, key, digest, events: Vec::new() }
    }

    pub(super) fn into_events(self) -> Vec<StationEvent> {
        self.events
    }

    /// The payload as an object. Fields that no schema knows are flagged.
    pub(super) fn read<T: Deserialize<'a> + lenient::Object>(&mut self) -> Result<T, DecodeError> {
        let object: T = lenient::object(self.call.payload, "")?;
        object.flag_unknown(&mut self.odd);
        Ok(object)
    }

    /// Hashes and seals a token; a blank one is none.
    pub(super) fn token(&self, plain: &str) -> Option<Token> {
        (!plain.trim().is_empty()).then(|| self.key.token(plain))
    }

    /// Notes that a required field is missing.
    pub(super) fn missing(&mut self) {
        self.odd.add(Deviation::FieldMissing);
    }

    /// Notes it if one of the required fields is missing.
    pub(super) fn require(&mut self, fields: &[lenient::Raw<'_>]) {
        if fields.iter().any(|field| field.is_none()) {
            self.missing();
        }
    }

    /// Keeps the message whole in the log, not interpreted, under OCPP's name. `private` fields are sealed.
    pub(super) fn keep(&mut self, private: &[&str]) -> &mut StationEvent {
        let payload = self.logged(|fields| {
            for (_, value) in fields.iter_mut().filter(|(name, _)| private.contains(&name.as_str())) {
                super::seal::seal_whole(value, self.key);
            }
        });
        let message = Some(self.call.action.to_string());
        let event =
            self.emit(EventKind::DataTransferred { vendor_id: STANDARD.to_owned(), message, data: None });
        event.payload = payload;
        event
    }

    /// Adds an event, with what was odd about the message so far.
    pub(super) fn emit(&mut self, kind: EventKind) -> &mut StationEvent {
        let index = self.events.len();
        let mut event = StationEvent::new(self.station.clone(), self.version.source(), kind);
        event.message_id = Some(self.call.id.clone().into_owned());
        event.digest =
            first_64_bits(self.digest.clone().chain_update([0]).chain_update((index as u64).to_le_bytes()));
        event.deviations = self.odd;
        self.events.push(event);
        &mut self.events[index]
    }

    /// The event that was added first.
    pub(super) fn first(&mut self) -> Option<&mut StationEvent> {
        self.events.first_mut()
    }

    /// The event that was added last.
    pub(super) fn last(&mut self) -> Option<&mut StationEvent> {
        self.events.last_mut()
    }

    /// The payload for the searchable log: tokens sealed, and without `but`, which is kept as meter values.
    pub(super) fn payload_for_log(&self, but: &str) -> Option<String> {
        self.logged(|fields| drop(fields.remove(but)))
    }

    fn logged(&self, change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> Option<String> {
        // What lies too deep to be read, and to be looked at for tokens, is sealed as a whole.
        let Ok(mut payload) = serde_json::from_str::<serde_json::Value>(self.call.payload) else {
            return Some(format!("sealed:{}", self.key.seal(self.call.payload)));
        };
        if let Some(fields) = payload.as_object_mut() {
            change(fields);
        }
        super::seal::seal(&mut payload, self.key);
        Some(payload.to_string())
    }

    /// A vendor's text, with the tokens in it sealed if it is JSON.
    pub(super) fn sealed_text(&self, text: &str) -> String {
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(mut value) if value.is_object() || value.is_array() => {
                super::seal::seal(&mut value, self.key);
                value.to_string()
            }
            _ => text.to_owned(),
        }
    }
}

/// The digest of a text that is no call.
pub(super) fn digest_of(text: &str) -> u64 {
    first_64_bits(Sha256::new().chain_update(text))
}

fn first_64_bits(digest: Sha256) -> u64 {
    let bytes = digest.finalize();
    u64::from_be_bytes(std::array::from_fn(|i| bytes[i]))
}
