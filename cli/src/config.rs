//! The whole configuration: each crate's own table.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::auth::ApiConfig;
use service::config::ConfigError;
use service::log::LogConfig;
use service::otlp::OtlpConfig;
use service::secret_key::SecretsConfig;
use store::StoreConfig;

/// The configuration of all of Ampwarden's processes; each reads the tables that it needs.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AmpwardenConfig {
    /// The gateway: where stations connect, the journal, the writer.
    pub gateway: gateway::Config,
    /// QuestDB: where it is, and how long each table is kept.
    pub store: StoreConfig,
    /// The exporter: what the store knows of the fleet, for Prometheus.
    pub exporter: exporter::Config,
    /// The anomaly service: scores every ended session, and answers over gRPC.
    pub anomaly: anomaly::Config,
    /// Logs, on standard error.
    pub log: LogConfig,
    /// Traces to an OpenTelemetry collector.
    pub otlp: OtlpConfig,
    /// Access to the HTTP APIs.
    pub api: ApiConfig,
    /// Secrets of the installation.
    pub secrets: SecretsConfig,
}

impl AmpwardenConfig {
    /// Reads the file at `path`, if any, and this process's environment.
    ///
    /// # Errors
    /// For whatever is misspelt or of a wrong type, all at once.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let utf8 = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        service::config::load(path, utf8)
    }
}
