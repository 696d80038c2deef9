// Queries: where they go, and the pieces of SQL that several panels share.
import * as cog from '@grafana/grafana-foundation-sdk/cog';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';

export const PROM = { type: 'prometheus', uid: '${datasource}' };
export const QDB = { type: 'questdb-questdb-datasource', uid: '${questdb}' };

/** Over the board's time range. */
export function range(expr: string, legend: string, refId = 'A'): cog.Builder<cog.Dataquery> {
  return new prometheus.DataqueryBuilder().refId(refId).datasource(PROM).expr(expr).legendFormat(legend).range();
}

/** Now, one value a series. */
export function instant(expr: string, legend: string, refId = 'A'): cog.Builder<cog.Dataquery> {
  return new prometheus.DataqueryBuilder().refId(refId).datasource(PROM).expr(expr).legendFormat(legend).instant();
}

/** Now, one row a series, labels as columns. */
export function rows(expr: string, refId = 'A'): cog.Builder<cog.Dataquery> {
  return new prometheus.DataqueryBuilder()
    .refId(refId)
    .datasource(PROM)
    .expr(expr)
    .instant()
    .format(prometheus.PromQueryFormat.Table);
}

/** What the QuestDB plugin calls its formats. */
const FORMATS = { timeseries: 0, table: 1 };

/** SQL. A time series needs a first column `time`, ascending. */
export function sql(rawSql: string, format: keyof typeof FORMATS = 'table', refId = 'A'): cog.Builder<cog.Dataquery> {
  const query = {
    refId,
    datasource: QDB,
    queryType: 'sql',
    rawSql: rawSql.replace(/\n\s+/g, '\n').trim(),
    format: FORMATS[format],
    selectedFormat: FORMATS[format],
    _implementsDataqueryVariant: () => {},
  };
  return { build: () => JSON.parse(JSON.stringify(query)) as cog.Dataquery };
}

/** The site that is chosen, for PromQL. */
export const SITE = 'site=~"$site"';

/** The site that is chosen, for SQL. What belongs to no site is called as the exporter calls it. */
export function atSite(column = 'site'): string {
  return `$__conditionalAll(coalesce(${column}, 'unassigned') IN (\${site:sqlstring}), $site)`;
}

/**
 * Begin of the day and this moment by each site's own clock, today and a week ago: columns `today`, `then_from`,
 * `then_to`. The same wall-clock time a week ago, also over a change of summer time.
 */
const ZONE = "coalesce(time_zone, 'UTC')";
const LOCAL = `to_timezone(now(), ${ZONE})`;
export const SITE_DAYS = `
  SELECT site,
    to_utc(date_trunc('day', ${LOCAL}), ${ZONE}) AS today,
    to_utc(dateadd('d', -7, date_trunc('day', ${LOCAL})), ${ZONE}) AS then_from,
    to_utc(dateadd('d', -7, ${LOCAL}), ${ZONE}) AS then_to
  FROM sites`;

/**
 * Sessions that ended today or up to the same time a week ago, by the site's clock; `day` says which: 'today' or
 * 'last_week'. Sessions that belong to no known site go by UTC. Sessions longer than three days are left out at the
 * edge: the store finds sessions by their begin.
 */
export const sessionsToday = (where: string): string => `
  SELECT station, coalesce(site, 'unassigned') AS site, coalesce(currency, '?') AS currency, energy_wh, cost,
    CASE WHEN ended_at >= today THEN 'today' ELSE 'last_week' END AS day
  FROM (
    SELECT s.station, s.site, s.currency, s.energy_wh, s.cost, s.ended_at,
      coalesce(d.today, date_trunc('day', now())) AS today,
      coalesce(d.then_from, dateadd('d', -7, date_trunc('day', now()))) AS then_from,
      coalesce(d.then_to, dateadd('d', -7, now())) AS then_to
    FROM sessions s LEFT JOIN (${SITE_DAYS}) d ON s.site = d.site
    WHERE s.ts >= dateadd('d', -11, now()) AND s.state = 'ended' AND ${where}
  )
  WHERE ended_at >= today OR (ended_at >= then_from AND ended_at < then_to)`;

export const SESSIONS_TODAY = sessionsToday(atSite('s.site'));

/** The last score of each session that began in the given days before the board's range or in it. */
export function lastScores(days: number): string {
  return `SELECT session_id, site, station, score, severity, kind, text, ended_at FROM (
    SELECT session_id, site, station, score, severity, kind, text, ended_at,
      row_number() OVER (PARTITION BY session_id ORDER BY scored_at DESC) AS place
    FROM session_scores WHERE ts >= dateadd('d', -${days}, $__fromTime)
  ) WHERE place = 1`;
}

/**
 * Stations with their connection judged as the exporter does: an epoch lives while its heartbeat is under 45 s old; a
 * station behind a broker is there while it is heard of; records of what has been say nothing. `connection` is
 * 'online', 'offline' or 'unknown'.
 */
export const STATIONS_JUDGED = `
  SELECT n.station, coalesce(n.site, 'unassigned') AS site, n.power_w, n.active_sessions, n.connectors_faulted,
    CASE
      WHEN n.connected AND g.epoch = n.epoch AND g.state = 'running' THEN 'online'
      WHEN n.protocol IN ('import', 'api') OR (n.protocol = 'mqtt_broker' AND n.connectors = 0) THEN 'unknown'
      WHEN n.protocol = 'mqtt_broker' AND n.last_seen_at > dateadd('m', -15, now()) THEN 'online'
      ELSE 'offline'
    END AS connection
  FROM station_now n
  LEFT JOIN (
    SELECT gateway, epoch, state FROM gateways WHERE ts > dateadd('s', -45, now()) LATEST ON ts PARTITION BY gateway
  ) g ON n.gateway = g.gateway
  LEFT JOIN (SELECT station, retired FROM stations WHERE retired = true) r ON n.station = r.station
  WHERE r.station IS NULL`;

/** A connector's name: its number, and before it that of its EVSE in OCPP 2. */
export const CONNECTOR = "CASE WHEN evse > 0 THEN concat(evse, '/', connector) ELSE cast(connector AS varchar) END";

/** The station that is chosen, for SQL. */
export const AT_STATION = 'station = ${station:sqlstring}';

/** The connectors that are chosen, for SQL. */
export const AT_CONNECTOR = `$__conditionalAll(${CONNECTOR} IN (\${connector:sqlstring}), $connector)`;

/** Sessions that ended in the board's time range. The store finds sessions by their begin, so three days before count. */
export function ended(where: string): string {
  return `SELECT * FROM sessions
  WHERE ts >= dateadd('d', -3, $__fromTime) AND $__timeFilter(ended_at) AND state = 'ended' AND ${where}`;
}

/** Ended sessions with their last score, as a table that other boards show as well; columns as in `SESSION_COLUMNS`. */
export function sessionsTable(where: string, limit: number): string {
  return `SELECT s.ended_at AS "Ended", s.session_id AS "Session", s.station AS "Station", s.connector_name AS "Connector",
    s.duration_s AS "Duration", s.idle_s AS "Idle", s.energy_wh AS "Energy", s.max_power_w AS "Maximum power",
    s.cost AS "Cost", s.currency AS "Currency", s.stop_reason AS "Stop", c.severity AS "Severity", c.score AS "Score", c.text AS "Reason"
  FROM (SELECT *, ${CONNECTOR} AS connector_name FROM (${ended(where)}) ORDER BY ended_at DESC LIMIT ${limit}) s
  LEFT JOIN (${lastScores(3)}) c ON s.session_id = c.session_id
  ORDER BY s.ended_at DESC`;
}
export const SESSION_COLUMNS = ['Ended', 'Session', 'Station', 'Connector', 'Duration', 'Idle', 'Energy', 'Maximum power', 'Cost', 'Currency', 'Stop', 'Severity', 'Score', 'Reason'];

/** Sessions that run now. */
export function liveTable(where: string): string {
  return `SELECT station AS "Station", session_id AS "Session", ${CONNECTOR} AS "Connector", datediff('s', started_at, now()) AS "Duration",
    power_w AS "Power", energy_wh AS "Energy", soc_ratio AS "Charge", temperature_c AS "Temperature", cost AS "Cost so far", currency AS "Currency"
  FROM session_now WHERE state = 'open' AND ${where} ORDER BY started_at DESC LIMIT 100`;
}
export const LIVE_COLUMNS = ['Station', 'Session', 'Connector', 'Duration', 'Power', 'Energy', 'Charge', 'Temperature', 'Cost so far', 'Currency'];
