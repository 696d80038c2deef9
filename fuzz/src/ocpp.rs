//! Frames of one station, one after another: the first byte is the version, 0x1e stands between them.

use station::event::RejectReason;
use station::id::StationId;
use station::ocpp::{Answering, Frame, Undecodable, Version, answer, decode, undecodable};
use station::secret::SecretKey;
use station::time::Timestamp;

use crate::fold::Folds;

pub(crate) fn run(data: &[u8]) {
    let Some((version, frames)) = data.split_first() else { return };
    let version = Version::ALL[usize::from(*version) % Version::ALL.len()];
    let (key, station) = (SecretKey::new(b"fuzz"), StationId::gateway());
    let mut folds = Folds::default();
    for frame in frames.split(|byte| *byte == 0x1e).take(64) {
        let Ok(text) = std::str::from_utf8(frame) else { continue };
        let rejected = |folds: &mut Folds, reason, detail, id| {
            let message = Undecodable { reason, detail, origin: "/fuzz", id, text: Some(text) };
            folds.journal(undecodable(version, &station, &key, &message));
        };
        match Frame::parse(text, version) {
            Ok(Frame::Call(call)) => match decode(version, &station, &call, &key) {
                Ok(events) => {
                    let outcomes: Vec<_> = events.into_iter().map(|event| folds.journal(event)).collect();
                    let answering = Answering {
                        payload: call.payload,
                        outcomes: &outcomes,
                        now: Timestamp(1_700_000_000_123_456),
                        heartbeat_interval_s: 300,
                        key: &key,
                        pending: false,
                    };
                    if let Ok(payload) = answer(version, &call.action, &answering) {
                        let result = station::ocpp::frame::call_result(call.raw_id, &payload);
                        assert!(
                            serde_json::from_str::<serde_json::Value>(&result).is_ok(),
                            "the answer is no JSON: {result}"
                        );
                    }
                }
                Err(error) => {
                    rejected(&mut folds, RejectReason::Invalid, error.to_string(), Some(&call.id));
                }
            },
            Ok(Frame::Answer(_) | Frame::ResultError(_)) => {}
            Err(error) => rejected(&mut folds, RejectReason::Malformed, error.detail, None),
        }
    }
    folds.pass_time();
}
