//! Current states.

use station::id::SessionId;
use station::time::Timestamp;
use uuid::Uuid;

use super::record::{Record, record};
use super::{ReadError, Reader};

record! {
    /// A row of `station_now`.
    StationNow {
        station: String,
        site: Option<String>,
        connected: bool,
        gateway: Option<String>,
        epoch: Option<Uuid>,
        protocol: Option<String>,
        state: String,
        vendor: Option<String>,
        model: Option<String>,
        firmware: Option<String>,
        connectors: i32,
        connectors_faulted: i32,
        active_sessions: i32,
        power_w: Option<f64>,
        sessions_count: i64,
        energy_wh: Option<f64>,
        connected_at: Option<Timestamp>,
        last_seen_at: Timestamp,
        updated_at: Timestamp,
    }
}

record! {
    /// A row of `connector_now`.
    ConnectorNow {
        station: String,
        site: Option<String>,
        evse: i32,
        connector: i32,
        status: String,
        error_code: Option<String>,
        vendor_error_code: Option<String>,
        since: Timestamp,
        updated_at: Timestamp,
    }
}

record! {
    /// A row of `session_now`.
    SessionNow {
        station: String,
        site: Option<String>,
        evse: i32,
        connector: i32,
        session_id: SessionId,
        transaction_id: Option<String>,
        token_hash: Option<String>,
        state: String,
        started_at: Timestamp,
        duration_s: Option<f64>,
        idle_s: Option<f64>,
        energy_wh: Option<f64>,
        power_w: Option<f64>,
        max_power_w: Option<f64>,
        soc_ratio: Option<f64>,
        temperature_c: Option<f64>,
        cost: Option<f64>,
        currency: Option<String>,
        samples: i32,
        updated_at: Timestamp,
    }
}

impl Reader {
    /// The state of every station.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn station_now(&self) -> Result<Vec<StationNow>, ReadError> {
        self.records(&format!("SELECT {} FROM station_now", StationNow::COLUMNS), &[]).await
    }

    /// The state of every connector.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn connector_now(&self) -> Result<Vec<ConnectorNow>, ReadError> {
        self.records(&format!("SELECT {} FROM connector_now", ConnectorNow::COLUMNS), &[]).await
    }

    /// The last session of every connector; `state` is `open` for those that run.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn session_now(&self) -> Result<Vec<SessionNow>, ReadError> {
        self.records(&format!("SELECT {} FROM session_now", SessionNow::COLUMNS), &[]).await
    }
}
