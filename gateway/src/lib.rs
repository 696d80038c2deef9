//! The gateway: OCPP and MQTT stations in; what they say is journaled, acknowledged, folded and written to the store.

pub mod journal;
pub mod metrics;
pub mod pipeline;
