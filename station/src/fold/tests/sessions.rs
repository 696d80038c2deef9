//! Sessions: energy, time, money, and how they end.

use super::*;

#[test]
fn a_session_with_energy_time_and_money() {
    let mut play = Play::new(Source::Ocpp16);
    let started = play.start("m1", 1, T0, 1_000.0);
    assert_eq!(started.authorization, Some(Authorization::Accepted));
    let transaction = id_of(&started);
    play.meter("m2", &transaction, T0.plus_seconds(600), 3_000.0, 12_000.0);
    play.meter("m3", &transaction, T0.plus_seconds(1200), 5_000.0, 0.0);
    play.meter("m4", &transaction, T0.plus_seconds(1800), 5_000.0, 0.0);
    play.stop("m5", &transaction, T0.plus_seconds(2400), 5_000.0);

    let sessions = play.sessions();
    let [session] = sessions.as_slice() else { panic!("one session, not {sessions:?}") };
    assert_eq!(session.state, "ended");
    assert_eq!(session.energy_wh, Some(4_000.0));
    assert_eq!(
        (session.duration_s, session.charging_s, session.idle_s),
        (2400.0, Some(1200.0), Some(1200.0))
    );
    assert_eq!(session.max_power_w, Some(12_000.0));
    // 0.35 + 4 kWh × 0.30 + 20 min × 0.10
    assert_eq!(session.cost, Some(3.55));
    assert_eq!(session.currency.as_deref(), Some("EUR"));
    assert_eq!(session.site.as_deref(), Some("oslo"));
    assert_eq!(session.stop_reason.as_deref(), Some("Local"));
    assert_eq!(session.samples, 3);
    assert_eq!(session.revision, 0);
    let totals = &play.fold.totals().sites["oslo"];
    assert_eq!((totals.sessions_ended, totals.energy_wh), (1, 4_000.0));
    assert_eq!(totals.revenue["EUR"], "3.55".parse::<Decimal>().unwrap());
}

#[test]
fn stops_with_ids_that_nobody_gave() {
    for id in ["-1", "0", "9223372036854775807", "77"] {
        let mut play = Play::new(Source::Ocpp16);
        play.start("m1", 1, T0, 1_000.0);
        play.stop("m2", id, T0.plus_seconds(600), 2_000.0);
        let sessions = play.sessions();
        assert_eq!(sessions.len(), 1, "{id}: the only open session is meant");
        assert_eq!(sessions[0].energy_wh, Some(1_000.0));
        assert!(sessions[0].flags.as_deref().is_some_and(|f| f.contains("transaction_id_unknown")));
    }
    // With two open sessions the meter tells; where it cannot, nothing else is closed.
    let mut play = Play::new(Source::Ocpp16);
    play.start("m1", 1, T0, 1_000.0);
    play.start("m2", 2, T0, 900_000.0);
    play.stop("m3", "-1", T0.plus_seconds(600), 2_000.0);
    let sessions = play.sessions();
    assert_eq!((sessions[0].state, sessions[1].state), ("ended", "open"));

    let mut play = Play::new(Source::Ocpp16);
    play.start("m1", 1, T0, 1_000.0);
    play.start("m2", 2, T0, 1_100.0);
    play.stop("m3", "-1", T0.plus_seconds(600), 2_000.0);
    let sessions = play.sessions();
    assert_eq!(sessions.len(), 3);
    assert_eq!((sessions[0].state, sessions[1].state), ("open", "open"));
    assert!(sessions[2].partial && sessions[2].state == "ended" && sessions[2].energy_wh.is_none());
}

#[test]
fn an_end_is_inferred_and_later_corrected() {
    let mut play = Play::new(Source::Ocpp16);
    let transaction = id_of(&play.start("m1", 1, T0, 0.0));
    play.meter("m2", &transaction, T0.plus_seconds(600), 2_000.0, 12_000.0);
    play.now = T0.plus_seconds(900);
    play.status("m3", 1, ConnectorStatus::Available);
    assert!(play.sessions()[0].inferred);
    assert_eq!(play.sessions()[0].duration_s, 600.0, "as far as it is known");
    play.stop("m4", &transaction, T0.plus_seconds(800), 2_500.0);
    let session = &play.sessions()[0];
    assert!(!session.inferred);
    assert_eq!((session.energy_wh, session.duration_s, session.revision), (Some(2_500.0), 800.0, 1));
    // A late value counts as a correction, and changes neither end nor energy.
    play.meter("m5", &transaction, T0.plus_seconds(700), 2_200.0, 6_000.0);
    let session = &play.sessions()[0];
    assert_eq!((session.energy_wh, session.samples, session.revision), (Some(2_500.0), 2, 2));
    assert_eq!(play.fold.totals().sites["oslo"].energy_wh, 2_500.0);
}

#[test]
fn a_session_goes_on_after_a_boot_that_did_not_end_it() {
    let mut play = Play::new(Source::Ocpp16);
    let transaction = id_of(&play.start("m1", 1, T0, 0.0));
    play.meter("m2", &transaction, T0.plus_seconds(60), 200.0, 12_000.0);
    play.now = T0.plus_seconds(90);
    play.say("m3", 0, None, EventKind::Booted(Boot::default()));
    assert_eq!(play.sessions()[0].state, "ended");
    play.now = T0.plus_seconds(120);
    play.meter("m4", &transaction, T0.plus_seconds(120), 400.0, 12_000.0);
    play.stop("m5", &transaction, T0.plus_seconds(180), 600.0);
    let sessions = play.sessions();
    assert_eq!(sessions.len(), 1);
    assert_eq!((sessions[0].energy_wh, sessions[0].inferred), (Some(600.0), false));
    assert_eq!(play.fold.totals().sites["oslo"].energy_wh, 600.0);
}

#[test]
fn a_2x_transaction_whose_messages_come_in_any_order() {
    let start = EventKind::SessionStarted(SessionStart {
        transaction: Some("tx".into()),
        token: Some(card("A")),
        meter_start_wh: Some(100.0),
        ..SessionStart::default()
    });
    let sampled = EventKind::MeterSampled {
        transaction: Some("tx".into()),
        samples: vec![Sample {
            station_ts: Some(T0.plus_seconds(300)),
            readings: vec![reading(Measurand::EnergyImportRegister, 600.0, "Wh")],
            ..Sample::default()
        }],
    };
    let end = EventKind::SessionEnded(SessionEnd {
        transaction: Some("tx".into()),
        meter_stop_wh: Some(1_100.0),
        reason: Some("EVDisconnected".into()),
        ..SessionEnd::default()
    });
    let messages = [(start, 0), (sampled, 300), (end, 600)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut play = Play::new(Source::Ocpp201);
        play.now = T0.plus_seconds(700);
        for n in order {
            let (kind, at) = messages[n].clone();
            play.say(&format!("m{n}"), 1, Some(T0.plus_seconds(at)), kind);
        }
        let sessions = play.sessions();
        let [session] = sessions.as_slice() else { panic!("{order:?}: {sessions:?}") };
        assert_eq!(session.energy_wh, Some(1_000.0), "{order:?}");
        assert_eq!((session.started_at, session.ended_at), (T0, Some(T0.plus_seconds(600))), "{order:?}");
        assert!(session.token_hash.is_some() && !session.partial, "{order:?}");
        assert_eq!(session.samples, 1, "{order:?}");
    }
}

#[test]
fn a_2x_transaction_that_changes_its_evse_goes_on() {
    let started = |transaction: &str| {
        EventKind::SessionStarted(SessionStart {
            transaction: Some(transaction.into()),
            ..SessionStart::default()
        })
    };
    let updated = EventKind::SessionUpdated {
        transaction: "one".into(),
        charging_state: None,
        token: None,
        sequence: Some(1),
    };
    let ended = EventKind::SessionEnded(SessionEnd {
        transaction: Some("one".into()),
        reason: Some("Local".into()),
        ..SessionEnd::default()
    });
    let mut play = Play::new(Source::Ocpp201);
    play.now = T0.plus_seconds(900);
    let mut say = |id: &str, evse: i32, at: i64, kind: EventKind| {
        let mut event = StationEvent::new(play.station.clone(), play.source, kind);
        event.evse = Some(evse);
        event.connector = Some(1);
        event.station_ts = Some(T0.plus_seconds(at));
        event.message_id = Some(id.to_owned());
        event.digest = digest(&[id.as_bytes()]);
        play.event(event);
    };
    say("a", 1, 0, started("one"));
    say("b", 2, 300, updated.clone());
    // An older word about where it was comes late.
    say("c", 1, 200, updated);
    // Where it was, another one begins.
    say("d", 1, 400, started("two"));
    say("e", 2, 600, ended);
    let sessions = play.sessions();
    let [one, two] = sessions.as_slice() else { panic!("{sessions:?}") };
    assert_eq!((one.evse, one.connector, one.ended_at), (Some(2), Some(1), Some(T0.plus_seconds(600))));
    assert!(!one.inferred, "{one:?}");
    assert_eq!((two.evse, two.ended_at), (Some(1), None));
}

#[test]
fn the_tariff_in_force_at_the_start_holds() {
    let mut play = Play::new(Source::Ocpp16);
    let transaction = id_of(&play.start("m1", 1, T0, 0.0));
    play.now = T0.plus_seconds(60);
    play.set(Setting::Tariff(Tariff {
        tariff: "dear".into(),
        site: Some("oslo".into()),
        currency: "NOK".into(),
        per_kwh: Decimal::from(10),
        ..Tariff::default()
    }));
    play.stop("m2", &transaction, T0.plus_seconds(120), 1_000.0);
    assert_eq!(play.sessions()[0].cost, Some(0.65));
    let transaction = id_of(&play.start("m3", 1, T0.plus_seconds(130), 1_000.0));
    play.stop("m4", &transaction, T0.plus_seconds(190), 2_000.0);
    let session = &play.sessions()[1];
    assert_eq!((session.cost, session.currency.as_deref()), (Some(10.0), Some("NOK")));
}

#[test]
fn energy_falls_back_to_the_integral_of_power() {
    let mut play = Play::new(Source::MqttEndpoint);
    play.say(
        "m0",
        1,
        Some(T0),
        EventKind::SessionStarted(SessionStart { transaction: Some("s1".into()), ..SessionStart::default() }),
    );
    for n in 1..=6 {
        let samples = vec![Sample {
            station_ts: Some(T0.plus_seconds(600 * n)),
            readings: vec![reading(Measurand::PowerImport, 6_000.0, "W")],
            ..Sample::default()
        }];
        play.now = T0.plus_seconds(600 * n);
        play.say(
            &format!("m{n}"),
            1,
            None,
            EventKind::MeterSampled { transaction: Some("s1".into()), samples },
        );
    }
    play.say(
        "m9",
        1,
        Some(T0.plus_seconds(3600)),
        EventKind::SessionEnded(SessionEnd { transaction: Some("s1".into()), ..SessionEnd::default() }),
    );
    let session = &play.sessions()[0];
    assert!((session.energy_wh.unwrap() - 6_000.0).abs() < 1e-6, "{session:?}");
    assert!(session.flags.as_deref().is_some_and(|f| f.contains("energy_from_power")));
}
