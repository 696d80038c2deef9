//! What the fold makes of the lives of stations.

use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;
use crate::digest::digest;
use crate::event::*;
use crate::fact::SessionRow;
use crate::measurand::{Context, Location, Measurand, Reading, Sample};
use crate::secret::SecretKey;
use crate::setting::{Setting, SettingChange, StationSetting, Tariff, TokenSetting};

const T0: Timestamp = Timestamp(1_790_000_000_000_000);

/// A gateway's journal, played into a fold.
struct Play {
    fold: Fold,
    rows: Vec<Fact>,
    station: StationId,
    source: Source,
    now: Timestamp,
    next: u128,
}

impl Play {
    fn new(source: Source) -> Self {
        let mut play = Self {
            fold: Fold::default(),
            rows: Vec::new(),
            station: StationId::new("CP1").unwrap(),
            source,
            now: T0,
            next: 1,
        };
        play.set(Setting::Tariff(Tariff {
            tariff: "day".into(),
            currency: "EUR".into(),
            per_kwh: "0.30".parse().unwrap(),
            per_idle_minute: "0.10".parse().unwrap(),
            per_session: "0.35".parse().unwrap(),
            ..Tariff::default()
        }));
        play.set(Setting::Token(TokenSetting { token_hash: card("A").hash, ..TokenSetting::default() }));
        play.set(Setting::Station(StationSetting {
            station: "CP1".into(),
            site: Some("oslo".into()),
            ..StationSetting::default()
        }));
        play
    }

    fn set(&mut self, setting: Setting) {
        let revision = 1 + self.fold.settings().history(setting.collection(), setting.key()).len() as u64;
        let change = SettingChange { author: "test".into(), revision, setting };
        self.event(StationEvent::new(
            StationId::gateway(),
            Source::Api,
            EventKind::SettingChanged(Box::new(change)),
        ));
    }

    fn event(&mut self, mut event: StationEvent) -> Outcome {
        if !event.event_id.is_replay() {
            event.event_id = crate::id::EventId(Uuid::from_u128(self.next));
        }
        self.next += 1;
        event.received_at = self.now;
        let mut rows = Rows::wanted();
        let outcome = self.fold.apply(&event, &mut rows);
        self.rows.extend(rows.facts);
        outcome
    }

    /// A message at a connector with the station's time, as a decoder gives it.
    fn say(&mut self, message_id: &str, connector: i32, at: Option<Timestamp>, kind: EventKind) -> Outcome {
        let mut event = StationEvent::new(self.station.clone(), self.source, kind);
        event.connector = Some(connector);
        event.station_ts = at;
        event.message_id = Some(message_id.to_owned());
        event.digest = digest(&[format!("{connector}{at:?}{:?}", event.kind).as_bytes()]);
        self.event(event)
    }

    fn start(&mut self, id: &str, connector: i32, at: Timestamp, meter: f64) -> Outcome {
        self.now = self.now.max(at);
        let start =
            SessionStart { token: Some(card("A")), meter_start_wh: Some(meter), ..SessionStart::default() };
        self.say(id, connector, Some(at), EventKind::SessionStarted(start))
    }

    fn meter(&mut self, id: &str, transaction: &str, at: Timestamp, energy_wh: f64, power_w: f64) -> Outcome {
        self.now = self.now.max(at);
        let samples = vec![Sample {
            station_ts: Some(at),
            readings: vec![
                reading(Measurand::EnergyImportRegister, energy_wh, "Wh"),
                reading(Measurand::PowerImport, power_w, "W"),
            ],
            ..Sample::default()
        }];
        self.say(id, 1, None, EventKind::MeterSampled { transaction: Some(transaction.into()), samples })
    }

    fn stop(&mut self, id: &str, transaction: &str, at: Timestamp, meter: f64) -> Outcome {
        self.now = self.now.max(at);
        let end = SessionEnd {
            transaction: Some(transaction.into()),
            meter_stop_wh: Some(meter),
            reason: Some("Local".into()),
            ..SessionEnd::default()
        };
        let mut event = StationEvent::new(self.station.clone(), self.source, EventKind::SessionEnded(end));
        event.station_ts = Some(at);
        event.message_id = Some(id.to_owned());
        event.digest = digest(&[format!("{transaction}{at:?}{meter}").as_bytes()]);
        self.event(event)
    }

    fn status(&mut self, id: &str, connector: i32, status: ConnectorStatus) -> Outcome {
        let now = self.now;
        let kind = EventKind::StatusChanged(Status {
            status,
            error_code: None,
            vendor_error_code: None,
            vendor_id: None,
            info: None,
        });
        self.say(id, connector, Some(now), kind)
    }

    /// The last row of each session, as the store would hold it.
    fn sessions(&self) -> Vec<SessionRow> {
        let mut latest: Vec<SessionRow> = Vec::new();
        for fact in &self.rows {
            if let Fact::Session(row) = fact {
                match latest.iter_mut().find(|s| s.session_id == row.session_id) {
                    Some(known) => {
                        assert_eq!(known.ts, row.ts, "a session's ts never changes");
                        *known = (**row).clone();
                    }
                    None => latest.push((**row).clone()),
                }
            }
        }
        latest
    }
}

fn card(plain: &str) -> crate::secret::Token {
    SecretKey::new(b"test").token(plain)
}

fn reading(measurand: Measurand, value: f64, unit: &str) -> Reading {
    Reading {
        measurand,
        context: Context::Periodic,
        location: Location::Outlet,
        phase: None,
        value: Some(value),
        text: None,
        unit: unit.into(),
    }
}

fn id_of(outcome: &Outcome) -> String {
    outcome.transaction_id.expect("a transaction id").to_string()
}

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
fn tokens_are_judged() {
    let mut play = Play::new(Source::Ocpp16);
    let ask = |play: &mut Play, plain: &str, id: &str| {
        play.say(id, 0, None, EventKind::Authorized { token: card(plain) }).authorization
    };
    assert_eq!(ask(&mut play, "A", "1"), Some(Authorization::Accepted));
    assert_eq!(ask(&mut play, "a", "2"), Some(Authorization::Accepted));
    assert_eq!(ask(&mut play, "B", "3"), Some(Authorization::Invalid));
    let token = |hash: String| TokenSetting { token_hash: hash, ..TokenSetting::default() };
    play.set(Setting::Token(TokenSetting {
        status: crate::setting::TokenStatus::Blocked,
        ..token(card("A").hash)
    }));
    play.set(Setting::Token(TokenSetting {
        valid_until: Some(T0.plus_seconds(-1)),
        ..token(card("C").hash)
    }));
    assert_eq!(ask(&mut play, "A", "4"), Some(Authorization::Blocked));
    assert_eq!(ask(&mut play, "C", "5"), Some(Authorization::Expired));
    play.set(Setting::Value(crate::setting::ValueSetting {
        key: "unknown_tokens".into(),
        value: serde_json::json!("accept"),
    }));
    assert_eq!(ask(&mut play, "B", "6"), Some(Authorization::Accepted));
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
