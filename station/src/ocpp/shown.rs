//! A message as it may be shown to people: as it came, but its tokens and secrets sealed.

use serde_json::Value;

use super::{command, seal};
use crate::secret::SecretKey;

/// The text of a frame, in either direction: as it came where it names no secret; its secrets sealed where it does; sealed
/// as a whole where it does and cannot be read.
#[must_use]
pub fn shown(text: &str, key: &SecretKey) -> String {
    if !may_hold_a_secret(text) {
        return text.to_owned();
    }
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            seal_all(&mut value, key);
            value.to_string()
        }
        Err(_) => format!("sealed:{}", key.seal(text)),
    }
}

/// Whether a name of a secret stands in it, or what hides one.
fn may_hold_a_secret(text: &str) -> bool {
    seal::names_a_token(text)
        || text.contains("\\u")
        || (text.contains('@') && text.contains("://"))
        || text.contains(PRIVATE_KEY)
        || text.to_ascii_lowercase().contains("simpin")
}

const PRIVATE_KEY: &str = "PRIVATE KEY";

fn seal_all(value: &mut Value, key: &SecretKey) {
    command::seal(value, key);
    seal_texts(value, key);
}

/// Texts that hold a private key, or JSON of their own (a vendor's data).
fn seal_texts(value: &mut Value, key: &SecretKey) {
    match value {
        Value::String(text) if text.contains(PRIVATE_KEY) => {
            *text = format!("sealed:{}", key.seal(text));
        }
        Value::String(text) => {
            if let Ok(mut inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(text)
            {
                seal_all(&mut inner, key);
                *text = inner.to_string();
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(|value| seal_texts(value, key)),
        Value::Array(items) => items.iter_mut().for_each(|item| seal_texts(item, key)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        let key = SecretKey::new(b"k");
        for text in [
            r#"[2,"1","Authorize",{"idTag":"S3CRET"}]"#,
            r#"[2,"1","Authorize",{"idTag":"S3CRET""#,
            r#"[2,"1","Authorize",{"id\u0054ag":"S3CRET"}]"#,
            r#"[2,"1","Authorize",{"a":{"idTag":"S3CRET"},"a":{}}]"#,
            r#"[3,"1",{"idTagInfo":{"status":"Accepted","parentIdTag":"S3CRET"}}]"#,
            r#"[2,"1","TransactionEvent",{"idToken":{"idToken":"S3CRET","type":"ISO14443"}}]"#,
            r#"[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"S3CRET"}]"#,
            r#"[3,"1",{"configurationKey":[{"key":"AuthorizationKey","readonly":false,"value":"S3CRET"}]}]"#,
            r#"[2,"1","SetVariables",{"setVariableData":[{"attributeValue":"S3CRET","component":{"name":"SecurityCtrlr"},"variable":{"name":"BasicAuthPassword"}}]}]"#,
            r#"[2,"1","UpdateFirmware",{"location":"ftp://user:S3CRET@host/path"}]"#,
            r#"[2,"1","InstallCertificate",{"certificate":"-----BEGIN PRIVATE KEY-----\nS3CRET\n-----END PRIVATE KEY-----"}]"#,
            r#"[2,"1","DataTransfer",{"vendorId":"x","data":"{\"idTag\":\"S3CRET\"}"}]"#,
            r#"[2,"1","SetNetworkProfile",{"connectionData":{"apn":{"simPin":"S3CRET"}}}]"#,
        ] {
            let shown = shown(text, &key);
            assert!(!shown.contains("S3CRET"), "{text}: {shown}");
            assert!(shown.contains("sealed:") || text.contains("\"a\":{}"), "{text}: {shown}");
        }
        for text in
            ["hello", "[2, \"1\" ,\"Heartbeat\", {}]", r#"[2,"1","StatusNotification",{"b":1,"a":2.50}]"#]
        {
            assert_eq!(shown(text, &key), text, "as it came");
        }
    }
}
