//! MQTT: the gateway's own endpoint for stations (3.1.1 and 5), and an external broker. Both acknowledge a message only
//! when it is synced on disk and folded.

mod auth;
mod broker;
mod clients;
mod codec;
mod config;
mod connection;
mod ended;
mod endpoint;
mod leaving;
mod messages;

use std::sync::Arc;

use station::secret::SecretKey;
use uuid::Uuid;

use crate::metrics::AdapterMetrics;
use crate::pipeline::Pipeline;

pub use broker::{BrokerError, run_broker};
pub use config::{BrokerConfig, Config, ConfigError, StationIs, User};
pub use endpoint::{EndpointError, serve_endpoint};

/// What MQTT works with.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The way into the journal.
    pub pipeline: Pipeline,
    /// Under which tokens are hashed and sealed.
    pub secret_key: Arc<SecretKey>,
    /// Metrics.
    pub metrics: AdapterMetrics,
    /// Whether the broker is there (`mqtt_broker`).
    pub readiness: service::readiness::Readiness,
    /// This gateway's name.
    pub gateway_id: String,
    /// This run of the gateway.
    pub epoch: Uuid,
}

#[cfg(test)]
mod tests;
