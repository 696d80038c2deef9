//! Keeping tokens and secrets out of what is kept of commands and their answers.

use serde_json::Value;

use crate::ocpp::seal;
use crate::secret::SecretKey;

/// Configuration keys and variables whose values are secrets.
const SECRET_KEYS: [&str; 4] = ["authorizationkey", "basicauthpassword", "password", "simpin"];

/// Seals tokens, values of secret configuration keys, and addresses with credentials in them.
pub fn seal(payload: &mut Value, key: &SecretKey) {
    seal::seal(payload, key);
    seal_rest(payload, key);
}

fn seal_rest(value: &mut Value, key: &SecretKey) {
    if value.as_str().is_some_and(has_credentials) {
        return seal_text(value, key);
    }
    match value {
        Value::Object(fields) => {
            if names_a_secret(fields.get("key")) || names_a_secret(fields.get("variable")) {
                for name in ["value", "attributeValue"] {
                    if let Some(value) = fields.get_mut(name) {
                        seal_text(value, key);
                    }
                }
            }
            for (name, value) in fields.iter_mut() {
                if SECRET_KEYS.contains(&plain(name).as_str()) {
                    seal_text(value, key);
                }
            }
            fields.values_mut().for_each(|value| seal_rest(value, key));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| seal_rest(item, key)),
        _ => {}
    }
}

fn seal_text(value: &mut Value, key: &SecretKey) {
    let text = match &*value {
        Value::String(text) if text.starts_with("sealed:") => return,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    *value = format!("sealed:{}", key.seal(&text)).into();
}

/// A key's name, or a variable's, as an object of OCPP 2.x has it, or as `Component.Variable`.
fn names_a_secret(name: Option<&Value>) -> bool {
    let text = match name {
        Some(Value::String(text)) => text,
        Some(Value::Object(fields)) => match fields.get("name") {
            Some(Value::String(text)) => text,
            _ => return false,
        },
        _ => return false,
    };
    let plain = plain(text);
    SECRET_KEYS.iter().any(|secret| plain.ends_with(secret))
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// `ftp://user:password@host/…`
fn has_credentials(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| rest.split('/').next().unwrap_or_default().contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_holds_no_secret() {
        let key = SecretKey::new(b"k");
        for text in [
            r#"{"token":"S3CRET"}"#,
            r#"{"idToken":{"idToken":"S3CRET","type":"ISO14443"}}"#,
            r#"{"key":"AuthorizationKey","value":"S3CRET"}"#,
            r#"{"key":"SecurityCtrlr.BasicAuthPassword","value":"S3CRET"}"#,
            r#"{"configurationKey":[{"key":"AuthorizationKey","readonly":false,"value":"S3CRET"}]}"#,
            r#"{"setVariableData":[{"attributeValue":"S3CRET","component":{"name":"SecurityCtrlr"},"variable":{"name":"BasicAuthPassword"}}]}"#,
            r#"{"location":"ftp://user:S3CRET@host/path"}"#,
            r#"{"connectionData":{"apn":{"simPin":"S3CRET"}}}"#,
            r#"{"tokens":[{"token":"S3CRET","group":"G"}]}"#,
        ] {
            let mut value: Value = serde_json::from_str(text).expect("JSON");
            seal(&mut value, &key);
            let kept = value.to_string();
            assert!(!kept.contains("S3CRET") && kept.contains("sealed:"), "{kept}");
        }
        for text in [r#"{"location":"https://host/a@b"}"#, r#"{"key":"HeartbeatInterval","value":"60"}"#] {
            let mut value: Value = serde_json::from_str(text).expect("JSON");
            seal(&mut value, &key);
            assert_eq!(value.to_string(), text, "nothing of it is secret");
        }
    }
}
