//! What all decoded events go through: bytes and back, both folds, rows, current states.

use station::event::{EventKind, Source, StationEvent};
use station::fold::{Fold, Rows};
use station::id::EventId;
use station::time::Timestamp;
use uuid::Uuid;

/// 2023-11-14, µs.
const BEGIN: i64 = 1_700_000_000_000_000;

/// Two folds of the same events: one that answers, and one that writes rows.
#[derive(Default)]
pub(crate) struct Folds {
    answering: Fold,
    writing: Fold,
    journaled: u32,
}

impl Folds {
    /// Journals and folds one event, as the gateway does: it gets its id and its time of receipt here.
    pub(crate) fn journal(&mut self, mut event: StationEvent) -> station::fold::Outcome {
        self.journaled += 1;
        event.event_id = EventId(Uuid::from_u128(u128::from(self.journaled)));
        event.received_at = Timestamp(BEGIN + i64::from(self.journaled) * 20_000_000);
        self.fold(&event)
    }

    /// Folds one event that has its id and time.
    pub(crate) fn fold(&mut self, event: &StationEvent) -> station::fold::Outcome {
        let mut bytes = Vec::new();
        proto::event::encode(event, &mut bytes);
        let again = proto::event::decode(&bytes).unwrap_or_else(|error| panic!("{event:?}: {error}"));
        // As text: what is not a number is not even equal to itself.
        assert_eq!(format!("{event:?}"), format!("{again:?}"), "an event is changed by being journaled");
        let answer = self.answering.apply(event, &mut Rows::ignored());
        let mut rows = Rows::wanted();
        assert_eq!(answer, self.writing.apply(&again, &mut rows), "the two folds disagree on {event:?}");
        if let Some(now) = self.writing.now(&event.station) {
            assert_eq!(now.station.station, event.station.to_string());
        }
        answer
    }

    /// Lets time pass: ticks, and sessions of which nothing is heard any more.
    pub(crate) fn pass_time(&mut self) {
        // After all that was received.
        let before = Timestamp(BEGIN + i64::from(self.journaled + 1) * 20_000_000);
        let ticks: Vec<_> = self.writing.stations_to_tick(before, Timestamp(i64::MAX)).cloned().collect();
        let silent: Vec<_> = self
            .writing
            .silent_sessions(before)
            .map(|(station, session)| (station.clone(), session))
            .collect();
        for station in ticks {
            self.journal(StationEvent::new(station, Source::Gateway, EventKind::Tick));
        }
        for (station, session_id) in silent {
            let kind = EventKind::SessionEndInferred { session_id };
            self.journal(StationEvent::new(station, Source::Gateway, kind));
        }
        assert_eq!(self.writing.silent_sessions(before).count(), 0, "a session outlives its inferred end");
    }
}
