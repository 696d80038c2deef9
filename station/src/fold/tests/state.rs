//! What is kept of stations, and what is told of an event.

use super::*;

#[test]
fn newest_connection_wins() {
    let mut play = Play::new(Source::Ocpp16);
    let epoch = Uuid::from_u128(7);
    let connected = || EventKind::Connected { gateway: "g".into(), epoch, remote: "127.0.0.1".into() };
    let gone = |reason: &str| EventKind::Disconnected { gateway: "g".into(), epoch, reason: reason.into() };
    let event = |kind| StationEvent::new(StationId::new("CP1").unwrap(), Source::Ocpp16, kind);
    play.event(event(connected()));
    play.event(event(connected()));
    play.event(event(gone("replaced")));
    let station = StationId::new("CP1").unwrap();
    assert!(play.fold.now(&station).unwrap().station.connected);
    play.event(event(gone("closed")));
    assert!(!play.fold.now(&station).unwrap().station.connected);
}

#[test]
fn a_snapshot_goes_on_as_if_nothing_had_happened() {
    let mut play = Play::new(Source::Ocpp16);
    let transaction = id_of(&play.start("m1", 1, T0, 0.0));
    play.meter("m2", &transaction, T0.plus_seconds(60), 200.0, 12_000.0);
    let kept = serde_json::to_vec(&play.fold).unwrap();
    let mut restored = Play::new(Source::Ocpp16);
    restored.fold = serde_json::from_slice(&kept).unwrap();
    restored.next = play.next;
    assert_eq!(restored.fold, play.fold);
    for play in [&mut play, &mut restored] {
        play.rows.clear();
        assert_eq!(
            play.meter("m2", &transaction, T0.plus_seconds(60), 200.0, 12_000.0).verdict,
            Verdict::Duplicate
        );
        play.stop("m3", &transaction, T0.plus_seconds(120), 400.0);
    }
    assert_eq!(restored.rows, play.rows);
    assert_eq!(restored.fold, play.fold);
}

#[test]
fn what_the_fold_finds_odd_is_told_once_an_event() {
    let mut play = Play::new(Source::Ocpp16);
    let odd = |outcome: &Outcome| outcome.deviations.to_flags();
    assert_eq!(odd(&play.start("m1", 1, Timestamp(1), 1_000.0)).as_deref(), Some("clock"));
    assert_eq!(
        odd(&play.meter("m2", "99", T0.plus_seconds(60), 1_200.0, 12_000.0)).as_deref(),
        Some("transaction_id_unknown")
    );
    assert_eq!(
        odd(&play.meter("m3", "99", T0.plus_seconds(120), 900.0, 12_000.0)).as_deref(),
        Some("transaction_id_unknown,meter_backwards")
    );
    let stop = play.stop("m4", "7", T0.plus_seconds(180), 1_400.0);
    assert_eq!(
        odd(&stop).as_deref(),
        Some("transaction_id_unknown"),
        "the session's other flags were told before"
    );
    assert_eq!(odd(&play.stop("m5", "9", T0.plus_seconds(240), 5.0)).as_deref(), Some("stop_without_start"));
    assert_eq!(odd(&play.start("m6", 1, T0.plus_seconds(300), 1_000.0)), None);
}
