//! What one poll of the store found, ready to be exposed.

use crate::connection::{ConnectionState, Life};
use crate::places::Places;

/// One poll.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// When it was taken, Unix seconds.
    pub(crate) taken_at: f64,
    /// Sorted by id; retired stations are left out.
    pub(crate) stations: Vec<Station>,
    pub(crate) connectors: Vec<Connector>,
    pub(crate) sites: Vec<Site>,
    pub(crate) gateways: Vec<Gateway>,
    /// Sessions scored within the window.
    pub(crate) scores: Vec<Scores>,
    pub(crate) places: Places,
}

/// A station, from `station_now` and `stations`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Station {
    pub(crate) station: String,
    pub(crate) site: Option<String>,
    pub(crate) connection: ConnectionState,
    /// What its row says, whatever became of its gateway.
    pub(crate) row_connected: bool,
    /// None for a registered station that was never heard of.
    pub(crate) last_seen_at: Option<f64>,
    pub(crate) state: String,
    pub(crate) protocol: Option<String>,
    pub(crate) vendor: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) firmware: Option<String>,
    pub(crate) active_sessions: i64,
    pub(crate) power_w: f64,
    pub(crate) maintenance: bool,
}

/// A connector, from `connector_now`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Connector {
    pub(crate) station: String,
    pub(crate) evse: i32,
    pub(crate) connector: i32,
    pub(crate) status: &'static str,
    pub(crate) since: Option<f64>,
    /// What it reports as broken: code, and the vendor's own code.
    pub(crate) error: Option<(String, String)>,
}

/// A site, from `sites`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Site {
    pub(crate) site: String,
    pub(crate) name: Option<String>,
    pub(crate) time_zone: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) grid_limit_w: Option<f64>,
    pub(crate) maintenance: bool,
}

/// A gateway, from `gateways`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gateway {
    pub(crate) gateway: String,
    pub(crate) life: Life,
    pub(crate) heartbeat_at: f64,
}

/// How many sessions of a site were scored with a severity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scores {
    pub(crate) site: Option<String>,
    pub(crate) severity: String,
    pub(crate) sessions: i64,
}
