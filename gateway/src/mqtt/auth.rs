//! Who may connect.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::config::{Config, StationIs, User};

/// Who is there.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Client {
    /// None for anonymous clients.
    pub(super) user: Option<String>,
    pub(super) client_id: String,
}

/// Why somebody may not connect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Denied {
    /// No user name, and anonymous clients are not let in.
    Anonymous,
    /// No such user, or another password.
    Wrong,
}

impl Client {
    /// Whether it may speak of this station.
    pub(super) fn may_speak_of(&self, station: &str, rule: StationIs) -> bool {
        match rule {
            StationIs::Any => true,
            StationIs::User => self.user.as_deref() == Some(station),
            StationIs::ClientId => self.client_id == station,
        }
    }
}

/// Looks whether user and password are among the users.
pub(super) fn login(config: &Config, login: Option<(&str, &str)>) -> Result<Option<String>, Denied> {
    let Some((name, password)) = login else {
        return if config.anonymous { Ok(None) } else { Err(Denied::Anonymous) };
    };
    let given: [u8; 32] = Sha256::digest(password.as_bytes()).into();
    // All users are compared, so that the time does not tell which names exist.
    let mut found = false;
    for user in &config.users {
        found |= is_user(user, name, &given);
    }
    if found { Ok(Some(name.to_owned())) } else { Err(Denied::Wrong) }
}

fn is_user(user: &User, name: &str, given: &[u8; 32]) -> bool {
    let expected = hash_bytes(&user.password_hash).unwrap_or_default();
    bool::from(expected.ct_eq(given) & user.name.as_bytes().ct_eq(name.as_bytes()))
}

/// The bytes of a hash in hexadecimal digits.
pub(super) fn hash_bytes(hash: &str) -> Option<[u8; 32]> {
    hex::decode(hash).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_need_their_password() {
        let password_hash = hex::encode(Sha256::digest(b"secret"));
        let users = vec![User { name: "cp1".to_owned(), password_hash }];
        let config = Config { users, ..Config::default() };
        assert_eq!(login(&config, Some(("cp1", "secret"))), Ok(Some("cp1".to_owned())));
        for (name, password) in [("cp1", "Secret"), ("cp1", ""), ("cp2", "secret"), ("", "")] {
            assert_eq!(login(&config, Some((name, password))), Err(Denied::Wrong), "{name}");
        }
        assert_eq!(login(&config, None), Err(Denied::Anonymous));
        assert_eq!(login(&Config { anonymous: true, ..config }, None), Ok(None));
    }

    #[test]
    fn a_client_may_be_bound_to_its_station() {
        let client = Client { user: Some("cp1".to_owned()), client_id: "c".to_owned() };
        for (rule, station, may) in [
            (StationIs::Any, "x", true),
            (StationIs::User, "cp1", true),
            (StationIs::User, "cp2", false),
            (StationIs::ClientId, "c", true),
            (StationIs::ClientId, "cp1", false),
        ] {
            assert_eq!(client.may_speak_of(station, rule), may);
        }
    }
}
