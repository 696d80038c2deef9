//! MQTT and record mappings: our own JSON, and whole-session records.

pub mod record;
