//! Settings of the OCPP endpoint.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::config::{HumanBytes, HumanDuration};
use service::tls::{ClientCertificates, TlsConfig};
use station::ocpp::Version;
use station::setting::{StationSetting, Strictness};

/// Where stations connect by OCPP, and within which limits.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address of `ws://…/{station}`. The last part of the path is the station's id, percent-decoded.
    pub listen: String,
    /// Address of `wss://…/{station}`, where `tls` is set.
    pub tls_listen: String,
    /// Certificate of the wss listener; without it there is none.
    pub tls: Option<TlsConfig>,
    /// OCPP's security profiles by which stations may connect: 0, nothing proves who a station is (only for networks
    /// where everybody is trusted); 1, a password over ws; 2, a password over wss; 3, a certificate of the station over
    /// wss (`tls.client_ca` says whose).
    pub security_profiles: Vec<u8>,
    /// How often stations are asked to send a Heartbeat, told to them when they boot.
    pub heartbeat_interval: HumanDuration,
    /// How often stations are pinged. Proxies cut connections that are silent for 30 to 110 s. "0s" switches it off.
    pub ping_interval: HumanDuration,
    /// After how long without any frame a connection counts as dead. Without pings it must be longer than
    /// `heartbeat_interval`. "0s" switches it off.
    pub idle_timeout: HumanDuration,
    /// Largest message; a larger one closes the connection (1009).
    pub max_frame_bytes: HumanBytes,
    /// Open connections; more are answered 503 with Retry-After.
    pub max_connections: usize,
    /// Handshakes that are taken in a second; more are answered 503 with Retry-After.
    pub max_handshakes_per_second: u32,
    /// Handshakes of one station that are taken in a second; more are answered 503 with Retry-After, so that a station
    /// that reconnects without a pause does not use up what all may.
    pub max_handshakes_per_station: u32,
    /// Messages of one station that are taken in a second; the rest waits in its socket, and no other station notices.
    /// 0: no limit.
    pub max_messages_per_second: u32,
    /// How long a client may take for TLS and the HTTP request.
    pub handshake_timeout: HumanDuration,
    /// How long a station may take to receive an answer before the connection counts as dead.
    pub write_timeout: HumanDuration,
    /// Connections that are closed in a second when the gateway stops, so that not all come back at once.
    pub drain_per_second: u32,
    /// What a station speaks that names no subprotocol: "ocpp1.6", "ocpp2.0.1", "ocpp2.1", or "none" to close such
    /// connections, as OCPP-J says.
    pub default_version: DefaultVersion,
    /// How messages are taken that are not by the book, where a station's own setting says nothing: "lenient" (what can
    /// be used is taken and flagged) or "strict" (they are answered with an error and kept in `rejected`; stations that
    /// name no subprotocol are closed, unless they have a version of their own).
    #[schemars(with = "StrictnessSchema")]
    pub strictness: Strictness,
}

/// [`Strictness`] for the configuration's description.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[allow(dead_code)]
enum StrictnessSchema {
    /// What can be used is taken and flagged.
    Lenient,
    /// What is not by the book is answered with an error.
    Strict,
}

impl Default for Config {
    fn default() -> Self {
        let seconds = |seconds| HumanDuration(Duration::from_secs(seconds));
        Self {
            listen: "0.0.0.0:8887".to_owned(),
            tls_listen: "0.0.0.0:8888".to_owned(),
            tls: None,
            security_profiles: vec![1, 2, 3],
            heartbeat_interval: seconds(300),
            ping_interval: seconds(25),
            idle_timeout: seconds(90),
            max_frame_bytes: HumanBytes::from_mib(1),
            max_connections: 20_000,
            max_handshakes_per_second: 500,
            max_handshakes_per_station: 5,
            max_messages_per_second: 500,
            handshake_timeout: seconds(10),
            write_timeout: seconds(10),
            drain_per_second: 1_000,
            default_version: DefaultVersion::V16,
            strictness: Strictness::Lenient,
        }
    }
}

/// Why the security profiles make no sense.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProfileError {
    /// There are four.
    #[error("gateway.ocpp.security_profiles: {0} is none of OCPP's security profiles, 0 to 3")]
    Unknown(u8),
    /// Nobody could connect.
    #[error("gateway.ocpp.security_profiles is empty: no station could connect; [1, 2, 3] are usual")]
    None,
    /// Only certificates of stations are taken, and nobody says whose.
    #[error(
        "gateway.ocpp.security_profiles is [3], and gateway.ocpp.tls.client_ca does not say whose certificates are taken: no \
         station could connect"
    )]
    NoAuthorities,
}

impl Config {
    /// Checks the security profiles.
    ///
    /// # Errors
    /// When one is none, or no station could connect.
    pub fn check(&self) -> Result<(), ProfileError> {
        if let Some(unknown) = self.security_profiles.iter().find(|profile| **profile > 3) {
            return Err(ProfileError::Unknown(*unknown));
        }
        if self.security_profiles.is_empty() {
            return Err(ProfileError::None);
        }
        let authorities = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        if self.security_profiles.iter().all(|profile| *profile == 3) && !authorities {
            return Err(ProfileError::NoAuthorities);
        }
        Ok(())
    }

    /// Whether stations may connect by wss without a certificate of theirs.
    #[must_use]
    pub fn client_certificates(&self) -> ClientCertificates {
        let without = self.security_profiles.iter().any(|profile| matches!(profile, 0 | 2));
        if without { ClientCertificates::Optional } else { ClientCertificates::Required }
    }

    /// Whether a station with this setting is taken by the letter.
    pub(super) fn is_strict(&self, setting: &StationSetting) -> bool {
        setting.strictness.unwrap_or(self.strictness) == Strictness::Strict
    }

    /// What a station with this setting speaks that names no subprotocol; none if it is not let in.
    pub(super) fn assumed_version(&self, setting: &StationSetting) -> Option<Version> {
        let by_default = || self.default_version.version().filter(|_| !self.is_strict(setting));
        setting.ocpp_version.or_else(by_default)
    }

    /// How often a station with this setting is pinged; never, if zero.
    pub(super) fn ping_every(&self, setting: &StationSetting) -> Duration {
        let of_station = setting.ping_interval_s.map(|seconds| Duration::from_secs(seconds.into()));
        of_station.unwrap_or(self.ping_interval.0)
    }
}

/// What a station speaks that does not say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub enum DefaultVersion {
    /// OCPP 1.6J: what nearly all of them are.
    #[serde(rename = "ocpp1.6")]
    V16,
    /// OCPP 2.0.1.
    #[serde(rename = "ocpp2.0.1")]
    V201,
    /// OCPP 2.1.
    #[serde(rename = "ocpp2.1")]
    V21,
    /// Nothing: the connection is closed.
    #[serde(rename = "none")]
    None,
}

impl DefaultVersion {
    /// The version, if there is one.
    #[must_use]
    pub fn version(self) -> Option<Version> {
        match self {
            Self::V16 => Some(Version::V16),
            Self::V201 => Some(Version::V201),
            Self::V21 => Some(Version::V21),
            Self::None => None,
        }
    }
}
