//! What stations are told of cards: validity, blocks, groups, one session at a time, stops, and cards that nobody knows.

use integration::{Gateway, eventually_blocking, unique};
use serde_json::Value;

use crate::station::{DEADLINE, ask};
use crate::{Charger, gateway};

const VERSIONS: [&str; 3] = ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"];
const PAST: &str = "2020-01-01T00:00:00Z";
const FUTURE: &str = "2045-01-01T00:00:00Z";

fn status(info: &Value) -> &str {
    info["status"].as_str().unwrap_or("nothing")
}

fn foreign_cards(gateway: &Gateway, protocol: &str) -> f64 {
    let series = format!("ampwarden_deviations_total{{protocol=\"{protocol}\",kind=\"foreign_card\"}}");
    gateway.metric(&series).unwrap().unwrap_or(0.0)
}

#[test]
fn each_version_has_its_words_for_each_rule() {
    let mut gateway = gateway();
    let set = |arguments: &[&str]| {
        let _ = gateway.command(&[&["tokens", "set"], arguments].concat());
    };
    set(&["GOOD", "--group", "FAMILY", "--valid-until", FUTURE, "--concurrent"]);
    set(&["PLAIN", "--concurrent"]);
    set(&["OLD", "--valid-until", PAST, "--group", "FAMILY"]);
    set(&["EARLY", "--valid-from", FUTURE]);
    set(&["STOLEN", "--block"]);
    for protocol in VERSIONS {
        let mut charger = Charger::booted(&gateway, &unique("rules"), protocol);
        let rules = [
            ("GOOD", "Accepted"),
            ("good", "Accepted"),
            ("PLAIN", "Accepted"),
            ("OLD", "Expired"),
            ("EARLY", charger.word("Invalid", "NotAtThisTime")),
            ("STOLEN", "Blocked"),
            ("NOBODYS", charger.word("Invalid", "Unknown")),
        ];
        for (card, expected) in rules {
            let shown = charger.authorize(card);
            assert_eq!(status(&shown), expected, "{protocol} {card}: {shown}");
            let (transaction, begun) = charger.start(1, card);
            assert_eq!(begun, shown, "{protocol} {card}: a start is answered like a question");
            let ended = charger.stop(1, &transaction, card);
            assert_eq!(ended, shown, "{protocol} {card}: and so is a stop");
        }
        // What else is told: until when, and the group.
        let (expiry, group) = if protocol == "ocpp1.6" {
            ("expiry_date", "/parent_id_tag")
        } else {
            ("cache_expiry_date_time", "/group_id_token/id_token")
        };
        let good = charger.authorize("GOOD");
        assert!(good[expiry].as_str().is_some_and(|at| at.starts_with("2045-01-01T00:00:00")), "{good}");
        assert_eq!(good.pointer(group), Some(&"FAMILY".into()), "{good}");
        let plain = charger.authorize("PLAIN");
        assert!(plain[expiry].is_null() && plain.pointer(group).is_none_or(Value::is_null), "{plain}");
        assert_eq!(foreign_cards(&gateway, protocol), 0.0);
    }

    // Whoever is not known may charge, if that is set; and again not.
    for (policy, v16, v2) in [("accept", "Accepted", "Accepted"), ("refuse", "Invalid", "Unknown")] {
        let _ = gateway.command(&["settings", "set", "unknown_tokens", policy]);
        for protocol in VERSIONS {
            let mut charger = Charger::booted(&gateway, &unique("rules"), protocol);
            let expected = charger.word(v16, v2);
            assert_eq!(status(&charger.authorize("WHOEVER")), expected, "{protocol}");
            assert_eq!(status(&charger.start(1, "WHOEVER").1), expected, "{protocol}");
            assert_eq!(status(&charger.authorize("STOLEN")), "Blocked", "{protocol}");
        }
    }

    // Group and label can be taken away, and the station is told so.
    let _ = gateway.command(&["tokens", "set", "GOOD", "--group", "", "--label", ""]);
    let mut charger = Charger::booted(&gateway, &unique("rules"), "ocpp1.6");
    assert!(charger.authorize("GOOD")["parent_id_tag"].is_null());

    // No card is kept in plain text, and none is logged.
    gateway.stop();
    let log = gateway.log();
    for card in ["STOLEN", "NOBODYS", "FAMILY"] {
        assert!(!log.contains(card), "{log}");
    }
}

#[test]
fn a_card_has_one_session_at_a_time() {
    let mut gateway = gateway();
    for protocol in VERSIONS {
        let card = unique("ONE");
        let _ = gateway.command(&["tokens", "set", &card]);
        let mut here = Charger::booted(&gateway, &unique("here"), protocol);
        let mut there = Charger::booted(&gateway, &unique("there"), protocol);
        let (_, info) = here.start(1, &card);
        assert_eq!(status(&info), "Accepted", "{protocol}");
        assert_eq!(status(&there.authorize(&card)), "Accepted", "{protocol}: only a start is refused for it");
        for (charger, connector) in [(&mut there, 1), (&mut here, 2)] {
            let (transaction, info) = charger.start(connector, &card);
            assert_eq!(status(&info), "ConcurrentTx", "{protocol} {connector}");
            assert_eq!(status(&charger.stop(connector, &transaction, &card)), "Accepted", "{protocol}");
        }
        // The gateway remembers it over a restart.
        drop((here, there));
        gateway.kill();
        gateway.start_again();
        let mut here = Charger::booted(&gateway, &unique("new"), protocol);
        let (_, info) = here.start(1, &card);
        assert_eq!(status(&info), "ConcurrentTx", "{protocol}: after a restart");
        let _ = gateway.command(&["tokens", "set", &card, "--concurrent"]);
        assert_eq!(status(&here.start(2, &card).1), "Accepted", "{protocol}: one that may");
    }
    gateway.stop();
}

#[test]
fn a_session_is_stopped_by_its_card_or_one_of_its_group() {
    let mut gateway = gateway();
    let set = |arguments: &[&str]| {
        let _ = gateway.command(&[&["tokens", "set"], arguments].concat());
    };
    set(&["MINE", "--group", "FAMILY"]);
    set(&["SPOUSE", "--group", "family"]);
    set(&["NEIGHBOUR", "--group", "OTHERS"]);
    for protocol in VERSIONS {
        let mut charger = Charger::booted(&gateway, &unique("stop"), protocol);
        for (stopper, expected, foreign) in [
            ("MINE", "Accepted", 0.0),
            ("SPOUSE", "Accepted", 0.0),
            // The card is good, and stations keep what they are told of it: the session is flagged.
            ("NEIGHBOUR", "Accepted", 1.0),
            ("STRANGER", charger.word("Invalid", "Unknown"), 2.0),
        ] {
            let (transaction, info) = charger.start(1, "MINE");
            assert_eq!(status(&info), "Accepted", "{protocol} {stopper}: the last session is over");
            let ended = charger.stop(1, &transaction, stopper);
            assert_eq!(status(&ended), expected, "{protocol} {stopper}");
            eventually_blocking(DEADLINE, || {
                let found = foreign_cards(&gateway, protocol);
                if found == foreign { Ok(()) } else { Err(format!("{protocol} {stopper}: {found} flagged")) }
            });
        }
    }
    // 2.x: the card that stops comes before the end.
    let mut charger = Charger::booted(&gateway, &unique("stop"), "ocpp2.0.1");
    let (transaction, _) = charger.start(1, "MINE");
    let info = charger.event("Updated", "StopAuthorized", &transaction, 1, "SPOUSE");
    assert_eq!(status(&info), "Accepted");
    assert_eq!(foreign_cards(&gateway, "ocpp2.0.1"), 2.0);
    charger.event("Updated", "StopAuthorized", &transaction, 1, "NEIGHBOUR");
    assert_eq!(foreign_cards(&gateway, "ocpp2.0.1"), 3.0);

    let (code, books) = ask(&gateway, ("GET", "/v1/books"), None);
    assert_eq!((code, &books["rejected"]), (200, &serde_json::json!({})), "{books}");
    gateway.stop();
}
