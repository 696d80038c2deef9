//! Who may charge.

use super::*;
use crate::setting::{TokenStatus, ValueSetting};

#[test]
fn tokens_are_judged() {
    let mut play = Play::new(Source::Ocpp16);
    let ask = |play: &mut Play, plain: &str, id: &str| {
        play.say(id, 0, None, EventKind::Authorized { token: card(plain) }).authorization
    };
    assert_eq!(ask(&mut play, "A", "1"), Some(Authorization::Accepted));
    assert_eq!(ask(&mut play, "a", "2"), Some(Authorization::Accepted));
    assert_eq!(ask(&mut play, "B", "3"), Some(Authorization::Unknown));
    let token = |hash: String| TokenSetting { token_hash: hash, ..TokenSetting::default() };
    play.set(Setting::Token(TokenSetting { status: TokenStatus::Blocked, ..token(card("A").hash) }));
    play.set(Setting::Token(TokenSetting {
        valid_until: Some(T0.plus_seconds(-1)),
        ..token(card("C").hash)
    }));
    assert_eq!(ask(&mut play, "A", "4"), Some(Authorization::Blocked));
    assert_eq!(ask(&mut play, "C", "5"), Some(Authorization::Expired));
    play.set(Setting::Value(ValueSetting {
        key: "unknown_tokens".into(),
        value: serde_json::json!("accept"),
    }));
    assert_eq!(ask(&mut play, "B", "6"), Some(Authorization::Accepted));
}

impl Play {
    fn card(&mut self, plain: &str, setting: TokenSetting) {
        self.set(Setting::Token(TokenSetting { token_hash: card(plain).hash, ..setting }));
    }

    fn value(&mut self, key: &str, value: serde_json::Value) {
        self.set(Setting::Value(ValueSetting { key: key.into(), value }));
    }

    fn at(&mut self, station: &str) {
        self.station = StationId::new(station).unwrap();
    }

    fn show(&mut self, plain: &str) -> Outcome {
        let id = self.next.to_string();
        self.say(&id, 0, None, EventKind::Authorized { token: card(plain) })
    }

    fn start_by(&mut self, plain: &str) -> Outcome {
        let (id, at) = (self.next.to_string(), self.now);
        let start = SessionStart { token: Some(card(plain)), ..SessionStart::default() };
        self.say(&id, 1, Some(at), EventKind::SessionStarted(start))
    }

    fn stop_by(&mut self, plain: &str, started: &Outcome, reason: &str) -> Outcome {
        let end = SessionEnd {
            transaction: Some(id_of(started)),
            token: Some(card(plain)),
            reason: Some(reason.into()),
            ..SessionEnd::default()
        };
        self.now = self.now.plus_seconds(60);
        let (id, at) = (self.next.to_string(), self.now);
        self.say(&id, 1, Some(at), EventKind::SessionEnded(end))
    }
}

#[test]
fn a_token_is_valid_from_one_time_to_another() {
    let mut play = Play::new(Source::Ocpp201);
    play.card(
        "C",
        TokenSetting {
            valid_from: Some(T0.plus_seconds(60)),
            valid_until: Some(T0.plus_seconds(120)),
            group_sealed: Some("sealed".into()),
            ..TokenSetting::default()
        },
    );
    for (second, expected) in [
        (0, Authorization::NotYetValid),
        (60, Authorization::Accepted),
        (120, Authorization::Accepted),
        (121, Authorization::Expired),
    ] {
        play.now = T0.plus_seconds(second);
        let outcome = play.show("C");
        assert_eq!(outcome.authorization, Some(expected), "{second}");
        let terms = Terms { valid_until: Some(T0.plus_seconds(120)), group_sealed: Some("sealed".into()) };
        assert_eq!(outcome.terms, Some(terms), "{second}");
    }
    play.card(
        "C",
        TokenSetting { status: TokenStatus::Blocked, valid_until: Some(T0), ..TokenSetting::default() },
    );
    assert_eq!(play.show("C").authorization, Some(Authorization::Blocked), "whatever its time");
}

#[test]
fn a_token_has_one_session_at_a_time() {
    let mut play = Play::new(Source::Ocpp16);
    let first = play.start_by("A");
    play.at("CP2");
    assert_eq!(play.show("A").authorization, Some(Authorization::Accepted), "only a start is refused for it");
    let second = play.start_by("a");
    assert_eq!(second.authorization, Some(Authorization::ConcurrentTx));
    assert!(second.transaction_id.is_some(), "it is a session all the same");

    // The session that was there first is still accepted when its start comes again.
    play.at("CP1");
    let again = play.say(
        "again",
        1,
        Some(T0),
        EventKind::SessionStarted(SessionStart { token: Some(card("A")), ..SessionStart::default() }),
    );
    assert_eq!((again.verdict, again.authorization), (Verdict::Duplicate, Some(Authorization::Accepted)));

    // A refused session holds nothing: its card is free as soon as the first session ends.
    assert_eq!(play.stop_by("A", &first, "Local").authorization, Some(Authorization::Accepted));
    play.at("CP3");
    let third = play.start_by("A");
    assert_eq!(third.authorization, Some(Authorization::Accepted));
    // An end that is inferred frees it, and a session that goes on after all holds it again.
    play.now = play.now.plus_seconds(60);
    play.say("boot", 0, None, EventKind::Booted(Boot::default()));
    play.at("CP4");
    let fourth = play.start_by("A");
    assert_eq!(fourth.authorization, Some(Authorization::Accepted));
    play.stop_by("A", &fourth, "Local");
    play.at("CP3");
    play.now = play.now.plus_seconds(60);
    let now = play.now;
    play.meter("meter", &id_of(&third), now, 5.0, 5.0);
    play.at("CP4");
    assert_eq!(play.start_by("A").authorization, Some(Authorization::ConcurrentTx));

    play.value("concurrent_sessions", serde_json::json!("accept"));
    play.at("CP5");
    assert_eq!(play.start_by("A").authorization, Some(Authorization::Accepted));
    play.value("concurrent_sessions", serde_json::json!("refuse"));
    play.card("A", TokenSetting { concurrent: true, ..TokenSetting::default() });
    play.at("CP6");
    assert_eq!(play.start_by("A").authorization, Some(Authorization::Accepted));
}

#[test]
fn where_all_may_charge_one_card_may_stand_for_everybody() {
    let mut play = Play::new(Source::Ocpp16);
    play.value("unknown_tokens", serde_json::json!("accept"));
    for station in ["CP1", "CP2"] {
        play.at(station);
        assert_eq!(play.start_by("FREE").authorization, Some(Authorization::Accepted));
    }
}

#[test]
fn a_2x_session_is_told_of_its_token_when_it_is_shown() {
    let mut play = Play::new(Source::Ocpp201);
    let begin = |play: &mut Play, station: &str| {
        play.at(station);
        let start = SessionStart { transaction: Some("tx".into()), ..SessionStart::default() };
        play.say(station, 1, Some(T0), EventKind::SessionStarted(start)).authorization
    };
    let show = |play: &mut Play, plain: &str| {
        let (id, at) = (play.next.to_string(), T0.plus_seconds(i64::try_from(play.next).unwrap()));
        let update = EventKind::SessionUpdated {
            transaction: "tx".into(),
            charging_state: None,
            token: Some(card(plain)),
            sequence: None,
        };
        play.say(&id, 1, Some(at), update)
    };
    assert_eq!(begin(&mut play, "CP1"), None);
    assert_eq!(show(&mut play, "A").authorization, Some(Authorization::Accepted));
    assert_eq!(show(&mut play, "A").authorization, Some(Authorization::Accepted), "its own");
    begin(&mut play, "CP2");
    assert_eq!(show(&mut play, "A").authorization, Some(Authorization::ConcurrentTx));
    play.at("CP1");
    let foreign = show(&mut play, "B");
    assert_eq!(foreign.authorization, Some(Authorization::Unknown));
    assert_eq!(foreign.deviations.to_flags().as_deref(), Some("foreign_card"));
}

#[test]
fn a_session_is_stopped_by_its_card_or_one_of_its_group() {
    let mut play = Play::new(Source::Ocpp16);
    let group = |hash: &str| TokenSetting { group_hash: Some(card(hash).hash), ..TokenSetting::default() };
    play.card("A", group("G"));
    play.card("B", group("g"));
    play.card("C", group("H"));
    play.card("D", TokenSetting { status: TokenStatus::Blocked, ..group("G") });
    for (stopper, reason, authorization, flags) in [
        ("a", "Local", Authorization::Accepted, None),
        ("B", "Local", Authorization::Accepted, None),
        ("G", "Local", Authorization::Unknown, None),
        ("D", "Local", Authorization::Blocked, None),
        ("C", "Local", Authorization::Accepted, Some("foreign_card")),
        ("X", "Local", Authorization::Unknown, Some("foreign_card")),
        ("C", "MasterPass", Authorization::Accepted, None),
    ] {
        let started = play.start_by("A");
        assert_eq!(started.authorization, Some(Authorization::Accepted), "{stopper}");
        let ended = play.stop_by(stopper, &started, reason);
        assert_eq!(ended.authorization, Some(authorization), "{stopper}");
        assert_eq!(ended.deviations.to_flags().as_deref(), flags, "{stopper}");
        let session = play.sessions().pop().unwrap();
        assert_eq!((session.state, session.flags.as_deref()), ("ended", flags), "{stopper}");
        assert_eq!(session.token_hash, Some(card("A").hash), "whose session it was stays");
    }
}

#[test]
fn in_maintenance_nobody_begins_but_whoever_charges_may_stop() {
    let mut play = Play::new(Source::Ocpp16);
    let started = play.start_by("A");
    play.value("maintenance", serde_json::json!(true));
    assert_eq!(play.show("A").authorization, Some(Authorization::Accepted));
    assert_eq!(play.stop_by("A", &started, "Local").authorization, Some(Authorization::Accepted));
    assert_eq!(play.show("A").authorization, Some(Authorization::Maintenance));
    assert_eq!(play.start_by("A").authorization, Some(Authorization::Maintenance));
}

#[test]
fn unknown_cards_are_captured_until_they_are_registered() {
    let mut play = Play::new(Source::Ocpp16);
    let kept = |play: &Play| -> Vec<(String, u64)> {
        let of = |seen: &UnknownToken| (seen.token.sealed.clone(), seen.times);
        play.fold.unknown_tokens().iter().map(of).collect()
    };
    play.show("A");
    assert_eq!(kept(&play), [], "it is known");
    play.show("X");
    play.now = T0.plus_seconds(60);
    play.start_by("Y");
    play.show("x");
    assert_eq!(kept(&play), [(card("x").sealed, 2), (card("Y").sealed, 1)]);
    let seen = play.fold.unknown_tokens().find(&card("X").hash).cloned().unwrap();
    assert_eq!((seen.first_seen_at, seen.last_seen_at, seen.connector), (T0, T0.plus_seconds(60), None));
    assert_eq!(play.fold.unknown_tokens().find(&card("Y").hash).unwrap().connector, Some(1));

    play.card("X", TokenSetting::default());
    assert_eq!(kept(&play), [(card("Y").sealed, 1)]);
    // A station that invents cards drives out its own.
    play.at("CP2");
    for n in 0..100 {
        play.show(&format!("N{n}"));
    }
    assert_eq!(kept(&play).len(), 33);
    assert_eq!(kept(&play)[0], (card("N99").sealed, 1));
    for n in 0..1_000 {
        play.at(&format!("S{n}"));
        play.show(&format!("M{n}"));
    }
    assert_eq!(kept(&play).len(), 512);
    assert_eq!(play.fold.unknown_tokens().find(&card("Y").hash), None);
}
