-- The first schema. All times are UTC; units end the names. Statements end with a semicolon at the end of a line.
--
-- Fact tables: DEDUP keys are the event's id and the row's number in the event (plus what views group by, which
-- follows from the event), so that replaying the journal is harmless and two real samples never swallow each other.
-- "_now" tables: ts is the epoch for all rows, so that a row replaces the one before it.
-- Each statement can be run twice: a migration that was broken off is run again from its begin.

CREATE TABLE IF NOT EXISTS sites (
    ts TIMESTAMP, site SYMBOL, name VARCHAR, latitude_deg DOUBLE, longitude_deg DOUBLE, time_zone VARCHAR,
    currency SYMBOL, maintenance BOOLEAN, revision LONG, updated_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts, site);

CREATE TABLE IF NOT EXISTS stations (
    ts TIMESTAMP, station SYMBOL, site SYMBOL, name VARCHAR, latitude_deg DOUBLE, longitude_deg DOUBLE,
    rated_power_w DOUBLE, charger_type SYMBOL, maintenance BOOLEAN, retired BOOLEAN, revision LONG, updated_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts, station);

CREATE TABLE IF NOT EXISTS station_reports (
    ts TIMESTAMP, event_id UUID, n INT, station SYMBOL, site SYMBOL, protocol SYMBOL, vendor SYMBOL, model SYMBOL,
    serial VARCHAR, firmware SYMBOL, boot_reason SYMBOL, station_ts TIMESTAMP, received_at TIMESTAMP, flags SYMBOL
) TIMESTAMP(ts) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(ts, event_id, n);

CREATE TABLE IF NOT EXISTS connections (
    ts TIMESTAMP, event_id UUID, n INT, station SYMBOL, site SYMBOL, gateway SYMBOL, epoch UUID, state SYMBOL,
    protocol SYMBOL, reason SYMBOL, remote VARCHAR, received_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY TTL 400 DAYS WAL DEDUP UPSERT KEYS(ts, event_id, n);

CREATE TABLE IF NOT EXISTS gateways (
    ts TIMESTAMP, gateway SYMBOL, epoch UUID, state SYMBOL, version SYMBOL, connections LONG, journal_events LONG
) TIMESTAMP(ts) PARTITION BY DAY TTL 90 DAYS WAL DEDUP UPSERT KEYS(ts, gateway);

CREATE TABLE IF NOT EXISTS connector_status (
    ts TIMESTAMP, event_id UUID, n INT, station SYMBOL, site SYMBOL, evse INT, connector INT, status SYMBOL,
    error_code SYMBOL, vendor_error_code SYMBOL, vendor_id SYMBOL, info VARCHAR,
    station_ts TIMESTAMP, received_at TIMESTAMP, flags SYMBOL
) TIMESTAMP(ts) PARTITION BY DAY TTL 400 DAYS WAL DEDUP UPSERT KEYS(ts, event_id, n);

CREATE TABLE IF NOT EXISTS meter_values (
    ts TIMESTAMP, event_id UUID, n INT, station SYMBOL, site SYMBOL, evse INT, connector INT, session_id UUID,
    context SYMBOL, location SYMBOL, phase SYMBOL,
    power_w DOUBLE, energy_wh DOUBLE, current_a DOUBLE, voltage_v DOUBLE, soc_ratio DOUBLE, temperature_c DOUBLE,
    power_offered_w DOUBLE, current_offered_a DOUBLE, frequency_hz DOUBLE,
    station_ts TIMESTAMP, received_at TIMESTAMP, flags SYMBOL
) TIMESTAMP(ts) PARTITION BY DAY TTL 400 DAYS WAL DEDUP UPSERT KEYS(ts, event_id, n, station, site, evse, connector);

CREATE TABLE IF NOT EXISTS meter_values_other (
    ts TIMESTAMP, event_id UUID, n INT, station SYMBOL, site SYMBOL, evse INT, connector INT, session_id UUID,
    context SYMBOL, location SYMBOL, phase SYMBOL, measurand SYMBOL, value DOUBLE, value_text VARCHAR, unit SYMBOL,
    station_ts TIMESTAMP, received_at TIMESTAMP, flags SYMBOL
) TIMESTAMP(ts) PARTITION BY DAY TTL 400 DAYS WAL DEDUP UPSERT KEYS(ts, event_id, n);

CREATE TABLE IF NOT EXISTS sessions (
    ts TIMESTAMP, session_id UUID, station SYMBOL, site SYMBOL, evse INT, connector INT, transaction_id VARCHAR,
    token_hash SYMBOL, vehicle_model SYMBOL, user_type SYMBOL, charger_type SYMBOL, state SYMBOL,
    started_at TIMESTAMP, ended_at TIMESTAMP, duration_s DOUBLE, charging_s DOUBLE, idle_s DOUBLE,
    energy_wh DOUBLE, meter_start_wh DOUBLE, meter_stop_wh DOUBLE, max_power_w DOUBLE, mean_power_w DOUBLE,
    soc_start_ratio DOUBLE, soc_end_ratio DOUBLE, battery_wh DOUBLE, temperature_c DOUBLE,
    cost DOUBLE, currency SYMBOL, tariff SYMBOL, tariff_revision LONG, stop_reason SYMBOL,
    inferred BOOLEAN, partial BOOLEAN, revision INT, samples INT, source SYMBOL,
    received_at TIMESTAMP, updated_at TIMESTAMP, flags SYMBOL
) TIMESTAMP(ts) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(ts, session_id);

CREATE TABLE IF NOT EXISTS station_now (
    ts TIMESTAMP, station SYMBOL, site SYMBOL, connected BOOLEAN, gateway SYMBOL, epoch UUID, protocol SYMBOL,
    state SYMBOL, vendor SYMBOL, model SYMBOL, firmware SYMBOL, connectors INT, connectors_faulted INT,
    active_sessions INT, power_w DOUBLE, sessions_count LONG, energy_wh DOUBLE,
    connected_at TIMESTAMP, last_seen_at TIMESTAMP, updated_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts, station);

CREATE TABLE IF NOT EXISTS connector_now (
    ts TIMESTAMP, station SYMBOL, site SYMBOL, evse INT, connector INT, status SYMBOL, error_code SYMBOL,
    vendor_error_code SYMBOL, since TIMESTAMP, updated_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts, station, evse, connector);

CREATE TABLE IF NOT EXISTS session_now (
    ts TIMESTAMP, station SYMBOL, site SYMBOL, evse INT, connector INT, session_id UUID, transaction_id VARCHAR,
    token_hash SYMBOL, state SYMBOL, started_at TIMESTAMP, duration_s DOUBLE, idle_s DOUBLE, energy_wh DOUBLE,
    power_w DOUBLE, max_power_w DOUBLE, soc_ratio DOUBLE, temperature_c DOUBLE, cost DOUBLE, currency SYMBOL,
    samples INT, updated_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts, station, evse, connector);

CREATE TABLE IF NOT EXISTS events (
    ts TIMESTAMP, event_id UUID, n INT, station SYMBOL, site SYMBOL, evse INT, connector INT, type SYMBOL,
    severity SYMBOL, text VARCHAR, payload VARCHAR, source SYMBOL, station_ts TIMESTAMP, received_at TIMESTAMP,
    flags SYMBOL
) TIMESTAMP(ts) PARTITION BY DAY TTL 400 DAYS WAL DEDUP UPSERT KEYS(ts, event_id, n);

CREATE TABLE IF NOT EXISTS rejected (
    ts TIMESTAMP, event_id UUID, n INT, station SYMBOL, source SYMBOL, reason SYMBOL, detail VARCHAR, origin VARCHAR,
    payload VARCHAR, received_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY TTL 400 DAYS WAL DEDUP UPSERT KEYS(ts, event_id, n);

CREATE TABLE IF NOT EXISTS session_scores (
    ts TIMESTAMP, session_id UUID, revision INT, model SYMBOL, station SYMBOL, site SYMBOL, token_hash SYMBOL,
    score DOUBLE, severity SYMBOL, kind SYMBOL, text VARCHAR, reasons VARCHAR, cluster INT, cluster_name SYMBOL,
    partial BOOLEAN, ended_at TIMESTAMP, scored_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(ts, session_id, revision, model);

CREATE TABLE IF NOT EXISTS models (
    ts TIMESTAMP, model SYMBOL, state SYMBOL, sessions LONG, clusters INT, silhouette DOUBLE, checksum VARCHAR,
    detail VARCHAR
) TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts, model, state);

CREATE TABLE IF NOT EXISTS profiles (
    ts TIMESTAMP, scope SYMBOL, id SYMBOL, sessions LONG, energy_mean_wh DOUBLE, duration_mean_s DOUBLE,
    power_mean_w DOUBLE, stations LONG, users LONG, preferred_period SYMBOL, text VARCHAR, model SYMBOL,
    updated_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts, scope, id);

CREATE TABLE IF NOT EXISTS tariffs (
    ts TIMESTAMP, event_id UUID, n INT, tariff SYMBOL, site SYMBOL, currency SYMBOL, per_kwh DOUBLE, per_minute DOUBLE,
    per_session DOUBLE, per_idle_minute DOUBLE, valid_from TIMESTAMP, revision LONG, author VARCHAR
) TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts, event_id, n);

CREATE TABLE IF NOT EXISTS tokens (
    ts TIMESTAMP, event_id UUID, n INT, token_hash SYMBOL, label VARCHAR, group_hash SYMBOL, status SYMBOL,
    valid_until TIMESTAMP, revision LONG, author VARCHAR
) TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts, event_id, n);

CREATE TABLE IF NOT EXISTS limits (
    ts TIMESTAMP, event_id UUID, n INT, site SYMBOL, grid_limit_w DOUBLE, revision LONG, author VARCHAR
) TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts, event_id, n);

CREATE TABLE IF NOT EXISTS settings (
    ts TIMESTAMP, event_id UUID, n INT, scope SYMBOL, key VARCHAR, value VARCHAR, revision LONG, author VARCHAR
) TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts, event_id, n);

-- Connector 0 is a station's main meter: adding it to its connectors would count the same power twice.
CREATE MATERIALIZED VIEW IF NOT EXISTS connector_power_1m AS (
    SELECT ts, station, site, evse, connector, avg(power_w) AS power_w, max(power_w) AS max_power_w, count() AS samples
    FROM meter_values WHERE phase IS NULL AND location = 'Outlet' AND connector > 0 AND power_w IS NOT NULL
    SAMPLE BY 1m
) PARTITION BY DAY TTL 400 DAYS;
