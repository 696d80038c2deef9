//! Tokens (RFID cards, app users): looked up and stored by keyed hash; where the protocol must send one back, also
//! sealed with the operator's key. The plain text exists only while a message is decoded or encoded.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::StationId;
use crate::key::{KeyError, KeyHash, canonical};

/// A token as it is kept.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Token {
    /// Keyed hash, 32 hexadecimal digits.
    pub hash: String,
    /// Sealed text; opens only with the operator's key.
    pub sealed: String,
}

/// The operator's key: 32 bytes or more of secret, from the configuration.
#[derive(Clone)]
pub struct SecretKey {
    hash_key: [u8; 32],
    nonce_key: [u8; 32],
    station_key: [u8; 32],
    cipher: XChaCha20Poly1305,
}

/// Why something sealed does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this was not sealed with the key of this installation (secrets.key), or it was altered")]
pub struct OpenError;

const NONCE_BYTES: usize = 24;
/// 128 bits: two of ten million tokens collide with a chance of 10⁻²⁵.
const HASH_BYTES: usize = 16;

impl SecretKey {
    /// Derives the keys (hash, nonce, seal, keys of stations) from the operator's secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let derive = |purpose: &str| -> [u8; 32] {
            Sha256::new().chain_update(purpose).chain_update([0]).chain_update(secret).finalize().into()
        };
        Self {
            hash_key: derive("ampwarden token hash v1"),
            nonce_key: derive("ampwarden nonce v1"),
            station_key: derive("ampwarden station key v1"),
            cipher: XChaCha20Poly1305::new(&derive("ampwarden seal v1").into()),
        }
    }

    /// Hashes and seals a token. OCPP compares tokens without regard to case (1.6: CiString20Type, 7.15; 2.0.1:
    /// identifierString), so the hash does, too.
    #[must_use]
    pub fn token(&self, plain: &str) -> Token {
        Token { hash: self.hash(plain), sealed: self.seal(plain.trim()) }
    }

    /// The keyed hash of a token, 32 hexadecimal digits.
    #[must_use]
    pub fn hash(&self, plain: &str) -> String {
        hex::encode(&mac(&self.hash_key, plain.trim().to_uppercase().as_bytes())[..HASH_BYTES])
    }

    /// The keyed hash of a station's key. Two stations with the same key have two hashes. It takes microseconds, so that
    /// a storm of reconnects is borne: what protects it is that the key is random and the hash's own key is secret.
    ///
    /// # Errors
    /// When the key is too short or too long.
    pub fn station_key(&self, station: &StationId, key: &[u8]) -> Result<KeyHash, KeyError> {
        let key = canonical(key)?;
        Ok(KeyHash(mac(&self.station_key, &[station.as_str().as_bytes(), &[0], &key].concat())))
    }

    /// Seals a text. The nonce is derived from the text, so that the same text seals to the same bytes: decoding
    /// stays a pure function. What that reveals (two sealed texts are equal) the hash reveals anyway.
    #[must_use]
    pub fn seal(&self, plain: &str) -> String {
        let nonce_bytes: [u8; NONCE_BYTES] = {
            let full = mac(&self.nonce_key, plain.as_bytes());
            std::array::from_fn(|i| full[i])
        };
        let nonce = XNonce::from(nonce_bytes);
        // Encryption fails only above 256 GiB; frames are limited to 1 MiB.
        let sealed = self.cipher.encrypt(&nonce, plain.as_bytes()).unwrap_or_default();
        URL_SAFE_NO_PAD.encode([nonce_bytes.as_slice(), &sealed].concat())
    }

    /// Opens what [`Self::seal`] sealed.
    ///
    /// # Errors
    /// When it was sealed with another key, or altered.
    pub fn open(&self, sealed: &str) -> Result<String, OpenError> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| OpenError)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or(OpenError)?;
        let nonce_bytes: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| OpenError)?;
        let plain = self.cipher.decrypt(&XNonce::from(nonce_bytes), sealed).map_err(|_| OpenError)?;
        String::from_utf8(plain).map_err(|_| OpenError)
    }

    /// Replaces every token in a payload by `sealed:…`, wherever it stands: fields named like a token, at any depth.
    pub fn seal_payload(&self, payload: &mut serde_json::Value) {
        match payload {
            serde_json::Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        serde_json::Value::String(text) if is_token_field(name) => {
                            *text = format!("sealed:{}", self.seal(text));
                        }
                        serde_json::Value::Number(number) if is_token_field(name) => {
                            *value = format!("sealed:{}", self.seal(&number.to_string())).into();
                        }
                        _ => self.seal_payload(value),
                    }
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.seal_payload(item)),
            _ => {}
        }
    }
}

/// What stands before sealed text in payloads.
const SEALED: &str = "sealed:";

impl SecretKey {
    /// A kept payload as it came, its tokens open again: to be decoded once more, never to be shown or kept.
    ///
    /// # Errors
    /// When something in it was sealed with another key, or altered.
    pub fn open_payload(&self, kept: &str) -> Result<String, OpenError> {
        if let Some(sealed) = kept.strip_prefix(SEALED) {
            return self.open(sealed);
        }
        match serde_json::from_str::<serde_json::Value>(kept) {
            Ok(mut payload) if kept.contains(SEALED) => {
                self.open_values(&mut payload)?;
                Ok(payload.to_string())
            }
            _ => Ok(kept.to_owned()),
        }
    }

    fn open_values(&self, value: &mut serde_json::Value) -> Result<(), OpenError> {
        match value {
            serde_json::Value::String(text) => {
                let Some(sealed) = text.strip_prefix(SEALED) else { return Ok(()) };
                let plain = self.open(sealed)?;
                // A list in a token's place was sealed as JSON, as a whole.
                *value = match serde_json::from_str(&plain) {
                    Ok(list @ serde_json::Value::Array(_)) => list,
                    _ => plain.into(),
                };
                Ok(())
            }
            serde_json::Value::Object(fields) => {
                fields.values_mut().try_for_each(|field| self.open_values(field))
            }
            serde_json::Value::Array(items) => items.iter_mut().try_for_each(|item| self.open_values(item)),
            _ => Ok(()),
        }
    }
}

/// Whether a JSON field holds a token or a secret: OCPP 1.6 `idTag`, `parentIdTag`; 2.x `idToken.idToken`,
/// `groupIdToken`; our JSON `token`; the CSV layouts' `User ID`; credentials in configuration messages.
fn is_token_field(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    matches!(
        plain.as_str(),
        "idtag"
            | "parentidtag"
            | "idtoken"
            | "groupidtoken"
            | "token"
            | "userid"
            | "user"
            | "rfid"
            | "uid"
            | "password"
            | "authorizationkey"
            | "certificatehash"
            | "emaid"
    )
}

fn mac(key: &[u8], data: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length.
    let Ok(mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else { return [0; 32] };
    mac.chain_update(data).finalize().into_bytes().into()
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_open_with_their_own_key_only() {
        let key = SecretKey::new(b"one");
        let token = key.token("04A1b2");
        assert_eq!(token.hash.len(), 32);
        assert_eq!(token.hash, key.token(" 04a1B2 ").hash, "case and blanks do not make another card");
        assert_ne!(token.hash, SecretKey::new(b"two").token("04A1b2").hash);
        assert_eq!(key.open(&token.sealed).as_deref(), Ok("04A1b2"));
        assert_eq!(SecretKey::new(b"two").open(&token.sealed), Err(OpenError));
        assert_eq!(key.open("AAAA"), Err(OpenError));
    }

    #[test]
    fn keys_of_stations_are_any_bytes_and_belong_to_one_station() {
        let key = SecretKey::new(b"one");
        let station = |id: &str| StationId::new(id).expect("valid");
        let hash = |id: &str, password: &[u8]| key.station_key(&station(id), password);
        let odd = b"\xff\x00 this is not: UTF-8 \xfe";
        assert!(hash("A", odd).is_ok());
        assert_eq!(hash("A", odd), hash("A", odd));
        assert_ne!(hash("A", odd), hash("B", odd));
        assert_ne!(hash("A", odd), SecretKey::new(b"two").station_key(&station("A"), odd));
        assert_eq!(
            hash("A", b"0123456789abcdef0123456789ABCDEF"),
            hash("A", b"0123456789ABCDEF0123456789abcdef")
        );
        assert!(hash("A", b"guessable").is_err());
    }

    #[test]
    fn payloads_keep_no_token() {
        let key = SecretKey::new(b"one");
        let mut payload = serde_json::json!({
            "idTag": "04A1B2", "idToken": {"idToken": "04A1B2", "type": "ISO14443"}, "meterStart": 3,
            "transactionData": [{"idTag": 77}], "User ID": "User_1"
        });
        key.seal_payload(&mut payload);
        let text = payload.to_string();
        assert!(!text.contains("04A1B2") && !text.contains("User_1") && !text.contains("77"), "{text}");
        assert!(text.contains("ISO14443") && text.contains("\"meterStart\":3"), "{text}");
        let opened: serde_json::Value =
            serde_json::from_str(&key.open_payload(&text).expect("the same key")).expect("JSON");
        assert_eq!((&opened["idTag"], &opened["idToken"]["idToken"]), (&"04A1B2".into(), &"04A1B2".into()));
        assert_eq!(SecretKey::new(b"two").open_payload(&text), Err(OpenError));
        assert_eq!(key.open_payload("[2,\"1\" ").as_deref(), Ok("[2,\"1\" "), "nothing is sealed in it");
    }
}
