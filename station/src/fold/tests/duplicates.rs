//! What is sent twice.

use super::*;

#[test]
fn what_is_sent_twice_is_one_fact_and_gets_the_same_answer() {
    let mut play = Play::new(Source::Ocpp16);
    let first = play.start("m1", 1, T0, 0.0);
    let again = play.start("m1", 1, T0, 0.0);
    assert_eq!(again.verdict, Verdict::Duplicate);
    assert_eq!(again.transaction_id, first.transaction_id);
    let other_id = play.start("m9", 1, T0, 0.0);
    assert_eq!((other_id.verdict, other_id.transaction_id), (Verdict::Duplicate, first.transaction_id));

    let transaction = id_of(&first);
    assert_eq!(play.meter("m2", &transaction, T0.plus_seconds(60), 10.0, 600.0).verdict, Verdict::Stored);
    assert_eq!(play.meter("m2", &transaction, T0.plus_seconds(60), 10.0, 600.0).verdict, Verdict::Duplicate);
    // The same id with another payload is a new call.
    assert_eq!(play.meter("m2", &transaction, T0.plus_seconds(120), 20.0, 600.0).verdict, Verdict::Stored);
    play.stop("m3", &transaction, T0.plus_seconds(180), 30.0);
    assert_eq!(play.stop("m3", &transaction, T0.plus_seconds(180), 30.0).verdict, Verdict::Duplicate);
    // The start comes once more after the end, under its old message id: it is answered as before.
    let late = play.start("m1", 1, T0, 0.0);
    assert_eq!((late.verdict, late.transaction_id), (Verdict::Duplicate, first.transaction_id));
    assert_eq!(play.sessions().len(), 1);
}

#[test]
fn a_start_retried_with_a_new_time_is_the_same_session() {
    let mut play = Play::new(Source::Ocpp16);
    let first = play.start("m1", 1, T0, 500.0);
    for retry in 1..4 {
        play.now = T0.plus_seconds(60 * retry);
        let again = play.start(&format!("m1-{retry}"), 1, play.now, 500.0);
        assert_eq!(again.transaction_id, first.transaction_id);
        assert_eq!(again.verdict, Verdict::Duplicate);
    }
    play.meter("m2", &id_of(&first), T0.plus_seconds(240), 510.0, 600.0);
    // Now something is in between: it is another session, and the first is inferred ended.
    play.now = T0.plus_seconds(300);
    let other = play.start("m3", 1, play.now, 500.0);
    assert_ne!(other.transaction_id, first.transaction_id);
    let sessions = play.sessions();
    assert_eq!(sessions.len(), 2);
    assert!(sessions[0].inferred && sessions[0].state == "ended");
    assert!(sessions[0].flags.as_deref().is_some_and(|f| f.contains("start_retried")));
}

#[test]
fn the_same_record_is_one_session() {
    let mut play = Play::new(Source::Import);
    let record = SessionRecord {
        token: Some(card("A")),
        started_at: T0.plus_seconds(-86_400 * 400),
        ended_at: T0.plus_seconds(-86_400 * 400 + 3600),
        energy_wh: Some(7_000.0),
        ..SessionRecord::default()
    };
    let event = |record: &SessionRecord| {
        StationEvent::new(
            StationId::new("CP1").unwrap(),
            Source::Import,
            EventKind::SessionRecorded(Box::new(record.clone())),
        )
    };
    assert_eq!(play.event(event(&record)).verdict, Verdict::Stored);
    assert_eq!(play.event(event(&record)).verdict, Verdict::Duplicate);
    let backwards = SessionRecord { ended_at: record.started_at.plus_seconds(-1), ..record.clone() };
    assert_eq!(play.event(event(&backwards)).verdict, Verdict::Rejected(RejectReason::Invalid));
    let sessions = play.sessions();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].ts, record.started_at);
    assert_eq!(sessions[0].mean_power_w, Some(7_000.0));
    assert!(play.fold.totals().sites.is_empty(), "imports are history, not traffic");
}

#[test]
fn a_rejected_event_is_replayed_once_however_much_came_in_between() {
    let mut play = Play::new(Source::Ocpp16);
    let rejected = crate::id::EventId(Uuid::from_u128(1 << 100));
    let replay = |part: u32| StationEvent {
        event_id: crate::id::EventId::replayed(rejected, part),
        station_ts: Some(T0),
        connector: Some(1),
        ..StationEvent::new(
            StationId::new("CP1").unwrap(),
            Source::Ocpp16,
            EventKind::FirmwareStatus { status: "Installed".into() },
        )
    };
    let seen_at = |play: &Play| play.fold.now(&play.station).map(|now| now.station.last_seen_at);
    play.status("s", 1, ConnectorStatus::Available);
    let seen = seen_at(&play);
    play.now = T0.plus_seconds(3_600);
    assert_eq!(play.event(replay(0)).verdict, Verdict::Stored);
    assert_eq!(play.event(replay(1)).verdict, Verdict::Stored, "another event of the same message");
    assert_eq!(seen_at(&play), seen, "nothing was heard of the station");
    for n in 0..600 {
        play.say(
            &format!("f{n}"),
            1,
            Some(T0.plus_seconds(n)),
            EventKind::FirmwareStatus { status: "Idle".into() },
        );
    }
    assert_eq!(play.event(replay(0)).verdict, Verdict::Duplicate);
    assert_eq!(play.event(replay(1)).verdict, Verdict::Duplicate);
}
