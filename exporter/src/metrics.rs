//! What the exporter exposes, each declared once.

use service::metrics::{MetricKind, MetricSpec, Unit};

const fn gauge(
    name: &'static str,
    unit: Unit,
    labels: &'static [&'static str],
    help: &'static str,
) -> MetricSpec {
    MetricSpec { name, kind: MetricKind::Gauge, unit, labels, help }
}

const fn info(name: &'static str, labels: &'static [&'static str], help: &'static str) -> MetricSpec {
    MetricSpec { name, kind: MetricKind::Info, unit: Unit::None, labels, help }
}

pub(crate) const STATIONS: MetricSpec = gauge(
    "ampwarden_stations",
    Unit::None,
    &["site", "state"],
    "Stations by site and state; offline and unknown come before what the station said last",
);
pub(crate) const CONNECTORS: MetricSpec = gauge(
    "ampwarden_connectors",
    Unit::None,
    &["site", "status"],
    "Connectors by site and the status that they reported last",
);
pub(crate) const ACTIVE_SESSIONS: MetricSpec =
    gauge("ampwarden_active_sessions", Unit::None, &["site"], "Sessions that have begun and not ended");
pub(crate) const POWER: MetricSpec = gauge(
    "ampwarden_power_watts",
    Unit::Watts,
    &["site"],
    "Power that stations deliver, of those that were heard of lately (exporter.power_max_age)",
);
pub(crate) const GRID_LIMIT: MetricSpec =
    gauge("ampwarden_site_grid_limit_watts", Unit::Watts, &["site"], "What the site may draw from the grid");
pub(crate) const SITE_MAINTENANCE: MetricSpec =
    gauge("ampwarden_site_maintenance", Unit::None, &["site"], "1 while the site is in maintenance");
pub(crate) const SITE_INFO: MetricSpec = info(
    "ampwarden_site_info",
    &["site", "name", "time_zone", "currency"],
    "What operators said about the site",
);
pub(crate) const SCORED_SESSIONS: MetricSpec = gauge(
    "ampwarden_scored_sessions",
    Unit::None,
    &["site", "severity"],
    "Sessions that were scored within ampwarden_scored_sessions_window_seconds, by severity",
);
pub(crate) const ENDED_SESSIONS: MetricSpec = gauge(
    "ampwarden_ended_sessions",
    Unit::None,
    &["site", "outcome"],
    "Sessions that ended within ampwarden_scored_sessions_window_seconds: charged, or failed (under 0.1 kWh)",
);
pub(crate) const SCORED_WINDOW: MetricSpec = gauge(
    "ampwarden_scored_sessions_window_seconds",
    Unit::Seconds,
    &[],
    "The window of ampwarden_scored_sessions and ampwarden_ended_sessions",
);
pub(crate) const GATEWAY_ALIVE: MetricSpec = gauge(
    "ampwarden_gateway_alive",
    Unit::None,
    &["gateway"],
    "1 while the gateway's heartbeats reach the store, 0 when its run is over; absent while nobody can tell",
);
pub(crate) const GATEWAY_HEARTBEAT: MetricSpec = gauge(
    "ampwarden_gateway_heartbeat_timestamp_seconds",
    Unit::Seconds,
    &["gateway"],
    "When the gateway last wrote its heartbeat to the store, by its own clock",
);

pub(crate) const STATION_CONNECTED: MetricSpec = gauge(
    "ampwarden_station_connected",
    Unit::None,
    &["station", "site"],
    "1 while the station has a connection on a gateway that lives; 0 until it is retired",
);
pub(crate) const STATION_KNOWN: MetricSpec = gauge(
    "ampwarden_station_connection_state_known",
    Unit::None,
    &["station", "site"],
    "0 while nobody can tell whether the station is connected, because the store does not answer or takes no writes",
);
pub(crate) const STATION_LAST_SEEN: MetricSpec = gauge(
    "ampwarden_station_last_seen_timestamp_seconds",
    Unit::Seconds,
    &["station", "site"],
    "When the station was last heard of",
);
pub(crate) const STATION_POWER: MetricSpec = gauge(
    "ampwarden_station_power_watts",
    Unit::Watts,
    &["station", "site"],
    "Power that the station delivers; absent when it was not heard of lately (exporter.power_max_age)",
);
pub(crate) const STATION_SESSIONS: MetricSpec = gauge(
    "ampwarden_station_active_sessions",
    Unit::None,
    &["station", "site"],
    "Sessions at the station that have begun and not ended",
);
pub(crate) const STATION_MAINTENANCE: MetricSpec = gauge(
    "ampwarden_station_maintenance",
    Unit::None,
    &["station", "site"],
    "1 while the station or its site is in maintenance",
);
pub(crate) const STATION_INFO: MetricSpec = info(
    "ampwarden_station_info",
    &["station", "site", "protocol", "vendor", "model", "firmware"],
    "What the station said about itself",
);
pub(crate) const CONNECTOR_STATUS: MetricSpec = gauge(
    "ampwarden_connector_status",
    Unit::None,
    &["station", "site", "evse", "connector", "status"],
    "1 for the status that the connector reported last; other statuses are absent",
);
pub(crate) const CONNECTOR_SINCE: MetricSpec = gauge(
    "ampwarden_connector_status_since_timestamp_seconds",
    Unit::Seconds,
    &["station", "site", "evse", "connector"],
    "Since when the connector has its status",
);
pub(crate) const CONNECTOR_ERROR: MetricSpec = info(
    "ampwarden_connector_error_info",
    &["station", "site", "evse", "connector", "error_code", "vendor_error_code"],
    "What the connector reports as broken; absent where it reports nothing",
);
pub(crate) const CONNECTOR_SESSION_START: MetricSpec = gauge(
    "ampwarden_connector_session_start_timestamp_seconds",
    Unit::Seconds,
    &["station", "site", "evse", "connector"],
    "When the session began that is open at the connector; absent where there is none",
);
pub(crate) const CONNECTOR_SESSION_HEARD: MetricSpec = gauge(
    "ampwarden_connector_session_last_heard_timestamp_seconds",
    Unit::Seconds,
    &["station", "site", "evse", "connector"],
    "When something was last heard of the session that is open at the connector",
);
pub(crate) const CONNECTOR_TEMPERATURE: MetricSpec = gauge(
    "ampwarden_connector_temperature_celsius",
    Unit::Celsius,
    &["station", "site", "evse", "connector"],
    "The hottest of the connector's last temperatures, of those measured lately (exporter.power_max_age)",
);
pub(crate) const CONNECTOR_STRAY_POWER: MetricSpec = gauge(
    "ampwarden_connector_power_without_session_watts",
    Unit::Watts,
    &["station", "site", "evse", "connector"],
    "The connector's last power, measured lately (exporter.power_max_age), where it belongs to no session",
);

pub(crate) const SERIES_DROPPED: MetricSpec = gauge(
    "ampwarden_series_dropped",
    Unit::None,
    &[],
    "Stations of this shard without series of their own, because exporter.stations_max is reached",
);
pub(crate) const STATIONS_EXPOSED: MetricSpec = gauge(
    "ampwarden_exporter_stations",
    Unit::None,
    &[],
    "Stations that have series of their own on this exporter",
);
pub(crate) const SNAPSHOT_TIMESTAMP: MetricSpec = gauge(
    "ampwarden_exporter_snapshot_timestamp_seconds",
    Unit::Seconds,
    &[],
    "When the store was last read; absent before the first time",
);
pub(crate) const SNAPSHOT_AGE: MetricSpec = gauge(
    "ampwarden_exporter_snapshot_age_seconds",
    Unit::Seconds,
    &[],
    "How long ago the store was last read; since the start before the first time",
);
pub(crate) const STORE_UP: MetricSpec =
    gauge("ampwarden_exporter_store_up", Unit::None, &[], "1 while the store answers");
pub(crate) const STORE_TAKES_WRITES: MetricSpec = gauge(
    "ampwarden_exporter_store_takes_writes",
    Unit::None,
    &[],
    "1 while the store answers and shows what it was given: only then does a gateway's silence mean its end",
);
pub(crate) const READS: MetricSpec = MetricSpec {
    name: "ampwarden_exporter_reads_total",
    kind: MetricKind::Counter,
    unit: Unit::None,
    labels: &["result"],
    help: "Reads of the store, by result: ok or failed",
};
pub(crate) const READ_DURATION: MetricSpec = MetricSpec {
    name: "ampwarden_exporter_read_duration_seconds",
    kind: MetricKind::Histogram(&[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
    unit: Unit::Seconds,
    labels: &[],
    help: "How long a read of the store takes",
};

/// All of them.
pub const METRICS: &[MetricSpec] = &[
    STATIONS,
    CONNECTORS,
    ACTIVE_SESSIONS,
    POWER,
    GRID_LIMIT,
    SITE_MAINTENANCE,
    SITE_INFO,
    SCORED_SESSIONS,
    ENDED_SESSIONS,
    SCORED_WINDOW,
    GATEWAY_ALIVE,
    GATEWAY_HEARTBEAT,
    STATION_CONNECTED,
    STATION_KNOWN,
    STATION_LAST_SEEN,
    STATION_POWER,
    STATION_SESSIONS,
    STATION_MAINTENANCE,
    STATION_INFO,
    CONNECTOR_STATUS,
    CONNECTOR_SINCE,
    CONNECTOR_ERROR,
    CONNECTOR_SESSION_START,
    CONNECTOR_SESSION_HEARD,
    CONNECTOR_TEMPERATURE,
    CONNECTOR_STRAY_POWER,
    SERIES_DROPPED,
    STATIONS_EXPOSED,
    SNAPSHOT_TIMESTAMP,
    SNAPSHOT_AGE,
    STORE_UP,
    STORE_TAKES_WRITES,
    READS,
    READ_DURATION,
];
