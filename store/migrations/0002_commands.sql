-- Commands to stations: a row for each step, so that a step that comes late (an answer to a command that was given up)
-- replaces nothing. The newest row of a command_id tells how far it is.

CREATE TABLE IF NOT EXISTS commands (
    ts TIMESTAMP, event_id UUID, n INT, command_id UUID, station SYMBOL, site SYMBOL, command SYMBOL, state SYMBOL,
    message SYMBOL, source SYMBOL, author VARCHAR, issued_at TIMESTAMP, expires_at TIMESTAMP, status VARCHAR,
    detail VARCHAR, late BOOLEAN, payload VARCHAR, received_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY TTL 400 DAYS WAL DEDUP UPSERT KEYS(ts, event_id, n);
