//! The tables of facts.

use station::fact::{
    CommandRow, Connection, ConnectorStatusRow, Key, LogEntry, MeterValue, MeterValueOther, Rejected,
    SessionRow, StationReport,
};

use crate::schema::table;

table! {
    STATION_REPORTS, station_report: "station_reports", "what stations say at boot.",
    (key: &Key, row: &StationReport) at key.ts,
    symbols {
        station: key.station.as_str(),
        site: key.site.as_deref(),
        protocol: row.protocol,
        vendor: row.vendor.as_deref(),
        model: row.model.as_deref(),
        firmware: row.firmware.as_deref(),
        boot_reason: row.boot_reason.as_deref(),
        flags: key.flags.as_deref(),
    }
    columns {
        event_id: uuid(key.event_id.0),
        n: int(key.n),
        serial: text(row.serial.as_deref()),
        station_ts: time(key.station_ts),
        received_at: time(key.received_at),
    }
}

table! {
    CONNECTIONS, connection: "connections", "each connect and disconnect.",
    (key: &Key, row: &Connection) at key.ts,
    symbols {
        station: key.station.as_str(),
        site: key.site.as_deref(),
        gateway: row.gateway.as_str(),
        state: row.state,
        protocol: row.protocol,
        reason: row.reason.as_deref(),
    }
    columns {
        event_id: uuid(key.event_id.0),
        n: int(key.n),
        epoch: uuid(row.epoch),
        remote: text(row.remote.as_deref()),
        received_at: time(key.received_at),
    }
}

table! {
    CONNECTOR_STATUS, connector_status: "connector_status", "every transition of a connector.",
    (key: &Key, row: &ConnectorStatusRow) at key.ts,
    symbols {
        station: key.station.as_str(),
        site: key.site.as_deref(),
        status: row.status,
        error_code: row.error_code.as_deref(),
        vendor_error_code: row.vendor_error_code.as_deref(),
        vendor_id: row.vendor_id.as_deref(),
        flags: key.flags.as_deref(),
    }
    columns {
        event_id: uuid(key.event_id.0),
        n: int(key.n),
        evse: int(key.evse),
        connector: int(key.connector),
        info: text(row.info.as_deref()),
        station_ts: time(key.station_ts),
        received_at: time(key.received_at),
    }
}

table! {
    METER_VALUES, meter_value: "meter_values", "one row a sample, phase, location and context.",
    (key: &Key, row: &MeterValue) at key.ts,
    symbols {
        station: key.station.as_str(),
        site: key.site.as_deref(),
        context: row.context.as_str(),
        location: row.location.as_str(),
        phase: row.phase.as_deref(),
        flags: key.flags.as_deref(),
    }
    columns {
        event_id: uuid(key.event_id.0),
        n: int(key.n),
        evse: int(key.evse),
        connector: int(key.connector),
        session_id: uuid(row.session_id.map(|id| id.0)),
        power_w: double(row.power_w),
        energy_wh: double(row.energy_wh),
        current_a: double(row.current_a),
        voltage_v: double(row.voltage_v),
        soc_ratio: double(row.soc_ratio),
        temperature_c: double(row.temperature_c),
        power_offered_w: double(row.power_offered_w),
        current_offered_a: double(row.current_offered_a),
        frequency_hz: double(row.frequency_hz),
        station_ts: time(key.station_ts),
        received_at: time(key.received_at),
    }
}

table! {
    METER_VALUES_OTHER, meter_value_other: "meter_values_other", "the rest of the measurands, narrow.",
    (key: &Key, row: &MeterValueOther) at key.ts,
    symbols {
        station: key.station.as_str(),
        site: key.site.as_deref(),
        context: row.context.as_str(),
        location: row.location.as_str(),
        phase: row.phase.as_deref(),
        measurand: row.measurand.as_str(),
        unit: row.unit.as_str(),
        flags: key.flags.as_deref(),
    }
    columns {
        event_id: uuid(key.event_id.0),
        n: int(key.n),
        evse: int(key.evse),
        connector: int(key.connector),
        session_id: uuid(row.session_id.map(|id| id.0)),
        value: double(row.value),
        value_text: text(row.value_text.as_deref()),
        station_ts: time(key.station_ts),
        received_at: time(key.received_at),
    }
}

table! {
    SESSIONS, session: "sessions", "one row a session.",
    (row: &SessionRow) at row.ts,
    symbols {
        station: row.station.as_str(),
        site: row.site.as_deref(),
        token_hash: row.token_hash.as_deref(),
        vehicle_model: row.vehicle_model.as_deref(),
        user_type: row.user_type.as_deref(),
        charger_type: row.charger_type.as_deref(),
        state: row.state,
        currency: row.currency.as_deref(),
        tariff: row.tariff.as_deref(),
        stop_reason: row.stop_reason.as_deref(),
        source: row.source,
        flags: row.flags.as_deref(),
    }
    columns {
        session_id: uuid(row.session_id.0),
        evse: int(row.evse),
        connector: int(row.connector),
        transaction_id: text(row.transaction_id.as_deref()),
        started_at: time(row.started_at),
        ended_at: time(row.ended_at),
        duration_s: double(row.duration_s),
        charging_s: double(row.charging_s),
        idle_s: double(row.idle_s),
        energy_wh: double(row.energy_wh),
        meter_start_wh: double(row.meter_start_wh),
        meter_stop_wh: double(row.meter_stop_wh),
        max_power_w: double(row.max_power_w),
        mean_power_w: double(row.mean_power_w),
        soc_start_ratio: double(row.soc_start_ratio),
        soc_end_ratio: double(row.soc_end_ratio),
        battery_wh: double(row.battery_wh),
        temperature_c: double(row.temperature_c),
        cost: double(row.cost),
        tariff_revision: long(row.tariff_revision),
        inferred: bool(row.inferred),
        partial: bool(row.partial),
        revision: int(row.revision),
        samples: int(row.samples),
        received_at: time(row.received_at),
        updated_at: time(row.updated_at),
    }
}

table! {
    EVENTS, event: "events", "the searchable log.",
    (key: &Key, row: &LogEntry) at key.ts,
    symbols {
        station: key.station.as_str(),
        site: key.site.as_deref(),
        type: row.r#type,
        severity: row.severity.label(),
        source: row.source,
        flags: key.flags.as_deref(),
    }
    columns {
        event_id: uuid(key.event_id.0),
        n: int(key.n),
        evse: int(key.evse),
        connector: int(key.connector),
        text: text(row.text.as_str()),
        payload: text(row.payload.as_deref()),
        station_ts: time(key.station_ts),
        received_at: time(key.received_at),
    }
}

table! {
    REJECTED, rejected: "rejected", "what could not be taken.",
    (key: &Key, row: &Rejected) at key.ts,
    symbols {
        station: key.station.as_str(),
        source: row.source,
        reason: row.reason,
    }
    columns {
        event_id: uuid(key.event_id.0),
        n: int(key.n),
        detail: text(row.detail.as_str()),
        origin: text(row.origin.as_str()),
        payload: text(row.payload.as_deref()),
        received_at: time(key.received_at),
    }
}

table! {
    COMMANDS, command: "commands", "each step of a command to a station.",
    (key: &Key, row: &CommandRow) at key.ts,
    symbols {
        station: key.station.as_str(),
        site: key.site.as_deref(),
        command: row.command.as_str(),
        state: row.state,
        message: row.message.as_deref(),
        source: row.source,
    }
    columns {
        event_id: uuid(key.event_id.0),
        n: int(key.n),
        command_id: uuid(row.command_id),
        author: text(row.author.as_str()),
        issued_at: time(row.issued_at),
        expires_at: time(row.expires_at),
        status: text(row.status.as_deref()),
        detail: text(row.detail.as_deref()),
        late: bool(row.late),
        payload: text(row.payload.as_deref()),
        received_at: time(key.received_at),
    }
}
