//! Clocks that are wrong.

use super::*;

#[test]
fn stations_in_1970_repeat_themselves_and_lose_nothing() {
    let mut play = Play::new(Source::Ocpp16);
    let long_ago = Timestamp(5_000_000);
    let mut ids = Vec::new();
    for round in 0..3 {
        play.now = T0.plus_seconds(3600 * round);
        let started = play.start("1", 1, long_ago, 0.0);
        assert_eq!(started.verdict, Verdict::Stored);
        // The same start again, while it is open, is the same session.
        assert_eq!(play.start("1", 1, long_ago, 0.0).transaction_id, started.transaction_id);
        let transaction = id_of(&started);
        for n in 0..3 {
            play.now = play.now.plus_seconds(60);
            let id = format!("{round}-{n}");
            assert_eq!(play.meter(&id, &transaction, long_ago, 100.0, 6_000.0).verdict, Verdict::Stored);
        }
        play.now = play.now.plus_seconds(60);
        play.stop(&format!("s{round}"), &transaction, long_ago, 400.0);
        ids.push(transaction);
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
    let sessions = play.sessions();
    assert_eq!(sessions.len(), 3);
    assert!(sessions.iter().all(|s| s.energy_wh == Some(400.0) && s.duration_s == 240.0), "{sessions:?}");
    assert!(sessions.iter().all(|s| s.flags.as_deref().is_some_and(|f| f.contains("clock"))));
    let samples = play.rows.iter().filter(|f| matches!(f, Fact::MeterValue(..))).count();
    assert_eq!(samples, 9, "none swallows another");
}

#[test]
fn a_gateway_whose_clock_steps_back_believes_its_stations() {
    let mut play = Play::new(Source::Ocpp16);
    let transaction = id_of(&play.start("m1", 1, T0, 0.0));
    let real = T0.plus_seconds(3_600);
    let said = |play: &mut Play, step_s: i64| {
        let end = SessionEnd {
            transaction: Some(transaction.clone()),
            meter_stop_wh: Some(7_000.0),
            ..SessionEnd::default()
        };
        let mut event = StationEvent::new(play.station.clone(), play.source, EventKind::SessionEnded(end));
        event.station_ts = Some(real);
        event.message_id = Some("m2".to_owned());
        event.digest = 2;
        play.now = real.plus_seconds(step_s);
        play.event(event)
    };
    play.now = real;
    play.say("h", 0, None, EventKind::Heartbeat);
    assert_eq!(said(&mut play, -5 * 3_600).verdict, Verdict::Stored);
    assert_eq!(said(&mut play, 0).verdict, Verdict::Duplicate);
    let session = &play.sessions()[0];
    assert_eq!((session.ended_at, session.duration_s), (Some(real), 3_600.0));
    assert_eq!(session.flags, None, "its clock is right");

    // More than a day back: what was before was wrong, and a station that is a year ahead is not believed.
    play.now = T0.plus_seconds(365 * 86_400);
    play.say("h", 0, None, EventKind::Heartbeat);
    play.now = real.plus_seconds(60);
    let outcome = play.start("m3", 1, real.plus_seconds(30), 0.0);
    assert_eq!(outcome.verdict, Verdict::Stored);
    play.say(
        "m4",
        1,
        Some(T0.plus_seconds(300 * 86_400)),
        EventKind::StatusChanged(Status {
            status: ConnectorStatus::Charging,
            error_code: None,
            vendor_error_code: None,
            vendor_id: None,
            info: None,
        }),
    );
    let ahead = play.rows.iter().rev().find_map(|fact| match fact {
        Fact::ConnectorStatus(key, _) => Some(key.clone()),
        _ => None,
    });
    assert_eq!(ahead.map(|key| (key.ts, key.flags)), Some((play.now, Some("clock".to_owned()))));
}
