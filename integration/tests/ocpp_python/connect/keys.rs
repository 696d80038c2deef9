//! A station's key changes: by an operator, and by a command to the station.

use integration::Gateway;
use serde_json::{Value, json};

use super::{KEY, Stations, gateway};

/// Sets a key over the API.
fn set(gateway: &Gateway, station: &str, key: &str) -> Value {
    let path = format!("/v1/stations/{station}/key");
    let (status, keys) =
        gateway.ask(gateway.token(), ("PUT", &path), &[], Some(&json!({ "key": key }))).unwrap();
    assert_eq!(status, 200, "{keys}");
    assert!(!keys.to_string().contains(key), "a key is never given back");
    keys
}

/// Sends a command, and waits until it is in this state.
fn command(
    gateway: &Gateway,
    stations: &mut Stations,
    station: &str,
    (key, value): (&str, &str),
    state: &str,
) {
    let body = json!({ "command": "set_configuration", "parameters": { "key": key, "value": value } });
    let path = format!("/v1/stations/{station}/commands");
    let (status, command) = gateway.ask(gateway.token(), ("POST", &path), &[], Some(&body)).unwrap();
    assert_eq!(status, 202, "{command}");
    stations.tell(&json!({ "of": station, "wait": "command" }));
    let path = format!("/v1/commands/{}", command["id"].as_str().unwrap());
    integration::eventually_blocking(super::super::DEADLINE, || {
        let (_, command) = gateway.ask(gateway.token(), ("GET", &path), &[], None)?;
        if command["state"] == state { Ok(()) } else { Err(format!("not {state}: {command}")) }
    });
}

#[test]
fn both_keys_are_accepted_until_the_new_one_was_used() {
    let mut gateway = gateway("security_profiles = [1]");
    let mut stations = Stations::start();
    let next = "another random key, 5b1e";
    set(&gateway, "CP", KEY);
    let keys = set(&gateway, "CP", next);
    let states: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|key| key["state"].as_str()).collect();
    assert_eq!(states, [Some("in_force"), Some("waiting")]);
    // Kept over a crash.
    gateway.kill();
    gateway.start_again();
    assert_eq!(stations.connect(&gateway, "CP", Some(KEY.as_bytes())), 101);
    assert_eq!(stations.call("CP", "boot"), "Accepted", "the old one is accepted, again and again");
    assert_eq!(stations.connect(&gateway, "CP", Some(KEY.as_bytes())), 101);
    assert_eq!(stations.connect(&gateway, "CP", Some(next.as_bytes())), 101);
    assert_eq!(stations.call("CP", "heartbeat"), "none");
    assert_eq!(stations.connect(&gateway, "CP", Some(KEY.as_bytes())), 401, "the new one was used");
    assert_eq!(stations.connect(&gateway, "CP", Some(next.as_bytes())), 101);
    gateway.kill();
    gateway.start_again();
    assert_eq!(stations.connect(&gateway, "CP", Some(KEY.as_bytes())), 401, "that is kept as well");
    assert_eq!(stations.connect(&gateway, "CP", Some(next.as_bytes())), 101);

    let (status, problem) = gateway
        .ask(gateway.token(), ("PUT", "/v1/stations/CP/key"), &[], Some(&json!({ "key": "guessable" })))
        .unwrap();
    assert!(status == 400 && problem["detail"].as_str().unwrap().contains("16 to 128"), "{problem}");

    // Told by a command: AuthorizationKey of OCPP 1.6, in hexadecimal digits; BasicAuthPassword of 2.0.1.
    let digits = "A0B1C2D3E4F5061728394A5B6C7D8E9F00112233";
    assert_eq!(stations.call("CP", "boot"), "Accepted");
    stations.tell(&json!({ "of": "CP", "answer": "Rejected" }));
    let refused = "what the station refuses to take";
    command(&gateway, &mut stations, "CP", ("AuthorizationKey", refused), "rejected");
    stations.tell(&json!({ "of": "CP", "answer": "Accepted" }));
    command(&gateway, &mut stations, "CP", ("AuthorizationKey", digits), "accepted");
    assert_eq!(stations.connect(&gateway, "CP", Some(refused.as_bytes())), 401, "it never took it");
    assert_eq!(
        stations.connect(&gateway, "CP", Some(next.as_bytes())),
        101,
        "it may not have changed over yet"
    );
    let bytes: Vec<u8> =
        (0..20).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect();
    assert_eq!(stations.connect(&gateway, "CP", Some(&bytes)), 101);
    // A connection's first answer comes after the journal has its begin, and the use of its key.
    assert_eq!(stations.call("CP", "heartbeat"), "none");
    assert_eq!(stations.connect(&gateway, "CP", Some(next.as_bytes())), 401);

    set(&gateway, "CP201", KEY);
    let told = |key: &str| {
        json!({ "as": "CP201", "url": gateway.ocpp(), "station": "CP201", "protocol": "ocpp2.0.1",
        "password_hex": super::hex(key) })
    };
    assert_eq!(stations.tell(&told(KEY))["status"], 101);
    assert_eq!(stations.call("CP201", "boot"), "Accepted");
    command(&gateway, &mut stations, "CP201", ("SecurityCtrlr.BasicAuthPassword", next), "accepted");
    assert_eq!(stations.tell(&told(next))["status"], 101);
    assert_eq!(stations.call("CP201", "heartbeat"), "none");
    assert_eq!(stations.tell(&told(KEY))["status"], 401);

    // One that leaked goes at once.
    let file = gateway.folder().join("key");
    std::fs::write(&file, "the third random key, 99").unwrap();
    let _ = gateway.command(&["stations", "key", "CP", "--file", file.to_str().unwrap(), "--at-once"]);
    assert_eq!(stations.connect(&gateway, "CP", Some(&bytes)), 401);
    assert_eq!(stations.connect(&gateway, "CP", Some(b"the third random key, 99")), 101);
    for secret in [KEY, next, digits, refused] {
        assert!(!gateway.log().contains(secret), "a key is in the log");
    }
    gateway.stop();
}
