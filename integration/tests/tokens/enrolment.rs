//! A card that nobody knows is shown, found by the operator, and registered without its number.

use integration::unique;
use serde_json::{Value, json};

use crate::station::ask;
use crate::{Charger, gateway};

#[test]
fn a_captured_card_is_enrolled() {
    let mut gateway = gateway();
    let (name, card) = (unique("enrol"), unique("CARD").to_uppercase());
    let mut charger = Charger::booted(&gateway, &name, "ocpp1.6");
    assert_eq!(charger.authorize(&card)["status"], "Invalid");
    assert_eq!(charger.start(2, &card).1["status"], "Invalid");
    charger.authorize("ANOTHER");

    let (status, page) = ask(&gateway, ("GET", "/v1/tokens/unknown"), None);
    assert_eq!(status, 200, "{page}");
    assert!(!page.to_string().contains(&card) && !page.to_string().contains("sealed"), "{page}");
    let seen = &page["items"][1];
    assert_eq!(
        (&seen["station"], &seen["connector"], &seen["times"]),
        (&name.as_str().into(), &2.into(), &2.into())
    );
    let hash = seen["token_hash"].as_str().expect("a hash").to_owned();
    let shown = gateway.command(&["tokens", "unknown"]);
    assert!(shown.contains(&hash) && shown.contains(&name) && !shown.contains(&card), "{shown}");

    // What is captured outlives the gateway.
    drop(charger);
    gateway.kill();
    gateway.start_again();
    let told = gateway.command(&["tokens", "enroll", &hash[..12], "--label", "van-3", "--group", "VANS"]);
    assert_eq!(told, format!("tokens {hash} is now at revision 1\n"));
    let mut charger = Charger::booted(&gateway, &unique("enrol"), "ocpp2.0.1");
    let info = charger.authorize(&card);
    assert_eq!((&info["status"], &info["group_id_token"]["id_token"]), (&"Accepted".into(), &"VANS".into()));
    let left: Value = serde_json::from_str(&gateway.command(&["tokens", "unknown", "--json"])).expect("JSON");
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");

    for (body, code, why) in [
        (json!({"token_hash": "0".repeat(32)}), 404, "none was shown lately"),
        (json!({"token_hash": hash, "token": card}), 400, "either `token` or `token_hash`"),
        (json!({"label": "x"}), 400, "either `token` or `token_hash`"),
    ] {
        let (status, problem) = ask(&gateway, ("POST", "/v1/tokens"), Some(&body));
        assert_eq!(status, code, "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(why)), "{problem}");
    }
    // `null` takes away, what is not there stays.
    let (status, item) =
        ask(&gateway, ("POST", "/v1/tokens"), Some(&json!({"token_hash": hash, "group": null})));
    assert_eq!(
        (status, &item["value"]["label"], &item["value"]["group_hash"]),
        (200, &"van-3".into(), &Value::Null)
    );
    gateway.stop();
}
