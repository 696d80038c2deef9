//! Thin clients: they take what a station's life has to say over the network, keep what was not acknowledged, and
//! write down what was.

mod backoff;
mod driver;
pub mod hand;
mod message;
pub mod mqtt;
pub mod ocpp;
mod ocpp_answer;
mod ocpp_call;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use service::config::SecretString;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::fleet::Fleet;
use crate::ledger::Ledger;
use crate::tally::{Latency, Tally};
pub use driver::Driver;

/// What all clients of a fleet share.
#[derive(Debug)]
pub struct World {
    /// Who lives in it.
    pub fleet: Arc<Fleet>,
    /// Its time.
    pub clock: Clock,
    /// Where acknowledgements are written down.
    pub ledger: Ledger,
    /// What has happened so far.
    pub tally: Tally,
    /// Cancelled when everybody shall end their sessions, say what is left, and go.
    pub finish: CancellationToken,
    /// How the clients behave on the network.
    pub network: Network,
    /// How long meter values took from their time to their acknowledgement, where somebody wants to know.
    pub latency: Option<Latency>,
}

/// How clients behave on the network.
#[derive(Debug, Clone)]
pub struct Network {
    /// `ws://host:8887`; the station's id is appended.
    pub ocpp_url: Option<String>,
    /// The OCPP stations' password (HTTP Basic, the user is the station's id).
    pub ocpp_password: Option<SecretString>,
    /// Where MQTT stations connect.
    pub mqtt: Option<MqttTarget>,
    /// For `wss` and MQTT over TLS.
    pub tls: Option<Arc<tokio_rustls::rustls::ClientConfig>>,
    /// The first wait before a connection is tried again; doubled from time to time, up to a minute.
    pub reconnect: Duration,
    /// How long an answer may take before the connection counts as dead.
    pub call_timeout: Duration,
    /// How long a client goes on trying to say what is left when it shall finish.
    pub drain: Duration,
}

/// An MQTT broker or endpoint.
#[derive(Debug, Clone)]
pub struct MqttTarget {
    /// Name or address.
    pub host: String,
    /// 1883, 8883 for TLS.
    pub port: u16,
    /// Whether to use TLS.
    pub tls: bool,
    /// User and password, where they are asked for.
    pub credentials: Option<(String, SecretString)>,
}

/// Why a client had to give up.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The books cannot be written; going on would make them wrong.
    #[error("the ledger cannot be written: {0}; free some space or choose another --ledger")]
    Ledger(#[from] io::Error),
    /// A defect.
    #[error("a message cannot be written as JSON: {0}")]
    Encode(#[from] serde_json::Error),
}
