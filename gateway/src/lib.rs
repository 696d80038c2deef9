//! The gateway: OCPP and MQTT stations in; what they say is journaled, acknowledged, folded and written to the store.

pub mod access;
pub mod api;
pub mod commands;
pub mod config;
pub mod csv;
pub mod journal;
pub mod metrics;
pub mod mqtt;
pub mod ocpp;
pub mod pipeline;
mod run;
mod socket;

pub use config::Config;
pub use run::{Error, Listeners, Shared, run};
