//! Stations that nobody registered: refused, quarantined until an operator admits them, or admitted.

use serde_json::{Value, json};

use super::{KEY, Stations, gateway};

#[test]
fn who_is_not_registered_is_refused_or_waits_or_is_admitted() {
    let mut gateway = gateway("security_profiles = [0, 1]");
    let mut stations = Stations::start();
    let policy = |gateway: &integration::Gateway, word: &str| {
        let _ = gateway.command(&["settings", "set", "unknown_stations", word]);
    };
    let kept =
        |gateway: &integration::Gateway| gateway.metric("ampwarden_journal_events_total").unwrap().unwrap();

    policy(&gateway, "refuse");
    assert_eq!(stations.connect(&gateway, "STRANGE", None), 404);
    let _ = gateway.command(&["stations", "set", "KNOWN"]);
    assert_eq!(stations.connect(&gateway, "KNOWN", None), 101);

    policy(&gateway, "quarantine");
    assert_eq!(stations.connect(&gateway, "STRANGE", Some(KEY.as_bytes())), 101);
    assert_eq!(stations.call("STRANGE", "heartbeat"), "SecurityError", "before it boots");
    assert_eq!(stations.call("STRANGE", "boot"), "Pending");
    assert_eq!(stations.call("STRANGE", "heartbeat"), "SecurityError", "before it is admitted");
    let told = json!({ "as": "S201", "url": gateway.ocpp(), "station": "S201", "protocol": "ocpp2.0.1" });
    assert_eq!(stations.tell(&told)["status"], 101);
    assert_eq!(stations.call("S201", "boot"), "Pending");
    let before = kept(&gateway);
    assert_eq!(stations.call("S201", "heartbeat"), "SecurityError");
    assert_eq!(stations.call("KNOWN", "boot"), "Accepted", "others go on");
    assert_eq!(kept(&gateway), before + 1.0, "the boot of the one that is registered is all that was kept");

    // The list outlives a crash.
    gateway.kill();
    gateway.start_again();
    let held: Vec<Value> =
        serde_json::from_str(&gateway.command(&["stations", "quarantine", "--json"])).unwrap();
    let found: Vec<_> =
        held.iter().map(|h| (h["station"].as_str(), h["showed"].as_str(), h["model"].as_str())).collect();
    assert_eq!(
        found,
        [(Some("S201"), Some("nothing"), Some("ocpp")), (Some("STRANGE"), Some("password"), Some("ocpp"))]
    );
    assert_eq!(gateway.metric("ampwarden_stations_in_quarantine"), Ok(Some(2.0)));

    // Admitted, it is told to connect again, and then is a station like any other.
    assert_eq!(stations.connect(&gateway, "STRANGE", Some(KEY.as_bytes())), 101);
    assert_eq!(stations.call("STRANGE", "boot"), "Pending");
    let said = gateway.command(&["stations", "admit", "STRANGE", "--site", "depot", "--take-key"]);
    assert!(said.contains("it must present its key"), "{said}");
    assert_eq!(stations.tell(&json!({ "of": "STRANGE", "wait": "close" }))["closed"], 1012);
    assert_eq!(stations.connect(&gateway, "STRANGE", None), 401);
    assert_eq!(stations.connect(&gateway, "STRANGE", Some(b"what somebody else presents")), 401);
    assert_eq!(stations.connect(&gateway, "STRANGE", Some(KEY.as_bytes())), 101);
    assert_eq!(stations.call("STRANGE", "boot"), "Accepted");
    assert_eq!(stations.call("STRANGE", "heartbeat"), "none");
    let held = gateway.command(&["stations", "quarantine"]);
    assert!(held.contains("S201") && !held.contains("STRANGE"), "{held}");
    assert!(gateway.command(&["stations", "list"]).contains("depot"));

    policy(&gateway, "admit");
    assert_eq!(stations.connect(&gateway, "S201", None), 101);
    assert_eq!(stations.call("S201", "boot"), "Accepted");
    assert!(!gateway.command(&["stations", "quarantine"]).contains("S201"), "nobody waits any more");
    assert!(!gateway.log().contains(KEY), "a key is in the log");
    gateway.stop();
}
