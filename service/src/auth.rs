//! API tokens: a name, what it may do, and the hash of the token. The token itself is shown once, when it is made.

use axum::http::StatusCode;
use rand::RngCore;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::problem::Problem;

/// The API's access control.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ApiConfig {
    /// Who may use the HTTP APIs. `ampwarden token new NAME --scope read` makes a token and prints its entry.
    pub tokens: Vec<ApiToken>,
    /// What everybody may do without a token: none by default. Only for networks where everybody is trusted.
    pub anonymous: Vec<Scope>,
}

/// One API token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiToken {
    /// Whose it is; written as the author of changes.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// SHA-256 of the token, 64 hexadecimal digits.
    pub hash: String,
}

/// What a token may do. None includes another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look at settings and states.
    Read,
    /// Change settings.
    Write,
    /// Send commands to stations.
    Operate,
    /// Bring in facts: imports, messages.
    Ingest,
}

impl Scope {
    /// All.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Operate, Self::Ingest];

    /// As in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Operate => "operate",
            Self::Ingest => "ingest",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| format!("\"{text}\" is no scope: read, write, operate or ingest"))
    }
}

/// Why a request is turned away.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AuthError {
    /// No token came with it (401).
    #[error("this needs a token: send the header \"Authorization: Bearer …\"")]
    Missing,
    /// The header is no bearer token (401).
    #[error("the Authorization header must read \"Bearer\" and a token")]
    Malformed,
    /// Nobody has this token (401).
    #[error("nobody has this token; api.tokens in the configuration lists those that are known")]
    Unknown,
    /// The token may not do this (403).
    #[error("the token \"{name}\" has not the scope \"{}\", which this needs", need.as_str())]
    Forbidden {
        /// Whose token it is.
        name: String,
        /// What it would need.
        need: Scope,
    },
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let status = match error {
            AuthError::Forbidden { .. } => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        };
        Self::new(status, error.to_string())
    }
}

/// The tokens that are known.
#[derive(Clone, Debug, Default)]
pub struct ApiTokens {
    tokens: Vec<(ApiToken, [u8; 32])>,
    anonymous: Option<ApiToken>,
}

/// A hash in the configuration that is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("api.tokens: the hash of \"{0}\" must be 64 hexadecimal digits, as `ampwarden token new` prints it")]
pub struct HashError(String);

impl ApiTokens {
    /// The tokens of the configuration.
    ///
    /// # Errors
    /// When a hash is none.
    pub fn new(config: &ApiConfig) -> Result<Self, HashError> {
        let tokens = config
            .tokens
            .iter()
            .map(|token| {
                let mut hash = [0; 32];
                hex::decode_to_slice(&token.hash, &mut hash).map_err(|_| HashError(token.name.clone()))?;
                Ok((token.clone(), hash))
            })
            .collect::<Result<_, HashError>>()?;
        let anonymous = (!config.anonymous.is_empty()).then(|| ApiToken {
            name: "anonymous".to_owned(),
            scopes: config.anonymous.clone(),
            hash: String::new(),
        });
        Ok(Self { tokens, anonymous })
    }

    /// Finds whose token came in the `Authorization` header, and whether it may do what is needed.
    ///
    /// # Errors
    /// When there is none, nobody has it, or it may not.
    pub fn authenticate(&self, authorization: Option<&str>, need: Scope) -> Result<&ApiToken, AuthError> {
        let token = match authorization {
            None => self.anonymous.as_ref().ok_or(AuthError::Missing)?,
            Some(header) => {
                let (scheme, token) = header.trim().split_once(' ').ok_or(AuthError::Malformed)?;
                if !scheme.eq_ignore_ascii_case("bearer") {
                    return Err(AuthError::Malformed);
                }
                self.find(token.trim()).ok_or(AuthError::Unknown)?
            }
        };
        if token.scopes.contains(&need) {
            Ok(token)
        } else if authorization.is_none() {
            Err(AuthError::Missing)
        } else {
            Err(AuthError::Forbidden { name: token.name.clone(), need })
        }
    }

    /// Every hash is compared, each in constant time: how long it takes tells nothing.
    fn find(&self, token: &str) -> Option<&ApiToken> {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let mut found = None;
        for (known, known_hash) in &self.tokens {
            if bool::from(known_hash.ct_eq(&hash)) {
                found = Some(known);
            }
        }
        found
    }
}

/// A fresh token: 256 random bits, as text that is easy to recognise in a leak.
#[must_use]
pub fn new_token() -> String {
    let mut bytes = [0u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    format!("awt_{}", hex::encode(bytes))
}

/// A fresh key for a station: 160 random bits in 40 hexadecimal digits, which every version of OCPP takes.
#[must_use]
pub fn new_station_key() -> String {
    let mut bytes = [0u8; 20];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// What the configuration keeps of a token. A plain SHA-256 is enough: a token has 256 random bits.
#[must_use]
pub fn hash_of(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(anonymous: &[Scope]) -> (ApiTokens, String) {
        let plain = new_token();
        let config = ApiConfig {
            tokens: vec![
                ApiToken { name: "other".into(), scopes: Scope::ALL.to_vec(), hash: hash_of("other") },
                ApiToken { name: "ops".into(), scopes: vec![Scope::Read], hash: hash_of(&plain) },
            ],
            anonymous: anonymous.to_vec(),
        };
        (ApiTokens::new(&config).expect("hashes"), plain)
    }

    #[test]
    fn who_may_do_what() {
        let (tokens, plain) = tokens(&[]);
        let bearer = format!("Bearer {plain}");
        assert_eq!(tokens.authenticate(Some(&bearer), Scope::Read).map(|t| t.name.as_str()), Ok("ops"));
        let forbidden = tokens.authenticate(Some(&bearer), Scope::Write).expect_err("not allowed");
        assert_eq!(forbidden.to_string(), "the token \"ops\" has not the scope \"write\", which this needs");
        assert_eq!(Problem::from(forbidden).status, 403);
        for (header, expected) in [
            (None, AuthError::Missing),
            (Some("Bearer wrong"), AuthError::Unknown),
            (Some("Basic b3BzOm9wcw=="), AuthError::Malformed),
            (Some(plain.as_str()), AuthError::Malformed),
        ] {
            let error = tokens.authenticate(header, Scope::Read).expect_err("turned away");
            assert_eq!(error, expected);
            assert_eq!(Problem::from(error).status, 401);
        }
    }

    #[test]
    fn what_everybody_may_is_said_in_the_configuration() {
        let (tokens, _) = tokens(&[Scope::Read]);
        assert_eq!(tokens.authenticate(None, Scope::Read).map(|t| t.name.as_str()), Ok("anonymous"));
        assert_eq!(tokens.authenticate(None, Scope::Write), Err(AuthError::Missing));
    }

    #[test]
    fn a_hash_that_is_none_is_named() {
        let token = ApiToken { name: "ops".into(), scopes: vec![], hash: "abc".into() };
        let error =
            ApiTokens::new(&ApiConfig { tokens: vec![token], anonymous: vec![] }).expect_err("no hash");
        assert!(error.to_string().contains("the hash of \"ops\" must be 64"), "{error}");
    }
}
