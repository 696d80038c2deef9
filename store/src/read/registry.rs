//! What operators say, and which gateways run.

use station::time::Timestamp;
use uuid::Uuid;

use super::record::{Record, record};
use super::{Param, ReadError, Reader};

record! {
    /// A row of `stations`.
    Station {
        station: String,
        site: Option<String>,
        name: Option<String>,
        latitude_deg: Option<f64>,
        longitude_deg: Option<f64>,
        rated_power_w: Option<f64>,
        charger_type: Option<String>,
        maintenance: bool,
        retired: bool,
        revision: i64,
        updated_at: Timestamp,
    }
}

record! {
    /// A row of `sites`, with the limit in force from `limits`.
    Site {
        site: String,
        name: Option<String>,
        latitude_deg: Option<f64>,
        longitude_deg: Option<f64>,
        time_zone: Option<String>,
        currency: Option<String>,
        maintenance: bool,
        grid_limit_w: Option<f64>,
        revision: i64,
        updated_at: Timestamp,
    }
}

record! {
    /// The last heartbeat of a gateway.
    Gateway {
        ts: Timestamp,
        gateway: String,
        epoch: Uuid,
        state: String,
        version: Option<String>,
        connections: i64,
        journal_events: i64,
    }
}

impl Reader {
    /// What operators say of every station, the retired ones included.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn stations(&self) -> Result<Vec<Station>, ReadError> {
        self.records(&format!("SELECT {} FROM stations", Station::COLUMNS), &[]).await
    }

    /// Every site, with its limit.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn sites(&self) -> Result<Vec<Site>, ReadError> {
        let sql = "SELECT s.site, s.name, s.latitude_deg, s.longitude_deg, s.time_zone, s.currency, s.maintenance, \
                   l.grid_limit_w, s.revision, s.updated_at \
                   FROM sites s LEFT JOIN (SELECT site, grid_limit_w FROM limits LATEST ON ts PARTITION BY site) l \
                   ON s.site = l.site";
        self.records(sql, &[]).await
    }

    /// The last heartbeat of each gateway, if it came after `since`.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn gateways(&self, since: Timestamp) -> Result<Vec<Gateway>, ReadError> {
        let columns = Gateway::COLUMNS;
        let sql = format!("SELECT {columns} FROM gateways WHERE ts > $1 LATEST ON ts PARTITION BY gateway");
        self.records(&sql, &[Param::Time(since)]).await
    }
}
