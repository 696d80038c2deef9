//! The operator's key, under which tokens (cards) are hashed and sealed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::SecretString;

/// Secrets of the installation.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SecretsConfig {
    /// The key under which tokens (cards, users) are hashed and sealed: at least 32 characters, the same on every
    /// gateway, never changed (what was stored under another key is not recognised again).
    /// `ampwarden token key` makes one.
    pub key: SecretString,
}

/// Why the key will not do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// None is set.
    #[error(
        "secrets.key is not set: tokens (cards) are hashed and sealed under it. Make one with `ampwarden token key`, \
         and set it by secrets.key = {{ file = \"…\" }} or AMPWARDEN__SECRETS__KEY"
    )]
    Missing,
    /// It can be guessed.
    #[error("secrets.key has {0} characters, it needs at least 32: make one with `ampwarden token key`")]
    TooShort(usize),
}

const SHORTEST: usize = 32;

impl SecretsConfig {
    /// The key's bytes.
    ///
    /// # Errors
    /// When none is set or it is too short.
    pub fn key_bytes(&self) -> Result<&[u8], SecretKeyError> {
        match self.key.expose() {
            "" => Err(SecretKeyError::Missing),
            key if key.chars().count() < SHORTEST => Err(SecretKeyError::TooShort(key.chars().count())),
            key => Ok(key.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_can_be_guessed_is_refused() {
        let with = |key: &str| SecretsConfig { key: SecretString::new(key) };
        assert_eq!(with("").key_bytes(), Err(SecretKeyError::Missing));
        assert_eq!(with("secret").key_bytes(), Err(SecretKeyError::TooShort(6)));
        let good = "x".repeat(32);
        assert_eq!(with(&good).key_bytes(), Ok(good.as_bytes()));
    }
}
