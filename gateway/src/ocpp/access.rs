//! Who may connect, and as what: OCPP's security profiles (OCPP 1.6 security whitepaper A00, OCPP 2.0.1 part 2 A00).
//!
//! | profile | transport | the station proves itself by |
//! |---|---|---|
//! | 0 | any | nothing |
//! | 1 | ws | a password (HTTP Basic) |
//! | 2 | wss | a password |
//! | 3 | wss | a certificate of its own |

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::StatusCode;
use station::fold::Standing;
use station::id::StationId;
use station::key::{KeyHash, Presented, StationKeys};
use station::secret::SecretKey;

/// Some stations leave the padding away.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is known of a peer before it says which station it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Peer {
    /// It came by TLS.
    pub(super) secure: bool,
    /// Whom its certificate names; none if it showed none.
    pub(super) certificate: Option<Vec<String>>,
}

/// As what a station may connect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Grant {
    /// It is who it says, as far as this profile proves it.
    Profile {
        /// 0 to 3.
        profile: u8,
        /// The key that it presented, if that one waited for being used.
        first_use: Option<KeyHash>,
    },
    /// Nobody registered it: it waits for an operator.
    Quarantine {
        /// The key that it presented.
        key: Option<KeyHash>,
        /// It showed a certificate of its own.
        certificate: bool,
    },
}

/// Why a station may not connect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Denied {
    Unknown,
    OtherCertificate,
    Profile { secure: bool },
    NoPassword,
    WrongPassword,
    NoKey,
}

impl Denied {
    /// What the station is answered: status, label in `ampwarden_refused_total`, and text.
    pub(super) fn answer(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            // OCPP-J 1.6, 3.1.1: an unknown station SHOULD get a 404.
            Self::Unknown => (StatusCode::NOT_FOUND, "unknown_station", "this station is not registered"),
            Self::OtherCertificate => (
                StatusCode::FORBIDDEN,
                "certificate",
                "the certificate names another station: its common name or a DNS name must be the station's id",
            ),
            Self::Profile { secure: false } => (
                StatusCode::FORBIDDEN,
                "security_profile",
                "stations do not connect by ws here (gateway.ocpp.security_profiles): set the station to wss",
            ),
            Self::Profile { secure: true } => (
                StatusCode::FORBIDDEN,
                "security_profile",
                "this station cannot connect without a certificate of its own (gateway.ocpp.security_profiles)",
            ),
            Self::NoPassword => (
                StatusCode::UNAUTHORIZED,
                "no_password",
                "a password is needed (HTTP Basic): set the station's security profile and key",
            ),
            Self::WrongPassword => (
                StatusCode::UNAUTHORIZED,
                "wrong_password",
                "the password is wrong: set it again on the station, or here by `ampwarden stations key`",
            ),
            Self::NoKey => (
                StatusCode::UNAUTHORIZED,
                "no_key",
                "no key is set for this station: `ampwarden stations key STATION --new` makes one",
            ),
        }
    }
}

/// What is known of a station here.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) station: &'a StationId,
    pub(super) standing: Standing,
    pub(super) keys: Option<&'a StationKeys>,
}

/// Decides as what a station may connect. `authorization` is the header as it came.
pub(super) fn decide(
    profiles: &[u8],
    secret_key: &SecretKey,
    peer: &Peer,
    known: &Known<'_>,
    authorization: Option<&[u8]>,
) -> Result<Grant, Denied> {
    if known.standing == Standing::Refused {
        return Err(Denied::Unknown);
    }
    let held = known.standing == Standing::Quarantined;
    let allows = |profile| profiles.contains(&profile);
    let presented = || {
        let password = password(authorization?, known.station)?;
        secret_key.station_key(known.station, &password).ok()
    };
    if let Some(names) = peer.certificate.as_ref().filter(|_| allows(3)) {
        return match names.iter().any(|name| name == known.station.as_str()) {
            true if held => Ok(Grant::Quarantine { key: presented(), certificate: true }),
            true => Ok(Grant::Profile { profile: 3, first_use: None }),
            false => Err(Denied::OtherCertificate),
        };
    }
    let basic = if peer.secure { 2 } else { 1 };
    let refused = Denied::Profile { secure: peer.secure };
    if let Some(keys) = known.keys.filter(|_| allows(basic)) {
        match presented().map(|hash| (keys.look_up(&hash), hash)) {
            Some((Presented::Current, _)) => {
                return Ok(Grant::Profile { profile: basic, first_use: None });
            }
            Some((Presented::Waiting, hash)) => {
                return Ok(Grant::Profile { profile: basic, first_use: Some(hash) });
            }
            _ if !keys.is_required() => {}
            _ if authorization.is_none() => return Err(Denied::NoPassword),
            _ => return Err(Denied::WrongPassword),
        }
    } else if known.keys.is_some_and(StationKeys::is_required) {
        // Who has a key is not believed without it, even where others are.
        return Err(refused);
    }
    if held && (allows(0) || allows(basic)) {
        return Ok(Grant::Quarantine { key: presented(), certificate: false });
    }
    match (allows(0), allows(basic)) {
        _ if held => Err(refused),
        (true, _) => Ok(Grant::Profile { profile: 0, first_use: None }),
        (false, true) if authorization.is_none() => Err(Denied::NoPassword),
        (false, true) => Err(Denied::NoKey),
        (false, false) => Err(refused),
    }
}

/// The password of a Basic header: any bytes, of which OCPP 1.6 makes use. The user must be the station; its id may hold
/// colons, and so may the password.
fn password(header: &[u8], station: &StationId) -> Option<Vec<u8>> {
    let (scheme, rest) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = BASE64.decode(rest.trim_ascii()).ok()?;
    Some(decoded.strip_prefix(station.as_str().as_bytes())?.strip_prefix(b":")?.to_vec())
}

#[cfg(test)]
mod tests;
