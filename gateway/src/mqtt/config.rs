//! How MQTT is set up.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::config::{HumanBytes, HumanDuration, SecretString};
use service::tls::{ClientTlsConfig, TlsConfig};
use station::mqtt::Rules;
use station::mqtt::record::{Mapping, MappingError};

/// MQTT: the gateway's own endpoint for stations, and a broker.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address of the own endpoint without TLS; empty: none.
    pub listen: String,
    /// Address of the own endpoint with TLS, where `tls` is set.
    pub tls_listen: String,
    /// Certificate of the TLS listener; without it there is none.
    pub tls: Option<TlsConfig>,
    /// Whether clients may connect without a user name. Only for networks where everybody is trusted.
    pub anonymous: bool,
    /// Who may connect.
    pub users: Vec<User>,
    /// Of which stations a client of the own endpoint may speak.
    pub station_is: StationIs,
    /// Largest packet that is taken; a client that sends a larger one is disconnected.
    pub max_packet_bytes: HumanBytes,
    /// Most connections at a time; more are closed at once.
    pub max_connections: usize,
    /// Messages of one connection that may wait for their acknowledgement; then the connection is not read.
    pub window: u16,
    /// Messages of one connection that are taken in a second; the rest waits in its socket, and no other client notices.
    /// 0: no limit. A bridge or a gateway of a site speaks for many stations.
    pub max_messages_per_second: u32,
    /// Connections that are closed in a second when the gateway stops, so that not all come back at once.
    pub drain_per_second: u32,
    /// Time for the TLS handshake and for the first packet.
    pub connect_timeout: HumanDuration,
    /// Longest keep-alive; MQTT 5 clients that say more, or none, are told to use this one. Others are disconnected
    /// after 1.5 times what they say themselves, and after 1.5 times this, if they say none.
    pub keep_alive_max: HumanDuration,
    /// Whether a client's connecting and disconnecting counts as its station's. Switch it off for stations that connect
    /// for each message.
    pub presence: bool,
    /// Topics are `{prefix}/{station}/{kind}`; may have several levels.
    pub prefix: String,
    /// Topics with whole sessions (with `+` and `#`, if need be) and how they are read: the name of a preset, or the
    /// path of a mapping (TOML).
    pub record_topics: BTreeMap<String, String>,
    /// An external broker to take messages from.
    pub broker: Option<BrokerConfig>,
}

/// A user of the own endpoint.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The user name.
    pub name: String,
    /// SHA-256 of the password, 64 hexadecimal digits. The password must be a random one of 128 bits or more, such as
    /// `ampwarden token new` makes: a hash as fast as this protects no password that can be guessed.
    pub password_hash: String,
}

/// Of which stations a client may speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StationIs {
    /// Of any.
    #[default]
    Any,
    /// Of the one that is called like its user.
    User,
    /// Of the one that is called like its client id.
    ClientId,
}

/// An external broker.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BrokerConfig {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Our client id. It must stay the same and belong to this gateway alone: under it the broker keeps what it has
    /// not delivered.
    pub client_id: String,
    /// User name, if the broker wants one.
    pub username: String,
    /// Its password.
    pub password: SecretString,
    /// Connect with TLS.
    pub tls: Option<ClientTlsConfig>,
    /// Filters to subscribe to; without any those that follow from `prefix` and `record_topics`.
    pub topics: Vec<String>,
    /// QoS to subscribe with: 1 or 2. 0 loses messages whenever the connection does.
    pub qos: u8,
    /// Keep-alive.
    pub keep_alive: HumanDuration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "0.0.0.0:1883".to_owned(),
            tls_listen: "0.0.0.0:8883".to_owned(),
            tls: None,
            anonymous: false,
            users: Vec::new(),
            station_is: StationIs::Any,
            max_packet_bytes: HumanBytes::from_mib(1),
            max_connections: 10_000,
            window: 64,
            max_messages_per_second: 10_000,
            drain_per_second: 1_000,
            connect_timeout: HumanDuration::from_secs(10),
            keep_alive_max: HumanDuration::from_secs(600),
            presence: true,
            prefix: "stations".to_owned(),
            record_topics: BTreeMap::from([("idc/fc01".to_owned(), "columns20".to_owned())]),
            broker: None,
        }
    }
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 1883,
            client_id: "ampwarden-gateway".to_owned(),
            username: String::new(),
            password: SecretString::default(),
            tls: None,
            topics: Vec::new(),
            qos: 1,
            keep_alive: HumanDuration::from_secs(30),
        }
    }
}

/// What is wrong with the configuration of MQTT.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A mapping cannot be used.
    #[error("gateway.mqtt.record_topics.{topic:?}: {source}")]
    Mapping {
        /// Of which topic.
        topic: String,
        /// Why not.
        source: MappingError,
    },
    /// A mapping's file cannot be read.
    #[error("gateway.mqtt.record_topics.{topic:?}: {path} cannot be read: {source}")]
    MappingFile {
        /// Of which topic.
        topic: String,
        /// Which file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A hash that is none.
    #[error("gateway.mqtt.users: the password_hash of {0:?} is not 64 hexadecimal digits (SHA-256)")]
    Hash(String),
    /// A broker's QoS that does not exist.
    #[error("gateway.mqtt.broker.qos: {0} is none of 0, 1, 2")]
    Qos(u8),
    /// TLS is to be listened on without a certificate.
    #[error("gateway.mqtt.tls is not set: give a certificate and its key")]
    NoCertificate,
    /// A limit that lets nothing through.
    #[error("gateway.mqtt.{0} must be at least 1")]
    Zero(&'static str),
}

impl Config {
    /// Looks whether everything fits together.
    ///
    /// # Errors
    /// When something does not.
    pub fn check(&self) -> Result<(), ConfigError> {
        for user in &self.users {
            if super::auth::hash_bytes(&user.password_hash).is_none() {
                return Err(ConfigError::Hash(user.name.clone()));
            }
        }
        if self.window == 0 {
            return Err(ConfigError::Zero("window"));
        }
        if self.max_connections == 0 {
            return Err(ConfigError::Zero("max_connections"));
        }
        if let Some(broker) = self.broker.as_ref().filter(|broker| broker.qos > 2) {
            return Err(ConfigError::Qos(broker.qos));
        }
        self.rules().map(|_| ())
    }

    /// How topics are read. Reads the mappings' files.
    ///
    /// # Errors
    /// When a mapping cannot be read or used.
    pub fn rules(&self) -> Result<Rules, ConfigError> {
        let mut records = Vec::with_capacity(self.record_topics.len());
        for (topic, source) in &self.record_topics {
            let named = |source| ConfigError::Mapping { topic: topic.clone(), source };
            let mapping = if source.ends_with(".toml") {
                let text = std::fs::read_to_string(source).map_err(|error| ConfigError::MappingFile {
                    topic: topic.clone(),
                    path: source.clone(),
                    source: error,
                })?;
                Mapping::from_toml(&text).map_err(named)?
            } else {
                Mapping::preset(source).map_err(named)?
            };
            mapping.check_sessions().map_err(named)?;
            records.push((topic.clone(), mapping));
        }
        Rules::new(&self.prefix, records)
            .map_err(|source| ConfigError::Mapping { topic: self.prefix.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_settings_say_which() {
        let topics = |preset: &str| BTreeMap::from([("t".to_owned(), preset.to_owned())]);
        let user = User { name: "cp1".to_owned(), password_hash: "abc".to_owned() };
        let broker = BrokerConfig { qos: 3, ..BrokerConfig::default() };
        for (config, expected) in [
            (
                Config { record_topics: topics("columns21"), ..Config::default() },
                "record_topics.\"t\": there is no preset",
            ),
            (Config { record_topics: topics("stations"), ..Config::default() }, "no column for started_at"),
            (
                Config { record_topics: topics("/nowhere.toml"), ..Config::default() },
                "/nowhere.toml cannot be read",
            ),
            (Config { users: vec![user], ..Config::default() }, "\"cp1\" is not 64 hexadecimal digits"),
            (Config { broker: Some(broker), ..Config::default() }, "3 is none of 0, 1, 2"),
            (Config { window: 0, ..Config::default() }, "gateway.mqtt.window must be at least 1"),
        ] {
            let error = config.check().expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(Config::default().check().is_ok());
    }
}
