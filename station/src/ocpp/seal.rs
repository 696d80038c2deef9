//! Keeping tokens out of what is kept: payloads for the log, and messages that could not be understood.

use serde_json::Value;

use crate::secret::SecretKey;

/// Parts of the names of fields that may hold a token or a secret.
const NAMES: [&str; 8] =
    ["idtag", "idtoken", "token", "password", "authorizationkey", "emaid", "exirequest", "vatnumber"];

/// Seals the tokens of a payload, also where a list stands in a token's place, and in fields that vendors name.
pub(super) fn seal(payload: &mut Value, key: &SecretKey) {
    key.seal_payload(payload);
    seal_rest(payload, key);
}

/// Seals a value, whatever it is.
pub(super) fn seal_whole(value: &mut Value, key: &SecretKey) {
    let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    *value = format!("sealed:{}", key.seal(&plain)).into();
}

fn seal_rest(value: &mut Value, key: &SecretKey) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if names_a_token(name) && !text.starts_with("sealed:") => {
                        *text = format!("sealed:{}", key.seal(text));
                    }
                    Value::Array(_) | Value::Number(_) if names_a_token(name) => {
                        *value = format!("sealed:{}", key.seal(&value.to_string())).into();
                    }
                    _ => seal_rest(value, key),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| seal_rest(item, key)),
        _ => {}
    }
}

/// A text that could not be understood, fit to be kept: as it came, its tokens sealed; sealed as a whole where it is
/// not JSON and might hold one.
pub(super) fn seal_text(text: &str, key: &SecretKey) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            if !names_a_token(text) {
                return text.to_owned();
            }
            seal(&mut value, key);
            value.to_string()
        }
        Err(_) if names_a_token(text) => format!("sealed:{}", key.seal(text)),
        Err(_) => text.to_owned(),
    }
}

pub(super) fn names_a_token(text: &str) -> bool {
    let plain: String =
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    NAMES.iter().any(|name| plain.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_kept_in_what_could_not_be_understood() {
        let key = SecretKey::new(b"k");
        for text in [
            r#"[2,"1","Authorize",{"idTag":["04A1B2"]}]"#,
            r#"[2,"1","Authorize",{"idTag":"04A1B2"}"#,
            r#"[2,"1","Authorize",{"id_tag":"04A1B2"}"#,
            r#"[2,"1","Authorize",{"idTag":{"idTag":"04A1B2"}}]"#,
            r#"[2,"1","TransactionEvent",{"idToken":{"idToken":"04A1B2","type":"ISO14443"}}]"#,
            r#"[2,"1","Authorize",{"idToken":{"idToken":"x","additionalInfo":[{"additionalIdToken":"04A1B2"}]}}]"#,
        ] {
            let kept = seal_text(text, &key);
            assert!(!kept.contains("04A1B2") && kept.contains("sealed:"), "{kept}");
        }
        assert_eq!(seal_text("[2,\"1\",\"Heartbeat\",7 ]", &key), "[2,\"1\",\"Heartbeat\",7 ]");
        assert_eq!(seal_text("hello", &key), "hello");
    }
}
