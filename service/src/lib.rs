//! What every process of Ampwarden shares: configuration, logs, traces, metrics, admin HTTP, TLS, API tokens and
//! shutdown. It knows nothing of stations.

pub mod admin;
pub mod auth;
pub mod config;
pub mod listen;
pub mod log;
pub mod metrics;
pub mod otlp;
pub mod problem;
pub mod readiness;
pub mod secret_key;
pub mod shutdown;
pub mod tls;
