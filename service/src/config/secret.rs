//! Secrets in the configuration.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};

/// A secret: written in place, or in a file of its own (`{ file = "/run/secrets/key" }`, read once at start, without
/// the line end). It never appears in logs, errors or what is serialised.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretString(String);

impl SecretString {
    /// Wraps a secret.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether none was set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(secret)" })
    }
}

impl Serialize for SecretString {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { "(secret)" })
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a secret is a text, or { file = \"…\" }")]
enum Written {
    Inline(String),
    File(InFile),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InFile {
    file: PathBuf,
}

impl<'de> Deserialize<'de> for SecretString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Inline(secret) => Ok(Self(secret)),
            Written::File(InFile { file }) => match std::fs::read_to_string(&file) {
                Ok(secret) => Ok(Self(secret.trim_end_matches(['\r', '\n']).to_owned())),
                Err(error) => Err(D::Error::custom(format!(
                    "the file with the secret, {}, cannot be read: {error}",
                    file.display()
                ))),
            },
        }
    }
}

impl JsonSchema for SecretString {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "format": "secret",
            "anyOf": [
                { "type": "string" },
                { "type": "object", "properties": { "file": { "type": "string" } }, "required": ["file"],
                  "additionalProperties": false }
            ]
        })
    }

    fn inline_schema() -> bool {
        true
    }
}
