//! The list of tokens arrives at stations, whose schemas take it: whole, in parts, what changed, and by itself; and what
//! they are told to do while they are offline.

use integration::{Gateway, eventually_blocking, unique};
use serde_json::{Value, json};

use crate::gateway;
use crate::station::{DEADLINE, Station, ask};

/// Cards of a list as a station was sent it, in their order, with their status.
fn cards(payload: &Value) -> String {
    let list = payload["localAuthorizationList"].as_array().cloned().unwrap_or_default();
    let mut cards: Vec<String> = list
        .iter()
        .map(|entry| {
            let card = entry["idTag"].as_str().or(entry["idToken"]["idToken"].as_str()).unwrap();
            let info = if entry["idTag"].is_string() { &entry["idTagInfo"] } else { &entry["idTokenInfo"] };
            format!("{card}:{}", info["status"].as_str().unwrap_or("-"))
        })
        .collect();
    cards.sort();
    cards.join(" ")
}

/// The next SendLocalList that a station receives: version, kind, cards.
fn received(station: &Station) -> (Value, String, String) {
    loop {
        let message = station.wait_for("received");
        if message["received"] == "SendLocalList" {
            let payload = &message["payload"];
            let version = payload.get("listVersion").or(payload.get("versionNumber")).cloned().unwrap();
            return (version, payload["updateType"].as_str().unwrap().to_owned(), cards(payload));
        }
    }
}

/// Has a station answer so from now on.
fn says(station: &mut Station, line: &str) {
    station.tell(line);
    while station.wait_for("did")["did"] != line {}
}

fn version_of(protocol: &str, version: i32) -> String {
    let name = if protocol == "ocpp1.6" { "listVersion" } else { "versionNumber" };
    format!("say GetLocalListVersion {}", json!({ name: version }))
}

/// Waits until no command of a station is open.
fn settled(gateway: &Gateway, station: &str) {
    eventually_blocking(DEADLINE, || {
        let (_, page) = ask(gateway, ("GET", &format!("/v1/commands?station={station}&open=true")), None);
        if page["items"] == json!([]) { Ok(()) } else { Err(format!("open: {page}")) }
    });
}

#[test]
fn lists_are_pushed_whole_in_parts_and_by_what_changed() {
    let mut gateway = gateway();
    let set = |arguments: &[&str]| {
        let _ = gateway.command(&[&["tokens", "set"], arguments].concat());
    };
    set(&["AA", "--group", "FAMILY", "--valid-until", "2045-01-01T00:00:00Z"]);
    set(&["BB", "--block"]);
    set(&["CC", "--valid-until", "2020-01-01T00:00:00Z"]);
    set(&["DD"]);
    for (round, protocol) in ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"].into_iter().enumerate() {
        let name = unique("list");
        let mut station = Station::booted(&gateway, &name, protocol);
        let limits = if protocol == "ocpp1.6" {
            json!({"configurationKey": [{"key": "SendLocalListMaxLength", "readonly": true, "value": "2"}]})
        } else {
            json!({"getVariableResult": [{"attributeStatus": "Accepted", "attributeValue": "2",
                "component": {"name": "LocalAuthListCtrlr"}, "variable": {"name": "ItemsPerMessage"}}]})
        };
        let asks = if protocol == "ocpp1.6" { "GetConfiguration" } else { "GetVariables" };
        says(&mut station, &format!("say {asks} {limits}"));
        says(&mut station, &version_of(protocol, 5));
        let told = gateway.command(&["tokens", "push", &name]);
        assert!(told.contains("push_local_list"), "{told}");
        assert_eq!(station.wait_for("received")["received"], asks);
        assert_eq!(station.wait_for("received")["received"], "GetLocalListVersion");
        // Two at a time: the order is that of the hashes.
        let (first, second) = (received(&station), received(&station));
        assert_eq!((&first.0, first.1.as_str()), (&json!(6), "Full"), "{protocol}");
        assert_eq!((&second.0, second.1.as_str()), (&json!(7), "Differential"), "{protocol}");
        let mut all: Vec<&str> = first.2.split(' ').chain(second.2.split(' ')).collect();
        all.sort_unstable();
        let extra = format!("E{round}:Accepted");
        let expected = ["AA:Accepted", "BB:Blocked", "DD:Accepted"];
        assert_eq!(
            all.iter().filter(|card| !card.starts_with('E')).copied().collect::<Vec<_>>(),
            expected,
            "{protocol}"
        );
        settled(&gateway, &name);

        // What changed.
        says(&mut station, &version_of(protocol, 7));
        let new = format!("E{round}");
        set(&[&new]);
        let _ = gateway.command(&["tokens", "push", &name]);
        assert_eq!(received(&station), (json!(8), "Differential".to_owned(), extra), "{protocol}");
        settled(&gateway, &name);
        set(&[&new, "--valid-until", "2020-01-01T00:00:00Z"]);
        says(&mut station, &version_of(protocol, 8));
        let _ = gateway.command(&["tokens", "push", &name]);
        assert_eq!(
            received(&station),
            (json!(9), "Differential".to_owned(), format!("{new}:-")),
            "{protocol}"
        );
        settled(&gateway, &name);

        // It has it already: nothing is sent.
        says(&mut station, &version_of(protocol, 9));
        let told = gateway.command(&["command", "send", &name, "push_local_list", "--wait"]);
        assert!(told.contains("accepted") && told.contains("has this list already"), "{told}");
        // No card is told in what is kept of it.
        let (_, page) = ask(&gateway, ("GET", &format!("/v1/commands?station={name}&limit=3")), None);
        assert!(!page.to_string().contains("\"AA\""), "{page}");
    }
    gateway.stop();
}

#[test]
fn lists_go_by_themselves_when_tokens_change_if_that_is_set() {
    let mut gateway = gateway();
    let _ = gateway.command(&["tokens", "set", "AA"]);
    let name = unique("auto");
    let mut station = Station::booted(&gateway, &name, "ocpp1.6");
    says(&mut station, &version_of("ocpp1.6", 0));
    station.tell("heartbeat");
    station.wait_for("heartbeat");
    let (_, page) = ask(&gateway, ("GET", &format!("/v1/commands?station={name}&open=true")), None);
    assert_eq!(page["items"], json!([]), "it is off at first");

    let _ = gateway.command(&["settings", "set", "push_local_lists", "true"]);
    assert_eq!(received(&station), (json!(1), "Full".to_owned(), "AA:Accepted".to_owned()));
    settled(&gateway, &name);
    says(&mut station, &version_of("ocpp1.6", 1));
    let _ = gateway.command(&["tokens", "set", "BB", "--block"]);
    assert_eq!(received(&station), (json!(2), "Differential".to_owned(), "BB:Blocked".to_owned()));
    settled(&gateway, &name);

    // A station that lost its list gets the whole one.
    says(&mut station, &version_of("ocpp1.6", 0));
    let _ = gateway.command(&["tokens", "set", "BB", "--unblock"]);
    assert_eq!(received(&station), (json!(3), "Full".to_owned(), "AA:Accepted BB:Accepted".to_owned()));
    gateway.stop();
}

#[test]
fn stations_are_told_what_to_do_while_they_are_offline() {
    let mut gateway = gateway();
    for (key, value) in [("offline_known_tokens", "true"), ("offline_unknown_tokens", "false")] {
        let _ = gateway.command(&["settings", "set", key, value]);
    }
    let (old, new) = (unique("rules"), unique("rules"));
    let stations = [Station::booted(&gateway, &old, "ocpp1.6"), Station::booted(&gateway, &new, "ocpp2.0.1")];
    let _ = gateway.command(&["tokens", "policy", &old, &new]);
    for (key, value) in [("LocalAuthorizeOffline", "true"), ("AllowOfflineTxForUnknownId", "false")] {
        let message = stations[0].wait_for("received");
        assert_eq!(message["received"], "ChangeConfiguration");
        assert_eq!(message["payload"], json!({"key": key, "value": value}));
    }
    for (variable, value) in [("LocalAuthorizeOffline", "true"), ("OfflineTxForUnknownIdEnabled", "false")] {
        let message = stations[1].wait_for("received");
        let set = &message["payload"]["setVariableData"][0];
        assert_eq!(
            (&set["component"]["name"], &set["variable"]["name"]),
            (&"AuthCtrlr".into(), &variable.into())
        );
        assert_eq!(set["attributeValue"], value);
    }
    gateway.stop();
}
