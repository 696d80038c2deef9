//! Settings by command against a running gateway. Its store is down: settings do not wait for it.

mod common;

use common::gateway::Gateway;

#[test]
fn settings_are_set_listed_and_remembered() {
    let gateway = Gateway::start();
    let ask = |arguments: &[&str]| gateway.ask(arguments).expect("taken");

    assert_eq!(
        ask(&[
            "tariffs",
            "set",
            "standard",
            "--currency",
            "EUR",
            "--per-kwh",
            "0.30",
            "--per-session",
            "0.35"
        ]),
        "tariffs standard is now at revision 1\n"
    );
    // What is not given stays as it is.
    assert_eq!(
        ask(&["tariffs", "set", "standard", "--per-kwh", "0.31"]),
        "tariffs standard is now at revision 2\n"
    );
    let list = ask(&["tariffs", "list"]);
    let row: Vec<&str> = list.lines().nth(1).expect("a row").split_whitespace().collect();
    assert_eq!(row[..8], ["standard", "2", "-", "EUR", "0.31", "0", "0.35", "0"], "{list}");
    assert_eq!(row.last(), Some(&"ops"), "{list}");
    assert_eq!(ask(&["tariffs", "history", "standard"]).lines().count(), 3);

    let error = gateway
        .ask(&["tariffs", "set", "standard", "--per-kwh", "1", "--if-revision", "1"])
        .expect_err("412");
    assert!(error.contains("it was changed meanwhile"), "{error}");

    ask(&[
        "sites",
        "set",
        "depot",
        "--name",
        "Depot",
        "--lat",
        "-33.9",
        "--lon",
        "18.4",
        "--time-zone",
        "Africa/Johannesburg",
    ]);
    ask(&["sites", "set", "depot", "--maintenance"]);
    let sites = ask(&["sites", "list"]);
    assert!(
        sites.contains("Depot  -33.9         18.4           Africa/Johannesburg  -         yes"),
        "{sites}"
    );
    ask(&["sites", "set", "depot", "--maintenance=false"]);

    ask(&["stations", "set", "CP 7", "--site", "depot", "--rated-kw", "22"]);
    ask(&["limits", "set", "depot", "--grid-kw", "150"]);
    ask(&["settings", "set", "unknown_tokens", "accept"]);
    assert!(ask(&["stations", "list", "--json"]).contains("\"rated_power_w\": 22000.0"));
    assert!(ask(&["limits", "list"]).contains("150000"));
    assert!(ask(&["settings", "list"]).contains("accept"));
    let books = ask(&["check", "books"]);
    assert!(books.contains("the books balance"), "{books}");
    assert!(books.contains("the store takes no rows"), "{books}");

    let (status, said) = gateway.server.stop();
    assert_eq!(status, Some(0), "{said}");
}

#[test]
fn cards_are_kept_as_hashes() {
    let gateway = Gateway::start();
    let ask = |arguments: &[&str]| gateway.ask(arguments).expect("taken");
    ask(&["tokens", "set", "04A1B2C3", "--label", "fleet-7", "--valid-until", "2027-01-01T00:00:00Z"]);
    let list = ask(&["tokens", "list"]);
    assert!(!list.contains("04A1B2C3") && list.contains("fleet-7") && list.contains("2027-01-01"), "{list}");
    let hash = list.lines().nth(1).and_then(|row| row.split_whitespace().next()).expect("a row").to_owned();
    ask(&["tokens", "set", &format!("hash:{hash}"), "--block"]);
    let list = ask(&["tokens", "list"]);
    assert!(list.contains("blocked") && list.contains("fleet-7"), "{list}");
    ask(&["tokens", "set", "04a1b2c3", "--unblock"]);
    let list = ask(&["tokens", "list"]);
    assert!(list.contains("accepted") && list.contains("fleet-7") && list.contains("2027-01-01"), "{list}");
    assert_eq!(ask(&["tokens", "history", &hash]).lines().count(), 4);

    // What is empty is taken away, whichever way the card is named.
    let of_card = || {
        let list = ask(&["tokens", "list", "--json"]);
        let items: serde_json::Value = serde_json::from_str(&list).expect("JSON");
        items[0]["value"].clone()
    };
    ask(&["tokens", "set", "04a1b2c3", "--group", "FLEET", "--label", "", "--valid-until", ""]);
    let card = of_card();
    assert!(
        card["group_hash"].is_string() && card["label"].is_null() && card["valid_until"].is_null(),
        "{card}"
    );
    assert!(!card.to_string().contains("sealed"), "{card}");
    ask(&["tokens", "set", &format!("hash:{hash}"), "--group", "", "--label", "again", "--concurrent"]);
    let card = of_card();
    assert!(card["group_hash"].is_null(), "{card}");
    assert_eq!((&card["label"], &card["concurrent"]), (&"again".into(), &true.into()), "{card}");
    let error =
        gateway.ask(&["tokens", "set", "04a1b2c3", "--block", "--if-revision", "1"]).expect_err("412");
    assert!(error.contains("it was changed meanwhile"), "{error}");
    let error = gateway.ask(&["tokens", "enroll", "00"]).expect_err("none was shown");
    assert!(error.contains("have it shown at a station again"), "{error}");
}

#[test]
fn what_is_wrong_is_said() {
    let gateway = Gateway::start();
    for (arguments, expected) in [
        (&["tariffs", "set", "x", "--per-kwh", "1"][..], "missing field `currency`"),
        (&["tariffs", "set", "x", "--currency", "euro"], "currency \"euro\" must be three capital letters"),
        (&["sites", "set", "x", "--time-zone", "Mars/Olympus"], "time_zone \"Mars/Olympus\" is unknown"),
        (&["settings", "set", "colour", "red"], "\"colour\" means nothing to the gateway"),
        (&["tariffs", "history", "nothing"], "there is no tariffs \"nothing\""),
        (&["tariffs", "set", "x", "--valid-from", "soon"], "\"soon\" is no time"),
    ] {
        let error = gateway.ask(arguments).expect_err("refused");
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    let error = gateway.ask_as("look", &["limits", "set", "x", "--grid-kw", "1"]).expect_err("403");
    assert!(error.contains("the token \"looker\" has not the scope \"write\""), "{error}");
    let error = gateway.ask_as("wrong", &["limits", "list"]).expect_err("401");
    assert!(error.contains("the gateway wants to know who asks"), "{error}");
}

#[test]
fn the_gateway_exports_what_is_declared_and_nothing_else() {
    let gateway = Gateway::start();
    let scrape = ureq::get(format!("{}/metrics", gateway.admin)).call().expect("answers");
    let scrape = scrape.into_body().read_to_string().expect("text");
    let declared = [service::metrics::PROCESS_METRICS, &gateway::metrics::specs()].concat();
    assert_eq!(service::metrics::check_scrape(&declared, &scrape), Vec::<String>::new());
    let labelled = |name: &&str| declared.iter().any(|spec| spec.name == *name && !spec.labels.is_empty());
    let absent: Vec<&str> = service::metrics::absent_from(&declared, &scrape)
        .into_iter()
        .filter(|name| !labelled(name))
        .collect();
    assert_eq!(
        absent,
        ["ampwarden_mqtt_broker_up"],
        "what has no labels is there from the start; here is no broker"
    );
}
