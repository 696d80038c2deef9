//! MQTT: our own JSON on `{prefix}/{station}/{kind}`, and whole-session records on topics of one's choice.
//!
//! Decoding never fails: what cannot be read becomes an [`EventKind::Undecodable`], which ends in `rejected`, so that
//! the message can be acknowledged and is in the books.

mod fields;
mod json;
mod kept;
pub mod record;
mod topic;

use serde_json::Value;

use self::fields::Fields;
use self::topic::Route;
use crate::digest::digest;
use crate::event::{EventKind, RejectReason, Source, StationEvent};
use crate::id::StationId;
use crate::secret::SecretKey;

pub use topic::{Rules, matches};

/// Longest topic and detail that are shown, in characters: both come from outside.
const SHOWN_MAX: usize = 200;

/// The events of one message: at least one.
#[must_use]
pub fn decode(
    rules: &Rules,
    key: &SecretKey,
    source: Source,
    topic: &str,
    payload: &[u8],
) -> Vec<StationEvent> {
    match rules.route(topic) {
        Route::Station { station, kind } => vec![own(key, source, topic, station, kind, payload)],
        Route::Records(mapping) => match record::read(mapping, key, payload) {
            Ok(rows) if rows.is_empty() => {
                let error = record::ReadError::Empty;
                vec![undecodable(key, source, topic, payload, RejectReason::Malformed, &error.to_string())]
            }
            Ok(rows) => rows.into_iter().map(|row| row.into_event(source, shown(topic))).collect(),
            Err(error) => {
                let reason = match error {
                    record::ReadError::Header(_) => RejectReason::Invalid,
                    _ => RejectReason::Malformed,
                };
                vec![undecodable(key, source, topic, payload, reason, &error.to_string())]
            }
        },
        Route::BadStation(error) => {
            vec![undecodable(key, source, topic, payload, RejectReason::Invalid, &error.to_string())]
        }
        Route::Unknown => {
            let detail = format!(
                "no rule takes this topic; there are {} (gateway.mqtt.prefix, gateway.mqtt.record_topics)",
                rules.filters().join(", ")
            );
            vec![undecodable(key, source, topic, payload, RejectReason::UnknownTopic, &detail)]
        }
    }
}

/// The event of a message that cannot be used at all, kept with its payload.
#[must_use]
pub fn undecodable(
    key: &SecretKey,
    source: Source,
    topic: &str,
    payload: &[u8],
    reason: RejectReason,
    detail: &str,
) -> StationEvent {
    rejected(StationId::gateway(), key, source, topic, payload, reason, detail)
}

fn own(
    key: &SecretKey,
    source: Source,
    topic: &str,
    station: StationId,
    kind: &str,
    payload: &[u8],
) -> StationEvent {
    // A payload of nothing stands for an object without fields.
    let read = if payload.iter().all(u8::is_ascii_whitespace) {
        Ok(Value::Object(serde_json::Map::new()))
    } else {
        serde_json::from_slice(payload)
    };
    let reject =
        |reason, detail: &str| rejected(station.clone(), key, source, topic, payload, reason, detail);
    let mut object = match read {
        Ok(Value::Object(object)) => object,
        Ok(_) => return reject(RejectReason::Malformed, "expected a JSON object"),
        Err(error) => return reject(RejectReason::Malformed, &format!("not JSON: {error}")),
    };
    let message_id = match object.remove("id") {
        Some(Value::String(id)) if !id.is_empty() => Some(id),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    let digest = match &message_id {
        None => digest(&[kind.as_bytes(), payload, &0_u32.to_be_bytes()]),
        // Without the message id, so that the same fact under another id has the same digest.
        Some(_) => {
            let body = serde_json::to_vec(&object).unwrap_or_default();
            digest(&[kind.as_bytes(), &body, &0_u32.to_be_bytes()])
        }
    };
    // The frequent kinds are not in the searchable log.
    let payload_kept =
        (!matches!(kind, "meter" | "heartbeat")).then(|| kept::json(object.clone().into(), key));
    match json::decode(kind, Fields::new(object), key) {
        Ok(Some(said)) => StationEvent {
            connector: said.connector,
            station_ts: said.station_ts,
            message_id,
            digest,
            deviations: said.deviations,
            payload: payload_kept,
            ..StationEvent::new(station, source, said.kind)
        },
        Ok(None) => {
            let detail = format!("no kind {:?}; there are {}", shown(kind), json::KINDS.join(", "));
            reject(RejectReason::UnknownAction, &detail)
        }
        Err(error) => reject(RejectReason::Invalid, &error.to_string()),
    }
}

fn rejected(
    station: StationId,
    key: &SecretKey,
    source: Source,
    topic: &str,
    payload: &[u8],
    reason: RejectReason,
    detail: &str,
) -> StationEvent {
    let kind = EventKind::Undecodable { reason, detail: detail.to_owned(), origin: shown(topic) };
    StationEvent { payload: Some(kept::payload(payload, key)), ..StationEvent::new(station, source, kind) }
}

/// Text from outside, cut.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests;
