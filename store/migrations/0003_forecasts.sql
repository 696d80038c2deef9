-- Forecasts, and the hours that came, as the anomaly service works them out of the sessions. ts is the hour's begin.
--
-- A forecast is made again and again as its hour comes nearer. days_ahead counts whole days from the making to the
-- hour's begin, and is a key: the row with the smallest is the newest forecast of an hour, the row with 1 is the last
-- that was made a day ahead or earlier.

CREATE TABLE IF NOT EXISTS forecasts (
    ts TIMESTAMP, scope SYMBOL, id SYMBOL, days_ahead INT, horizon_h INT, mean_w DOUBLE, p10_w DOUBLE, p50_w DOUBLE,
    p90_w DOUBLE, free_ratio DOUBLE, rated_w DOUBLE, model SYMBOL, made_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY TTL 400 DAYS WAL DEDUP UPSERT KEYS(ts, scope, id, days_ahead);

CREATE TABLE IF NOT EXISTS hourly_load (
    ts TIMESTAMP, scope SYMBOL, id SYMBOL, mean_w DOUBLE, free_ratio DOUBLE, connectors INT, updated_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY TTL 400 DAYS WAL DEDUP UPSERT KEYS(ts, scope, id);
