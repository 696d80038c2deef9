//! Keys of stations and stations that wait for an operator, to bytes and back.

use station::event::{Boot, EventKind, Quarantined};
use station::key::{KeyChange, KeyHash};
use uuid::Uuid;

use super::{EventError, v1};

pub(super) fn encode_key_changed(change: &KeyChange) -> v1::KeyChanged {
    let empty = v1::KeyChanged::default();
    match change {
        KeyChange::Set { hash, author, at_once, command } => {
            let change = if *at_once { v1::KeyChange::SetAtOnce } else { v1::KeyChange::Set };
            v1::KeyChanged {
                change: change.into(),
                hash: hash.0.to_vec(),
                author: author.clone(),
                command: command.map(|command| command.as_bytes().to_vec()),
            }
        }
        KeyChange::Used { hash } => {
            v1::KeyChanged { change: v1::KeyChange::Used.into(), hash: hash.0.to_vec(), ..empty }
        }
        KeyChange::Removed { author } => {
            v1::KeyChanged { change: v1::KeyChange::Removed.into(), author: author.clone(), ..empty }
        }
    }
}

pub(super) fn decode_key_changed(changed: v1::KeyChanged) -> Result<EventKind, EventError> {
    let kind = v1::KeyChange::try_from(changed.change);
    let change = match kind {
        Ok(kind @ (v1::KeyChange::Set | v1::KeyChange::SetAtOnce)) => KeyChange::Set {
            hash: hash(&changed.hash)?,
            author: changed.author,
            at_once: kind == v1::KeyChange::SetAtOnce,
            command: changed.command.as_deref().map(command).transpose()?,
        },
        Ok(v1::KeyChange::Used) => KeyChange::Used { hash: hash(&changed.hash)? },
        Ok(v1::KeyChange::Removed) => KeyChange::Removed { author: changed.author },
        Ok(v1::KeyChange::Unspecified) | Err(_) => {
            return Err(EventError::UnknownValue { field: "change of a key", value: changed.change });
        }
    };
    Ok(EventKind::KeyChanged(Box::new(change)))
}

pub(super) fn encode_quarantined(quarantined: &Quarantined) -> v1::Quarantined {
    v1::Quarantined {
        remote: quarantined.remote.clone(),
        key: quarantined.key.map(|hash| hash.0.to_vec()),
        certificate: quarantined.certificate,
        boot: quarantined.boot.as_ref().map(|boot| v1::Booted {
            vendor: boot.vendor.clone(),
            model: boot.model.clone(),
            serial: boot.serial.clone(),
            firmware: boot.firmware.clone(),
            reason: boot.reason.clone(),
        }),
    }
}

pub(super) fn decode_quarantined(quarantined: v1::Quarantined) -> Result<EventKind, EventError> {
    let boot = quarantined.boot.map(|boot| Boot {
        vendor: boot.vendor,
        model: boot.model,
        serial: boot.serial,
        firmware: boot.firmware,
        reason: boot.reason,
    });
    Ok(EventKind::Quarantined(Box::new(Quarantined {
        remote: quarantined.remote,
        key: quarantined.key.as_deref().map(hash).transpose()?,
        certificate: quarantined.certificate,
        boot,
    })))
}

fn hash(bytes: &[u8]) -> Result<KeyHash, EventError> {
    bytes.try_into().map(KeyHash).map_err(|_| EventError::Hash { length: bytes.len() })
}

fn command(bytes: &[u8]) -> Result<Uuid, EventError> {
    Uuid::from_slice(bytes)
        .map_err(|_| EventError::Uuid { field: "key_changed.command", length: bytes.len() })
}
