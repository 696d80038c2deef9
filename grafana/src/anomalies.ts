// Anomalies: which sessions are odd, why, where, and who is concerned.
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, heading, place } from './board.js';
import { colourOverrides, GREEN, ORANGE, RED, SEVERITIES, SKY, thresholds } from './look.js';
import { bars, columns, label, number } from './panels.js';
import { atSite, instant, lastScores, sql } from './query.js';
import { cellThresholds, tableOf } from './tables.js';

const SCORED = `SELECT * FROM (${lastScores(3)}) WHERE $__timeFilter(ended_at) AND ${atSite()}`;
const ODD = "severity IN ('warning', 'critical')";
const share = `sum(CASE WHEN ${ODD} THEN 1 ELSE 0 END)`;

function numbers(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withPanel(
      place(number(), { id: 1, title: 'Critical', description: 'Sessions of the time range that are critical: impossible values, which a rule found, or one in ten thousand. Each wants a look.', at: [0, 0, 4, 4] })
        .thresholds(thresholds(GREEN, [1, RED]))
        .withTarget(sql(`SELECT sum(CASE WHEN severity = 'critical' THEN 1 ELSE 0 END) AS v FROM (${SCORED})`)),
    )
    .withPanel(
      place(number(), { id: 2, title: 'Warnings', description: 'Sessions of the time range that are scored warning. Look at those that share a station or a kind.', at: [4, 0, 4, 4] })
        .thresholds(thresholds(GREEN, [1, ORANGE]))
        .withTarget(sql(`SELECT sum(CASE WHEN severity = 'warning' THEN 1 ELSE 0 END) AS v FROM (${SCORED})`)),
    )
    .withPanel(
      place(number('percentunit'), { id: 3, title: 'Suspicious share', description: 'Warnings and worse among all scored sessions. A sudden rise is one cause, not many: a firmware, a tariff, a meter; or a model that does not know a new situation.', at: [8, 0, 4, 4] })
        .decimals(2)
        .thresholds(thresholds(GREEN, [0.05, ORANGE], [0.2, RED]))
        .withTarget(sql(`SELECT ${share} / cast(count() AS double) AS v FROM (${SCORED})`)),
    )
    .withPanel(
      place(number(), { id: 4, title: 'Scored sessions', description: 'Sessions of the time range that have a score. Fewer than sessions that ended: the anomaly service is behind; see its board.', at: [12, 0, 4, 4] })
        .withTarget(sql(`SELECT count() AS v FROM (${SCORED})`)),
    )
    .withPanel(
      place(number(), { id: 5, title: 'Learnt from', description: 'Sessions from which the model that scores has learnt. 0: no model yet, the checks work alone.', at: [16, 0, 4, 4] })
        .withTarget(instant('max(ampwarden_anomaly_model_sessions)', 'sessions')),
    )
    .withPanel(
      place(number('dateTimeFromNow'), { id: 6, title: 'Model trained', description: 'When the model that scores was trained. It does not learn by itself for ever: train again after seasons, tariffs or new stations (gRPC Train).', at: [20, 0, 4, 4], noValue: 'never' })
        .withTarget(instant('max(ampwarden_anomaly_model_trained_timestamp_seconds > 0) * 1000', 'trained')),
    );
}

function over(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withPanel(
      place(columns('short', '1h'), { id: 7, title: 'By severity', description: 'Sessions by the severity of their last score, by when they ended. Normal ones are left out.', at: [0, 4, 12, 8], noValue: 'nothing but normal sessions' })
        .decimals(0)
        .overrides(colourOverrides(SEVERITIES))
        .displayName(label('severity'))
        .withTarget(sql(`SELECT timestamp_floor('$__sampleByInterval', ended_at) AS time, severity, count() AS sessions FROM (${SCORED}) WHERE severity <> 'normal' GROUP BY time, severity ORDER BY time`, 'timeseries')),
    )
    .withPanel(
      place(columns('short', '1h'), { id: 8, title: 'By kind', description: 'Warnings and worse by their most important finding. "Unusual" is the model\'s opinion; the others are rules, and certain. docs/anomalies.md says what each means.', at: [12, 4, 12, 8], noValue: 'no warnings' })
        .decimals(0)
        .displayName(label('kind'))
        .withTarget(sql(`SELECT timestamp_floor('$__sampleByInterval', ended_at) AS time, kind, count() AS sessions FROM (${SCORED}) WHERE ${ODD} GROUP BY time, kind ORDER BY time`, 'timeseries')),
    )
    .withPanel(
      place(tableOf(['Ended', 'Session', 'Station', 'Site', 'Severity', 'Score', 'Kind', 'Energy', 'Duration', 'Reason'], { Kind: [{ id: 'custom.width', value: 165 }] }), {
        id: 9,
        title: 'The oddest sessions',
        description: 'At most 200 warnings and worse, critical first, then the newest. A click on the session shows its curve and all reasons.',
        at: [0, 12, 24, 11],
        noValue: 'no warnings in this time range',
      }).withTarget(
        sql(`SELECT c.ended_at AS "Ended", c.session_id AS "Session", c.station AS "Station", c.site AS "Site", c.severity AS "Severity", c.score AS "Score", c.kind AS "Kind",
            s.energy_wh AS "Energy", s.duration_s AS "Duration", c.text AS "Reason"
          FROM (SELECT * FROM (${SCORED}) WHERE ${ODD} ORDER BY severity, ended_at DESC LIMIT 200) c
          JOIN (SELECT session_id, energy_wh, duration_s FROM sessions WHERE ts >= dateadd('d', -3, $__fromTime)) s ON c.session_id = s.session_id
          ORDER BY c.severity, c.ended_at DESC`),
      ),
    );
}

function where(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const risk = (of: string, name: string) => `
    SELECT ${of} AS "${name}", count() AS "Sessions", ${share} AS "Suspicious", ${share} / cast(count() AS double) AS "Share", max(score) AS "Score"`;
  const colours = { Suspicious: cellThresholds(GREEN, [1, ORANGE]), Share: [{ id: 'unit', value: 'percentunit' }, { id: 'decimals', value: 1 }, { id: 'custom.width', value: 80 }] };
  return builder
    .withRow(heading(100, 'Where, and who', 23))
    .withPanel(
      place(tableOf(['Station', 'Sessions', 'Suspicious', 'Share', 'Score'], colours), { id: 10, title: 'Stations at risk', description: 'Stations by the number of their warnings and worse. The same kind again and again at one station is its meter, its cable or its firmware.', at: [0, 24, 8, 10], noValue: 'no warnings' })
        .withTarget(sql(`SELECT * FROM (${risk('station', 'Station')} FROM (${SCORED})) WHERE "Suspicious" > 0 ORDER BY "Suspicious" DESC, "Share" DESC LIMIT 50`)),
    )
    .withPanel(
      place(tableOf(['User', 'Sessions', 'Suspicious', 'Share', 'Score'], colours), { id: 11, title: 'Users at risk', description: 'Users (the begin of their token\'s keyed hash) by warnings and worse. Many at different stations: a vehicle with a fault, or a card that is shared.', at: [8, 24, 8, 10], noValue: 'no warnings' })
        .withTarget(
          sql(`SELECT * FROM (${risk('left(token_hash, 8)', 'User')} FROM (SELECT s.token_hash, c.severity, c.score FROM (${SCORED}) c
            JOIN (SELECT session_id, token_hash FROM sessions WHERE ts >= dateadd('d', -3, $__fromTime)) s ON c.session_id = s.session_id)) WHERE "Suspicious" > 0 ORDER BY "Suspicious" DESC, "Share" DESC LIMIT 50`),
        ),
    )
    .withPanel(
      place(tableOf(['Site', 'Sessions', 'Suspicious', 'Share', 'Score'], colours), { id: 12, title: 'Sites', description: 'Scored sessions by site. A site alone above the others: its network, its power quality, or one bad batch of stations.', at: [16, 24, 8, 4] })
        .withTarget(sql(`${risk("coalesce(site, 'unassigned')", 'Site')} FROM (${SCORED}) GROUP BY "Site" ORDER BY "Suspicious" DESC LIMIT 50`)),
    )
    .withPanel(
      place(bars('short', 'score', SKY), { id: 13, title: 'Distribution of scores', description: 'Sessions by score. It should fall to the right; a heap at the right end means that the model no longer fits what is usual: train it again.', at: [16, 28, 8, 6], noValue: 'no scores in this time range' })
        .decimals(0)
        .xTickLabelRotation(0)
        .text(new common.VizTextDisplayOptionsBuilder().titleSize(11))
        .withTarget(sql(`SELECT concat(cast(n * 10 AS int), '%') AS score, sessions FROM (SELECT floor(least(score, 0.9999) * 10) AS n, count() AS sessions FROM (${SCORED}) GROUP BY n ORDER BY n)`)),
    )
    .withPanel(
      place(tableOf(['Time', 'Sessions', 'Text'], {}), { id: 14, title: 'Models', description: 'When models were trained and taken into use, of all times. Silhouette near 0: the groups of sessions are hardly apart, and their names say little.', at: [0, 34, 24, 5], noValue: 'never trained; the checks work alone' })
        .withTarget(sql(`SELECT ts AS "Time", model AS "Model", state AS "State", sessions AS "Sessions", clusters AS "Clusters", silhouette AS "Silhouette", json_extract(detail, '$.text') AS "Text" FROM models ORDER BY ts DESC LIMIT 20`)),
    );
}

export function anomalies(): dashboard.Dashboard {
  const start = board({ uid: 'ampwarden-anomalies', title: 'Anomalies', description: 'Which sessions are odd, why, where, and who is concerned.', version: 1, from: 'now-7d', site: true });
  return where(over(numbers(start))).build();
}
