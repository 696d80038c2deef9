//! The state of one station.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ring::Ring;
use super::session::Session;
use super::transaction;
use crate::event::{Boot, ConnectorStatus, Source, Status};
use crate::fact::{ConnectorNow, SessionNow, StationNow};
use crate::id::{SessionId, StationId};
use crate::key::StationKeys;
use crate::time::Timestamp;

/// Ended sessions that are kept for late meter values and corrections.
const ENDED_KEPT: usize = 8;
/// Transaction ids that are not given again.
const IDS_KEPT: usize = 256;
/// Open sessions that one station may have; the oldest is inferred ended beyond it. More than any station has
/// connectors; it bounds what a station that invents transactions can make us hold.
pub(super) const OPEN_MAX: usize = 64;
/// Connectors of one station that are kept; a station that counts on for ever keeps its first ones.
const CONNECTORS_MAX: usize = 256;

/// What is known of a station.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Station {
    pub(super) boot: Boot,
    pub(super) source: Option<Source>,
    pub(super) connection: Option<Connection>,
    /// Connections so far.
    pub(super) connections: u64,
    pub(super) last_seen_at: Timestamp,
    pub(super) updated_at: Timestamp,
    #[serde(with = "pairs")]
    pub(super) connectors: BTreeMap<(i32, i32), Connector>,
    pub(super) open: Vec<Session>,
    pub(super) ended: VecDeque<Session>,
    pub(super) given_ids: VecDeque<i32>,
    /// Digests of the last facts.
    pub(super) seen: Ring,
    /// Whole-session records that were taken.
    pub(super) records: Ring,
    /// Rejected events that were replayed and taken.
    #[serde(default)]
    pub(super) replayed: Ring,
    /// What operators asked of it.
    #[serde(default)]
    pub(super) commands: super::commands::Commands,
    /// By which it proves who it is.
    #[serde(default)]
    pub(super) keys: StationKeys,
    /// Counts what happened, other than connecting and living.
    pub(super) facts: u64,
    pub(super) sessions_count: i64,
    pub(super) energy_wh: f64,
}

/// An open connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Connection {
    pub(super) gateway: String,
    pub(super) epoch: Uuid,
    pub(super) at: Timestamp,
}

/// The state of a connector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Connector {
    pub(super) status: Status,
    pub(super) since: Timestamp,
    pub(super) updated_at: Timestamp,
}

impl Station {
    /// Takes a connector's status in.
    pub(super) fn status(
        &mut self,
        evse: i32,
        connector: i32,
        status: &Status,
        at: Timestamp,
        received_at: Timestamp,
    ) {
        if self.connectors.len() >= CONNECTORS_MAX && !self.connectors.contains_key(&(evse, connector)) {
            return;
        }
        let entry = self.connectors.entry((evse, connector)).or_insert_with(|| Connector {
            status: status.clone(),
            since: at,
            updated_at: received_at,
        });
        if at < entry.since {
            // A buffered transition from before the one that is known: history, not the current state.
            return;
        }
        if entry.status.status != status.status || entry.status.error_code != status.error_code {
            entry.since = at;
        }
        entry.status = status.clone();
        entry.updated_at = received_at;
    }

    /// The open session of that transaction.
    pub(super) fn open_transaction(&mut self, transaction: &str) -> Option<&mut Session> {
        self.open.iter_mut().find(|s| s.transaction.as_deref() == Some(transaction))
    }

    /// The kept ended session of that transaction.
    pub(super) fn ended_transaction(&mut self, transaction: &str) -> Option<&mut Session> {
        self.ended.iter_mut().rev().find(|s| s.transaction.as_deref() == Some(transaction))
    }

    /// A session that is open or kept.
    pub(super) fn session(&mut self, id: SessionId) -> Option<&mut Session> {
        self.open.iter_mut().chain(self.ended.iter_mut().rev()).find(|s| s.session_id == id)
    }

    /// The open session at that place. A place that the station does not name fits any.
    pub(super) fn open_at(&mut self, evse: Option<i32>, connector: Option<i32>) -> Option<&mut Session> {
        self.open.iter_mut().rev().find(|s| same_place(s, evse, connector))
    }

    /// Puts an open session among the ended ones.
    pub(super) fn close(&mut self, session_id: SessionId) -> Option<&mut Session> {
        let at = self.open.iter().position(|s| s.session_id == session_id)?;
        let session = self.open.remove(at);
        self.keep_ended(session)
    }

    /// Keeps an ended session for a while.
    pub(super) fn keep_ended(&mut self, session: Session) -> Option<&mut Session> {
        self.ended.push_back(session);
        if self.ended.len() > ENDED_KEPT {
            self.ended.pop_front();
        }
        self.ended.back_mut()
    }

    /// A transaction id for a new session (OCPP 1.6).
    pub(super) fn give_id(&mut self, station: &StationId, session: SessionId) -> i32 {
        let id = transaction::new_id(station, session, |id| self.given_ids.contains(&id));
        self.given_ids.push_back(id);
        if self.given_ids.len() > IDS_KEPT + OPEN_MAX {
            self.given_ids.pop_front();
        }
        id
    }

    /// The row of `station_now`.
    pub(super) fn now(&self, id: &StationId, site: Option<&str>) -> StationNow {
        let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let plugs = || self.connectors.iter().filter(|((_, connector), _)| *connector > 0);
        StationNow {
            station: id.to_string(),
            site: site.map(str::to_owned),
            connected: self.connection.is_some(),
            gateway: self.connection.as_ref().map(|c| c.gateway.clone()),
            epoch: self.connection.as_ref().map(|c| c.epoch),
            protocol: self.source.map(Source::label),
            state: self.state(),
            vendor: self.boot.vendor.clone(),
            model: self.boot.model.clone(),
            firmware: self.boot.firmware.clone(),
            connectors: count(plugs().count()),
            connectors_faulted: count(
                plugs().filter(|(_, c)| c.status.status == ConnectorStatus::Faulted).count(),
            ),
            active_sessions: count(self.open.len()),
            power_w: self.open.iter().filter_map(|s| s.power_w).sum(),
            sessions_count: self.sessions_count,
            energy_wh: self.energy_wh,
            connected_at: self.connection.as_ref().map(|c| c.at),
            last_seen_at: self.last_seen_at,
            updated_at: self.updated_at,
        }
    }

    /// The rows of `connector_now`.
    pub(super) fn connectors_now(&self, id: &StationId, site: Option<&str>) -> Vec<ConnectorNow> {
        self.connectors
            .iter()
            .map(|((evse, connector), state)| ConnectorNow {
                station: id.to_string(),
                site: site.map(str::to_owned),
                evse: *evse,
                connector: *connector,
                status: state.status.status.label(),
                error_code: state.status.error_code.clone(),
                vendor_error_code: state.status.vendor_error_code.clone(),
                since: state.since,
                updated_at: state.updated_at,
            })
            .collect()
    }

    /// The rows of `session_now`: the open session of each connector, else its last one.
    pub(super) fn sessions_now(&self, id: &StationId) -> Vec<SessionNow> {
        let mut latest: BTreeMap<(i32, i32), &Session> = BTreeMap::new();
        for session in self.ended.iter().chain(&self.open) {
            latest.insert((session.evse.unwrap_or(0), session.connector.unwrap_or(0)), session);
        }
        latest.values().map(|session| session.now(id)).collect()
    }

    /// The worst or busiest state of its connectors; connector 0, the station as a whole, can only make it worse.
    fn state(&self) -> &'static str {
        use ConnectorStatus as S;
        let has = |statuses: &[S]| self.connectors.values().any(|c| statuses.contains(&c.status.status));
        let whole = self.connectors.iter().find(|((_, c), _)| *c == 0).map(|(_, c)| c.status.status);
        if has(&[S::Faulted]) {
            "faulted"
        } else if whole == Some(S::Unavailable) {
            "unavailable"
        } else if has(&[S::Charging]) {
            "charging"
        } else if has(&[S::Preparing, S::SuspendedEv, S::SuspendedEvse, S::Finishing, S::Occupied]) {
            "occupied"
        } else if !self.open.is_empty() {
            "charging"
        } else if has(&[S::Available]) {
            "available"
        } else if has(&[S::Reserved]) {
            "reserved"
        } else if has(&[S::Unavailable]) {
            "unavailable"
        } else {
            "unknown"
        }
    }
}

/// Whether a session is at that place. A place that the station does not name fits any.
pub(super) fn same_place(session: &Session, evse: Option<i32>, connector: Option<i32>) -> bool {
    let fits = |one: Option<i32>, other: Option<i32>| match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    fits(session.evse, evse) && fits(session.connector, connector)
}

/// Maps with keys that are no text, as lists of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
