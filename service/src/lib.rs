//! What every process of Ampwarden shares: configuration, logs, traces, metrics, admin HTTP, TLS, API tokens and
//! shutdown. It knows nothing of stations.

pub mod config;
