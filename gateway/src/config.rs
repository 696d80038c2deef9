//! The gateway's settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::admin::AdminConfig;
use service::config::HumanDuration;

use crate::journal::JournalConfig;
use crate::pipeline::WriterConfig;

/// The gateway: where stations connect, the journal, the writer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Its name in the store and on boards. It must stay the same over restarts.
    pub name: String,
    /// Metrics and probes.
    pub admin: AdminConfig<9464>,
    /// Address of the HTTP API.
    pub api_listen: String,
    /// Stations that speak OCPP.
    pub ocpp: crate::ocpp::Config,
    /// Stations that speak MQTT, to the gateway or to a broker.
    pub mqtt: crate::mqtt::Config,
    /// Commands to stations.
    pub commands: crate::commands::Config,
    /// The journal on disk.
    pub journal: JournalConfig,
    /// How rows go to the store.
    pub writer: WriterConfig,
    /// A session of which nothing was heard for so long is inferred ended. Stations that send no meter values say
    /// nothing between start and stop.
    pub session_silence: HumanDuration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "gateway".to_owned(),
            admin: AdminConfig::default(),
            api_listen: "127.0.0.1:8080".to_owned(),
            ocpp: crate::ocpp::Config::default(),
            mqtt: crate::mqtt::Config::default(),
            commands: crate::commands::Config::default(),
            journal: JournalConfig::default(),
            writer: WriterConfig::default(),
            session_silence: HumanDuration::from_secs(48 * 3600),
        }
    }
}
