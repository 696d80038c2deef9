//! The table as a whole.

use serde_json::{Value, json};

use super::*;

#[test]
fn the_documentation_holds_the_table() {
    crate::ocpp::testing::page_holds("commands", &documentation());
}

#[test]
fn the_table_names_what_is_sent() {
    let named = |text: Option<&str>, action: &str| text.is_some_and(|text| text.contains(action));
    let certificate = "-----BEGIN CERTIFICATE-----";
    let profile = json!({"id": 1, "purpose": "TxProfile", "unit": "W", "periods": [{"limit": 1000}]});
    for (command, parameters) in [
        ("remote_start", json!({"token": "A"})),
        ("remote_stop", json!({"transaction": "1"})),
        ("change_availability", json!({"operative": true})),
        ("reset", json!({})),
        ("unlock_connector", json!({"connector": 1})),
        ("trigger_message", json!({"message": "Heartbeat"})),
        ("get_configuration", json!({"keys": ["A.B"]})),
        ("set_configuration", json!({"key": "A.B", "value": "1"})),
        ("get_base_report", json!({})),
        ("clear_cache", json!({})),
        ("set_charging_profile", json!({"profile": profile})),
        ("clear_charging_profile", json!({})),
        ("get_composite_schedule", json!({"duration_s": 60})),
        ("reserve", json!({"reservation": 1, "token": "A", "until": "2026-05-01T00:00:00Z"})),
        ("cancel_reservation", json!({"reservation": 1})),
        ("send_local_list", json!({"version": 1})),
        ("get_local_list_version", json!({})),
        ("push_local_list", json!({})),
        ("set_offline_rule", json!({"rule": "cache", "value": true})),
        ("update_firmware", json!({"location": "https://x", "retrieve_at": "2026-05-01T00:00:00Z"})),
        ("get_log", json!({"location": "https://x"})),
        ("install_certificate", json!({"type": "CSMSRootCertificate", "certificate": certificate})),
        (
            "delete_certificate",
            json!({"algorithm": "SHA256", "issuer_name": "a", "issuer_key": "b", "serial": "1"}),
        ),
        ("get_installed_certificates", json!({"type": "CSMSRootCertificate"})),
        ("data_transfer", json!({"vendor": "x"})),
    ] {
        let kind = Kind::find(command).expect(command);
        let request = Request::Named { command: command.to_owned(), parameters };
        for (version, text) in [(Version::V16, kind.v16), (Version::V201, kind.v2), (Version::V21, kind.v2)] {
            match render(&request, version, 1) {
                Ok(message) => {
                    assert!(named(text, &message.action), "{command} is {} in {version:?}", message.action);
                    assert_ne!(action_label(&message.action), "other", "{command}");
                }
                Err(error) => assert_eq!(text, None, "{command} in {version:?}: {error}"),
            }
        }
        assert_eq!(check(&request, None), Ok(()), "{command}");
        let kept = request.to_json().to_string();
        assert_eq!(Request::from_json(&kept), Some(request), "as it was asked: {kept}");
    }
}

#[test]
fn names_are_there_once_and_wrong_ones_are_named() {
    let mut names: Vec<_> = KINDS.iter().map(|kind| kind.name).chain([RAW]).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KINDS.len() + 1);
    let sing = Request::Named { command: "sing".into(), parameters: Value::Null };
    assert!(check(&sing, None).is_err_and(|error| error.to_string().contains("no command \"sing\"")));
    assert_eq!(label("sing"), RAW);
    let wrong = Request::Named { command: "reset".into(), parameters: json!({"type": "slow"}) };
    let error = check(&wrong, None).expect_err("no such type").to_string();
    assert!(error.contains("type: unknown variant `slow`"), "{error}");
}
