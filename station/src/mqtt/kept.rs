//! Payloads as they are kept: tokens sealed.

use serde_json::Value;

use crate::secret::SecretKey;

/// Parts of names of fields that may hold a token or a secret, in letters and digits alone.
const NAMES: [&str; 8] = ["idtag", "token", "userid", "rfid", "password", "authorizationkey", "emaid", "uid"];

/// A JSON payload with its tokens sealed.
pub(super) fn json(mut payload: Value, key: &SecretKey) -> String {
    key.seal_payload(&mut payload);
    payload.to_string()
}

/// What could not be read as JSON: as it came, or sealed as a whole where it might hold a token. Bytes that are no text
/// are written in hexadecimal.
pub(super) fn raw(payload: &[u8], key: &SecretKey) -> String {
    let Ok(text) = std::str::from_utf8(payload) else { return format!("hex:{}", hex::encode(payload)) };
    let plain: String =
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    if NAMES.iter().any(|name| plain.contains(name)) {
        return format!("sealed:{}", key.seal(text));
    }
    text.to_owned()
}

/// Any payload.
pub(super) fn payload(payload: &[u8], key: &SecretKey) -> String {
    match serde_json::from_slice(payload) {
        Ok(value) => json(value, key),
        Err(_) => raw(payload, key),
    }
}
