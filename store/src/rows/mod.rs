//! How what the fold finds becomes rows: one file a group of tables, each column named once.

pub(crate) mod current;
pub(crate) mod facts;
pub(crate) mod own;
pub(crate) mod settings;

pub use own::{GatewayRow, ModelRow, ProfileRow, ScoreRow};

use crate::schema::Table;

/// All tables that rows are written to.
pub const TABLES: [&Table; 21] = [
    &settings::SITES,
    &settings::STATIONS,
    &settings::TARIFFS,
    &settings::TOKENS,
    &settings::LIMITS,
    &settings::SETTINGS,
    &facts::STATION_REPORTS,
    &facts::CONNECTIONS,
    &facts::CONNECTOR_STATUS,
    &facts::METER_VALUES,
    &facts::METER_VALUES_OTHER,
    &facts::SESSIONS,
    &facts::EVENTS,
    &facts::REJECTED,
    &current::STATION_NOW,
    &current::CONNECTOR_NOW,
    &current::SESSION_NOW,
    &own::GATEWAYS,
    &own::SESSION_SCORES,
    &own::MODELS,
    &own::PROFILES,
];
