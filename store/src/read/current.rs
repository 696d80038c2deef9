//! Current states.

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
}
