//! What was said before (DESIGN "Duplicates"), and how it is answered.

use super::{Folding, Outcome, Verdict, plausible};
use crate::deviation::Deviation;
use crate::event::{EventKind, SessionEnd, StationEvent};
use crate::id::SessionId;
use crate::time::Timestamp;

/// How many facts of a station are remembered to recognise what it sends twice (two digests each).
const FACTS_SEEN: usize = 2 * 256;
/// How many replayed events of a station are remembered.
const REPLAYED_SEEN: usize = 16_384;

impl Folding<'_> {
    /// Whether this comes from a rejected event that was replayed and taken before.
    pub(super) fn replayed_before(&self) -> bool {
        let event = self.origin.event;
        event.event_id.is_replay() && self.station.replayed.has(replay_digest(event))
    }

    /// Remembers an event that was replayed and is taken now.
    pub(super) fn remember_replay(&mut self) {
        let event = self.origin.event;
        if event.event_id.is_replay() {
            self.station.replayed.insert(replay_digest(event), REPLAYED_SEEN);
        }
    }

    /// Whether the station sent this before: the same message id, action and payload; or the same payload with a
    /// plausible time of its own. Remembers it, if not.
    pub(super) fn seen_before(&mut self) -> bool {
        let event = self.origin.event;
        if event.digest == 0 || matches!(event.kind, EventKind::SessionRecorded(_)) {
            return false;
        }
        // A start is recognised by its content while its session is open, whatever its message id (see
        // `session_started`); and a station whose clock is lost repeats itself to the letter.
        let clock_lost = self.origin.deviations.has(Deviation::Clock);
        if matches!(event.kind, EventKind::SessionStarted(_)) && clock_lost {
            return false;
        }
        let mut seen = false;
        if let Some(id) = &event.message_id {
            // What has no time of its own may be said again on a new connection, under a message id counted from 1.
            let connection = match event.kind {
                EventKind::Heartbeat | EventKind::Booted(_) | EventKind::Authorized { .. } => {
                    self.station.connections
                }
                _ => 0,
            };
            let digest = crate::digest::digest(&[
                b"id",
                id.as_bytes(),
                &event.digest.to_be_bytes(),
                &connection.to_be_bytes(),
            ]);
            seen |= !self.station.seen.insert(digest, FACTS_SEEN);
        }
        if has_time_of_its_own(event, self.origin.latest) && !clock_lost {
            let digest = crate::digest::digest(&[b"time", &event.digest.to_be_bytes()]);
            seen |= !self.station.seen.insert(digest, FACTS_SEEN);
        }
        seen
    }

    /// Answers what was said before as it was answered then.
    pub(super) fn duplicate(&mut self) -> Outcome {
        let event = self.origin.event;
        let outcome = match &event.kind {
            EventKind::SessionStarted(start) => {
                let open = self.started_before(start);
                let known = open.or_else(|| Some(self.started_and_ended(start)?.session_id));
                let transaction_id = known.and_then(|id| self.station.session(id)?.given_id);
                let outcome =
                    self.begun_by(start, known.unwrap_or_else(|| SessionId::begun_by(event.event_id)));
                Outcome { transaction_id, ..outcome }
            }
            EventKind::SessionEnded(SessionEnd { token: Some(token), .. }) => self.stopping(token),
            EventKind::Authorized { token } => self.shown(token),
            EventKind::SessionUpdated { token: Some(token), transaction, .. } => {
                let session = self.station.open_transaction(transaction).map(|s| s.session_id);
                self.shown_within(token, session)
            }
            _ => Outcome::default(),
        };
        Outcome { verdict: Verdict::Duplicate, ..outcome }
    }
}

/// What a replayed event is remembered by.
fn replay_digest(event: &StationEvent) -> u64 {
    crate::digest::digest(&[b"replay", event.event_id.0.as_bytes()])
}

/// Whether the event carries a time that the station gave it, so that two equal payloads are one fact.
fn has_time_of_its_own(event: &StationEvent, latest: Timestamp) -> bool {
    match &event.kind {
        EventKind::MeterSampled { samples, .. } => {
            !samples.is_empty()
                && samples.iter().all(|s| s.station_ts.is_some_and(|ts| plausible(ts, latest)))
        }
        _ => event.station_ts.is_some(),
    }
}
