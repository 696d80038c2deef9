//! Who may charge.

use super::*;

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
