//! A kept payload becomes events again.

use station::deviation::Deviation;
use station::event::{EventKind, RejectReason, Source, StationEvent};
use station::id::StationId;
use station::mqtt::Rules;
use station::mqtt::record::{Mapping, read};
use station::ocpp::{self, Frame, Version};
use station::secret::SecretKey;

use super::{Letter, replayed};

/// The events of a letter, as today's decoders and settings read it, and what of it is left out.
///
/// # Errors
/// Why nothing of it can be taken, and what to do.
pub(super) fn decode(
    letter: &Letter,
    key: &SecretKey,
    rules: &Rules,
    mapping: Option<&Mapping>,
) -> Result<(Vec<StationEvent>, Option<String>), String> {
    let reason = RejectReason::ALL.into_iter().find(|reason| reason.label() == letter.reason);
    match reason {
        Some(RejectReason::RefusedByStore) => {
            return Err("its event was taken; the store refused only this one row of it".into());
        }
        Some(RejectReason::TooLarge) => {
            return Err("it was too large, and is not kept whole; only its sender can send it again".into());
        }
        _ => {}
    }
    let Some(kept) = &letter.payload else {
        return Err("its payload could not be kept; only its sender can send it again".into());
    };
    let text = key.open_payload(kept).map_err(|error| error.to_string())?;
    let decoded = if reason == Some(RejectReason::FoldFailed) {
        // Kept as the whole event: decoding was not the trouble.
        vec![
            serde_json::from_str(&text)
                .map_err(|error| format!("it is not kept as a whole event: {error}"))?,
        ]
    } else {
        by_source(letter, key, rules, mapping, &text)?
    };
    let mut left_out = None;
    let mut events = Vec::new();
    for (part, event) in decoded.into_iter().enumerate() {
        match left_out_for(&event.kind) {
            Some(why) => left_out = left_out.or(Some(why)),
            None => events.push(as_of_then(event, letter, part)),
        }
    }
    match left_out {
        Some(why) if events.is_empty() => Err(why),
        left_out => Ok((events, left_out)),
    }
}

fn by_source(
    letter: &Letter,
    key: &SecretKey,
    rules: &Rules,
    mapping: Option<&Mapping>,
    text: &str,
) -> Result<Vec<StationEvent>, String> {
    let source = Source::ALL.into_iter().find(|source| source.label() == letter.source);
    match source {
        Some(source @ (Source::Ocpp16 | Source::Ocpp201 | Source::Ocpp21)) => {
            let version = Version::ALL.into_iter().find(|version| version.source() == source);
            ocpp(letter, key, version.unwrap_or(Version::V16), text)
        }
        Some(source @ (Source::MqttBroker | Source::MqttEndpoint)) => {
            let bytes = text.strip_prefix("hex:").and_then(|digits| hex::decode(digits).ok());
            let bytes = bytes.as_deref().unwrap_or(text.as_bytes());
            Ok(station::mqtt::decode(rules, key, source, &letter.origin, bytes))
        }
        Some(Source::Import) => {
            let Some(mapping) = mapping else {
                return Err(
                    "it is a row of an imported file: say how its columns are read (--mapping), or correct the file \
                     and import it again, which brings nothing twice"
                        .into(),
                );
            };
            let rows = read(mapping, key, text.as_bytes()).map_err(|error| error.to_string())?;
            Ok(rows.into_iter().map(|row| row.into_event(Source::Import, letter.origin.clone())).collect())
        }
        Some(Source::Api | Source::Gateway) | None => {
            Err(format!("nothing is decoded that came by \"{}\"", letter.source))
        }
    }
}

fn ocpp(letter: &Letter, key: &SecretKey, version: Version, text: &str) -> Result<Vec<StationEvent>, String> {
    let station = StationId::new(&letter.station).map_err(|error| error.to_string())?;
    match Frame::parse(text, version).map_err(|error| error.to_string())? {
        Frame::Call(call) => ocpp::decode(version, &station, &call, key).map_err(|error| error.to_string()),
        Frame::Answer(_) => Err("it is an answer to a call that was not sent".into()),
        Frame::ResultError(_) => Err("it says what was wrong with an answer, and asks nothing".into()),
    }
}

/// Why an event is not handed in again, if it is not.
fn left_out_for(kind: &EventKind) -> Option<String> {
    match kind {
        EventKind::Undecodable { detail, .. } => Some(detail.clone()),
        // A boot would end the sessions of today.
        EventKind::Heartbeat | EventKind::Booted(_) | EventKind::Authorized { .. } => {
            Some(format!("a {} is about the moment in which it came, and that is over", kind.label()))
        }
        _ => None,
    }
}

/// It happened when it came, not now.
fn as_of_then(mut event: StationEvent, letter: &Letter, part: usize) -> StationEvent {
    event.event_id = replayed(letter, part);
    if event.station_ts.is_none() && !matches!(event.kind, EventKind::SessionRecorded(_)) {
        event.station_ts = Some(letter.received);
        event.deviations.add(Deviation::TimestampMissing);
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use station::time::Timestamp;
    use uuid::Uuid;

    fn letter(source: Source, reason: RejectReason, origin: &str, payload: Option<String>) -> Letter {
        Letter {
            event_id: Uuid::from_u128(7),
            n: 0,
            ts: String::new(),
            received_at: String::new(),
            station: "CP1".into(),
            source: source.label().into(),
            reason: reason.label().into(),
            detail: String::new(),
            origin: origin.into(),
            payload,
            received: Timestamp(1_790_000_000_000_000),
        }
    }

    fn again(letter: &Letter) -> Result<(Vec<StationEvent>, Option<String>), String> {
        decode(letter, &SecretKey::new(b"k"), &Rules::default(), None)
    }

    #[test]
    fn a_sealed_card_is_the_same_card_again() {
        let key = SecretKey::new(b"k");
        let frame = r#"[2,"1","StartTransaction",{"connectorId":1,"idTag":"04A1","meterStart":5,"timestamp":"2026-05-01T10:00:00Z"}]"#;
        let mut payload: serde_json::Value = serde_json::from_str(frame).unwrap();
        key.seal_payload(&mut payload);
        let kept = letter(Source::Ocpp16, RejectReason::UnknownAction, "/CP1", Some(payload.to_string()));
        let (events, left_out) = again(&kept).unwrap();
        assert_eq!((events.len(), left_out), (1, None));
        let EventKind::SessionStarted(start) = &events[0].kind else { panic!("{:?}", events[0].kind) };
        assert_eq!(start.token.as_ref().map(|token| &token.hash), Some(&key.hash("04A1")));
        assert!(events[0].event_id.is_replay());
        assert_eq!(events[0].event_id, again(&kept).unwrap().0[0].event_id, "the same at each replay");
    }

    #[test]
    fn what_says_no_time_happened_when_it_came() {
        let payload = r#"{"status":"available","connector":1}"#.to_owned();
        let kept =
            letter(Source::MqttEndpoint, RejectReason::UnknownTopic, "stations/CP1/status", Some(payload));
        let (events, _) = again(&kept).unwrap();
        assert_eq!(events[0].station_ts, Some(kept.received));
        assert!(events[0].deviations.has(Deviation::TimestampMissing));
    }

    #[test]
    fn why_it_stays_where_it_is() {
        for (source, reason, payload, expected) in [
            (Source::Ocpp16, RejectReason::Malformed, Some("[2,"), "JSON"),
            (Source::Ocpp16, RejectReason::UnknownAction, Some(r#"[2,"1","Sing",{}]"#), "is not known"),
            (Source::Ocpp16, RejectReason::Invalid, Some(r#"[2,"1","Heartbeat",{}]"#), "that is over"),
            (Source::Ocpp16, RejectReason::TooLarge, None, "not kept whole"),
            (Source::Ocpp16, RejectReason::Malformed, None, "could not be kept"),
            (Source::Ocpp16, RejectReason::RefusedByStore, Some("{}"), "only this one row"),
            (Source::MqttBroker, RejectReason::UnknownTopic, Some("{}"), "no rule takes this topic"),
            (Source::MqttBroker, RejectReason::Malformed, Some("sealed:abc"), "secrets.key"),
            (Source::Import, RejectReason::Invalid, Some("{}"), "--mapping"),
            (Source::Gateway, RejectReason::Invalid, Some("{}"), "nothing is decoded"),
        ] {
            let kept = letter(source, reason, "x/y", payload.map(str::to_owned));
            let why = again(&kept).expect_err(expected);
            assert!(why.contains(expected), "{why}");
        }
    }
}
