//! The tables that a poll reads, and what becomes of them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use station::event::ConnectorStatus;
use station::time::Timestamp;
use store::read::{ConnectorNow, ReadError, Reader, StationNow};
use store::server::{WalTable, wal_tables};

use crate::connection::{ConnectionRow, ConnectionState, Gateways, Heartbeat, Silence, Way};
use crate::fleet::OTHER;
use crate::places::Places;
use crate::scrape::{Limits, unix_now};
use crate::snapshot::{Connector, Gateway, Scores, Site, Snapshot, Station};

/// A gateway that was silent for longer is not looked for: its epoch is long over.
const GATEWAYS_SINCE_S: i64 = 86_400;

/// Sessions begin up to this long before they are scored, and the store finds them by their begin.
pub(crate) const SESSION_MAX_S: i64 = 7 * 86_400;

/// The tables whose rows say whether the store takes writes: every gateway writes both all the time.
const WRITTEN: [&str; 2] = ["gateways", "station_now"];

/// What one poll read.
#[derive(Debug)]
pub(crate) struct Tables {
    stations_now: Vec<StationNow>,
    connectors_now: Vec<ConnectorNow>,
    stations: Vec<store::read::Station>,
    sites: Vec<store::read::Site>,
    gateways: Vec<store::read::Gateway>,
    places: Places,
    scores: Vec<Scores>,
    pub(crate) wal: Vec<WalTable>,
}

impl Tables {
    /// Reads all of them; one that cannot be read makes the poll fail as a whole, so that a snapshot is of one time.
    pub(crate) async fn read(reader: &Reader, limits: &Limits) -> Result<Self, ReadError> {
        let now = now();
        Ok(Self {
            stations_now: reader.station_now().await?,
            connectors_now: reader.connector_now().await?,
            stations: reader.stations().await?,
            sites: reader.sites().await?,
            gateways: reader.gateways(now.plus_seconds(-GATEWAYS_SINCE_S)).await?,
            places: Places::read(reader, now, limits.power_max_age, limits.scores_window).await?,
            scores: scores(reader, now, limits.scores_window).await?,
            wal: wal_tables(reader).await?,
        })
    }

    /// The gateways' last signs of life.
    pub(crate) fn heartbeats(&self) -> Vec<Heartbeat> {
        let heartbeat = |row: &store::read::Gateway| Heartbeat {
            gateway: row.gateway.clone(),
            epoch: Some(row.epoch),
            closed: row.state != "running",
            at: seconds(row.ts),
        };
        self.gateways.iter().map(heartbeat).collect()
    }

    /// Judges connections and leaves retired stations out.
    pub(crate) fn into_snapshot(mut self, now: f64, gateways: &Gateways, silence: &Silence) -> Snapshot {
        let maintained: HashSet<String> =
            self.sites.iter().filter(|site| site.maintenance).map(|site| site.site.clone()).collect();
        let mut registered: HashMap<String, store::read::Station> =
            self.stations.into_iter().map(|station| (station.station.clone(), station)).collect();
        let in_maintenance = |station: Option<&store::read::Station>, site: Option<&String>| {
            station.is_some_and(|station| station.maintenance)
                || site.is_some_and(|site| maintained.contains(site))
        };
        let mut stations = Vec::with_capacity(self.stations_now.len());
        for row in self.stations_now {
            let known = registered.remove(&row.station);
            if known.as_ref().is_some_and(|station| station.retired) {
                continue;
            }
            // What operators say now counts before what the station's last event was filed under.
            let site = known.as_ref().and_then(|station| station.site.clone()).or(row.site);
            let connection = ConnectionRow {
                connected: row.connected,
                gateway: row.gateway.as_deref(),
                epoch: row.epoch,
                way: Way::of(row.protocol.as_deref(), row.connectors),
                last_seen_at: seconds(row.last_seen_at),
            };
            stations.push(Station {
                connection: gateways.state(&connection, now, silence),
                maintenance: in_maintenance(known.as_ref(), site.as_ref()),
                station: row.station,
                site,
                row_connected: row.connected,
                last_seen_at: Some(seconds(row.last_seen_at)),
                state: row.state,
                protocol: row.protocol,
                vendor: row.vendor,
                model: row.model,
                firmware: row.firmware,
                active_sessions: i64::from(row.active_sessions),
                power_w: row.power_w.unwrap_or_default(),
            });
        }
        // Registered, but never heard of.
        for (id, known) in registered.into_iter().filter(|(_, known)| !known.retired) {
            stations.push(Station {
                maintenance: in_maintenance(Some(&known), known.site.as_ref()),
                station: id,
                site: known.site,
                connection: ConnectionState::Disconnected,
                row_connected: false,
                last_seen_at: None,
                state: "unknown".into(),
                protocol: None,
                vendor: None,
                model: None,
                firmware: None,
                active_sessions: 0,
                power_w: 0.0,
            });
        }
        stations.sort_unstable_by(|a, b| a.station.cmp(&b.station));
        self.places.settle(self.connectors_now.iter().map(|c| (c.station.as_str(), c.evse, c.connector)));
        Snapshot {
            taken_at: now,
            stations,
            connectors: self.connectors_now.into_iter().map(connector).collect(),
            sites: self.sites.into_iter().map(site).collect(),
            gateways: self
                .gateways
                .into_iter()
                .map(|row| Gateway {
                    life: gateways.life(&row.gateway, now, silence.gateway_s),
                    heartbeat_at: seconds(row.ts),
                    gateway: row.gateway,
                })
                .collect(),
            scores: self.scores,
            places: self.places,
        }
    }
}

fn connector(row: ConnectorNow) -> Connector {
    // A word of the store, made one of ours: labels are bounded.
    let status = ConnectorStatus::ALL.iter().map(|status| status.label()).find(|label| *label == row.status);
    Connector {
        station: row.station,
        evse: row.evse,
        connector: row.connector,
        status: status.unwrap_or(OTHER),
        since: Some(seconds(row.since)),
        error: row
            .error_code
            .filter(|code| !code.is_empty() && code != "NoError")
            .map(|code| (code, row.vendor_error_code.unwrap_or_default())),
    }
}

fn site(row: store::read::Site) -> Site {
    Site {
        site: row.site,
        name: row.name,
        time_zone: row.time_zone,
        currency: row.currency,
        grid_limit_w: row.grid_limit_w,
        maintenance: row.maintenance,
    }
}

/// A session that was scored again counts once, with its last score.
async fn scores(reader: &Reader, now: Timestamp, window: Duration) -> Result<Vec<Scores>, ReadError> {
    let since = now.plus_seconds(-i64::try_from(window.as_secs()).unwrap_or(i64::MAX));
    let sql = "SELECT site, severity, count() AS sessions FROM (
                 SELECT site, severity, row_number() OVER (PARTITION BY session_id ORDER BY scored_at DESC) AS place
                 FROM session_scores WHERE ts > $1 AND scored_at > $2
               ) WHERE place = 1 GROUP BY site, severity";
    let params =
        [store::read::Param::Time(since.plus_seconds(-SESSION_MAX_S)), store::read::Param::Time(since)];
    reader
        .query(sql, &params)
        .await?
        .iter()
        .map(|row| {
            Ok(Scores {
                site: row.get("site")?,
                severity: row.get::<Option<String>>("severity")?.unwrap_or_default(),
                sessions: row.get("sessions")?,
            })
        })
        .collect()
}

/// Whether the store takes writes, judged from poll to poll.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    applied: HashMap<String, i64>,
}

impl Writes {
    /// It does if no table that gateways write all the time is suspended, and each has applied all that it was given
    /// or at least more than at the last poll.
    pub(crate) fn observe(&mut self, wal: &[WalTable]) -> bool {
        let mut takes = true;
        for table in wal.iter().filter(|table| WRITTEN.contains(&table.table.as_str())) {
            let before = self.applied.insert(table.table.clone(), table.writer_txn);
            let behind = table.writer_txn < table.sequencer_txn;
            let moved = before.is_none_or(|before| table.writer_txn > before);
            takes &= !table.suspended && (!behind || moved);
        }
        takes
    }

    /// The store could not be asked.
    pub(crate) fn store_lost(&mut self) {
        self.applied.clear();
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.seconds_since(Timestamp(0))
}

#[allow(clippy::cast_possible_truncation)]
fn now() -> Timestamp {
    Timestamp((unix_now() * 1e6) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, suspended: bool, writer_txn: i64, sequencer_txn: i64) -> WalTable {
        WalTable { table: name.into(), suspended, writer_txn, sequencer_txn, error: None, memory_pressure: 0 }
    }

    #[test]
    fn a_store_takes_writes_while_it_applies_them() {
        let mut writes = Writes::default();
        assert!(writes.observe(&[table("gateways", false, 5, 5), table("events", true, 0, 9)]));
        assert!(writes.observe(&[table("gateways", false, 6, 9)]), "behind, but moving");
        assert!(!writes.observe(&[table("gateways", false, 6, 12)]), "stuck");
        assert!(writes.observe(&[table("gateways", false, 12, 12)]));
        assert!(!writes.observe(&[table("gateways", true, 12, 12)]), "suspended");
    }
}
