// Users and clusters: who charges how, and which kinds of sessions there are.
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, heading, place } from './board.js';
import { BLUE } from './look.js';
import { bars, columns, label, number } from './panels.js';
import { atSite, ended, sql } from './query.js';
import { tableOf } from './tables.js';

const ENDED = ended(atSite());
const CLUSTERED = `
  SELECT e.session_id, e.site, e.station, e.token_hash, e.energy_wh, e.duration_s, e.idle_s, e.max_power_w, e.started_at, e.ended_at, c.cluster_name FROM (${ENDED}) e
  JOIN (SELECT session_id, cluster_name FROM (
    SELECT session_id, cluster_name, row_number() OVER (PARTITION BY session_id ORDER BY scored_at DESC) AS place
    FROM session_scores WHERE ts >= dateadd('d', -3, $__fromTime)) WHERE place = 1 AND cluster_name IS NOT NULL) c ON e.session_id = c.session_id`;

function people(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const tile = (id: number, x: number, title: string, unit: string, query: string, description: string) => place(number(unit), { id, title, description, at: [x, 0, 6, 4] }).withTarget(sql(query));
  return builder
    .withPanel(tile(1, 0, 'Active users', 'short', `SELECT count_distinct(token_hash) AS v FROM (${ENDED})`, 'Different tokens that charged in the time range. A user with a card and an app counts twice.'))
    .withPanel(tile(2, 6, 'Sessions a user', 'short', `SELECT cast(count() AS double) / count_distinct(token_hash) AS v FROM (${ENDED}) WHERE token_hash IS NOT NULL`, 'Sessions by user in the time range.').decimals(1))
    .withPanel(tile(3, 12, 'Energy a user', 'watth', `SELECT sum(energy_wh) / count_distinct(token_hash) AS v FROM (${ENDED}) WHERE token_hash IS NOT NULL`, 'Energy by user in the time range.').decimals(1))
    .withPanel(tile(4, 18, 'Without a token', 'short', `SELECT sum(CASE WHEN token_hash IS NULL THEN 1 ELSE 0 END) AS v FROM (${ENDED})`, 'Sessions that began without a card or app: free vending, or stations that do not send it.'))
    .withPanel(
      place(tableOf(['User', 'Sessions', 'Energy', 'Duration', 'Idle', 'Stations', 'Seen']), { id: 5, title: 'Users', description: 'The 100 users with most sessions, by the begin of their token\'s keyed hash; who it is, only the keeper of the cards knows. Duration and idle time are means.', at: [0, 4, 14, 10], noValue: 'nobody charged with a token' })
        .withTarget(sql(`SELECT left(token_hash, 8) AS "User", count() AS "Sessions", sum(energy_wh) AS "Energy", avg(duration_s) AS "Duration", avg(idle_s) AS "Idle", count_distinct(station) AS "Stations", max(ended_at) AS "Seen"
          FROM (${ENDED}) WHERE token_hash IS NOT NULL GROUP BY token_hash ORDER BY "Sessions" DESC LIMIT 100`)),
    )
    .withPanel(
      place(bars('short', 'hour', BLUE), { id: 6, title: 'Preferred times', description: 'Sessions by the hour in which they began, by the site\'s own clock.', at: [14, 4, 10, 5], noValue: 'no session ended' })
        .decimals(0)
        .withTarget(
          sql(`SELECT hour, sessions FROM (SELECT hour(to_timezone(s.started_at, coalesce(i.time_zone, 'UTC'))) AS n, cast(hour(to_timezone(s.started_at, coalesce(i.time_zone, 'UTC'))) AS varchar) AS hour, count() AS sessions
            FROM (${ENDED}) s LEFT JOIN (SELECT site, time_zone FROM sites) i ON s.site = i.site GROUP BY n, hour ORDER BY n)`),
        ),
    )
    .withPanel(
      place(tableOf(['Station', 'Users', 'Sessions'], { Users: [{ id: 'custom.width', value: 90 }] }), { id: 7, title: 'Users by station', description: 'Stations by how many different users they have. Few users with many sessions: a station that somebody takes for their own.', at: [14, 9, 10, 5], noValue: 'no session ended' })
        .withTarget(sql(`SELECT station AS "Station", count_distinct(token_hash) AS "Users", count() AS "Sessions" FROM (${ENDED}) GROUP BY "Station" ORDER BY "Users" DESC LIMIT 100`)),
    );
}

function clusters(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(heading(100, 'Clusters: kinds of sessions that the model found', 14))
    .withPanel(
      place(tableOf(['Cluster', 'Sessions', 'Energy', 'Duration', 'Idle', 'Maximum power', 'Users'], { Users: [{ id: 'custom.width', value: 80 }], Cluster: [{ id: 'custom.width', value: 250 }] }), { id: 8, title: 'Profiles of clusters', description: 'Means of the sessions of each cluster. Its name says how it differs from the others. How well they are apart: see Models on the board Anomalies.', at: [0, 15, 14, 8], noValue: 'no model was trained yet' })
        .withTarget(sql(`SELECT cluster_name AS "Cluster", count() AS "Sessions", avg(energy_wh) AS "Energy", avg(duration_s) AS "Duration", avg(idle_s) AS "Idle", avg(max_power_w) AS "Maximum power", count_distinct(token_hash) AS "Users"
          FROM (${CLUSTERED}) GROUP BY cluster_name ORDER BY "Sessions" DESC`)),
    )
    .withPanel(
      place(columns('short', '1h'), { id: 9, title: 'Sessions by cluster', description: 'By when they ended. A cluster that grows is a change of who comes, or of prices.', at: [14, 15, 10, 8], noValue: 'no model was trained yet' })
        .decimals(0)
        .displayName(label('cluster'))
        .withTarget(sql(`SELECT timestamp_floor('$__sampleByInterval', ended_at) AS time, cluster_name AS cluster, count() AS sessions FROM (${CLUSTERED}) GROUP BY time, cluster ORDER BY time`, 'timeseries')),
    );
}

export function users(): dashboard.Dashboard {
  const start = board({ uid: 'ampwarden-users', title: 'Users and clusters', description: 'Who charges how, and which kinds of sessions there are.', version: 1, from: 'now-7d', site: true });
  return clusters(people(start)).build();
}
