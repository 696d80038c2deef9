//! One file a command.

pub(crate) mod anomaly;
pub(crate) mod check;
pub(crate) mod command;
pub(crate) mod exporter;
pub(crate) mod gateway;
pub(crate) mod import;
pub(crate) mod limits;
pub(crate) mod migrate;
mod process;
pub(crate) mod qr;
pub(crate) mod rejected;
mod setting;
pub(crate) mod settings;
pub(crate) mod simulate;
pub(crate) mod sites;
mod station_access;
pub(crate) mod stations;
pub(crate) mod tariffs;
pub(crate) mod token;
pub(crate) mod tokens;
pub(crate) mod trace;
