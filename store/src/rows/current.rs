//! Current states: `ts` is the epoch for all rows, so that a row replaces the one before it.

use station::fact::{ConnectorNow, SessionNow, StationNow};
use station::time::Timestamp;

use crate::schema::table;

/// The designated timestamp of tables that hold one row a key.
pub(crate) const CONSTANT_TS: Timestamp = Timestamp(0);

table! {
    STATION_NOW, station_now: "station_now", "the state of each station.",
    (row: &StationNow) at CONSTANT_TS,
    symbols {
        station: row.station.as_str(),
        site: row.site.as_deref(),
        gateway: row.gateway.as_deref(),
        protocol: row.protocol,
        state: row.state,
        vendor: row.vendor.as_deref(),
        model: row.model.as_deref(),
        firmware: row.firmware.as_deref(),
    }
    columns {
        connected: bool(row.connected),
        epoch: uuid(row.epoch),
        connectors: int(row.connectors),
        connectors_faulted: int(row.connectors_faulted),
        active_sessions: int(row.active_sessions),
        power_w: double(row.power_w),
        sessions_count: long(row.sessions_count),
        energy_wh: double(row.energy_wh),
        connected_at: time(row.connected_at),
        last_seen_at: time(row.last_seen_at),
        updated_at: time(row.updated_at),
    }
}

table! {
    CONNECTOR_NOW, connector_now: "connector_now", "the state of each connector.",
    (row: &ConnectorNow) at CONSTANT_TS,
    symbols {
        station: row.station.as_str(),
        site: row.site.as_deref(),
        status: row.status,
        error_code: row.error_code.as_deref(),
        vendor_error_code: row.vendor_error_code.as_deref(),
    }
    columns {
        evse: int(row.evse),
        connector: int(row.connector),
        since: time(row.since),
        updated_at: time(row.updated_at),
    }
}

table! {
    SESSION_NOW, session_now: "session_now", "the last session of each connector.",
    (row: &SessionNow) at CONSTANT_TS,
    symbols {
        station: row.station.as_str(),
        site: row.site.as_deref(),
        token_hash: row.token_hash.as_deref(),
        state: row.state,
        currency: row.currency.as_deref(),
    }
    columns {
        evse: int(row.evse),
        connector: int(row.connector),
        session_id: uuid(row.session_id.0),
        transaction_id: text(row.transaction_id.as_deref()),
        started_at: time(row.started_at),
        duration_s: double(row.duration_s),
        idle_s: double(row.idle_s),
        energy_wh: double(row.energy_wh),
        power_w: double(row.power_w),
        max_power_w: double(row.max_power_w),
        soc_ratio: double(row.soc_ratio),
        temperature_c: double(row.temperature_c),
        cost: double(row.cost),
        samples: int(row.samples),
        updated_at: time(row.updated_at),
    }
}
