// Site: one place with its stations, its power against its limit, its sessions.
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, heading, place } from './board.js';
import { colourOverrides, GREEN, ORANGE, RED, STATION_STATES, thresholds } from './look.js';
import { areas, columns, lines, number } from './panels.js';
import { ended, instant, LIVE_COLUMNS, liveTable, PROM, range, rows, SESSION_COLUMNS, sessionsTable, sessionsToday, sql, STATIONS_JUDGED } from './query.js';
import { cellThresholds, tableOf } from './tables.js';

const AT_SITE_S = "coalesce(s.site, 'unassigned') = ${site:sqlstring}";
const HERE = 'site="$site"';
const CHOSEN = "${site:sqlstring}";
const AT_SITE = `coalesce(site, 'unassigned') = ${CHOSEN}`;

function now(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withPanel(
      place(number(), { id: 1, title: 'Stations offline', description: 'Stations of this site without a connection. All of them: its network or power is gone, not the stations.', at: [0, 0, 4, 4] })
        .thresholds(thresholds(GREEN, [1, ORANGE]))
        .withTarget(instant(`sum(ampwarden_stations{${HERE}, state="offline"})`, 'offline')),
    )
    .withPanel(
      place(number(), { id: 2, title: 'Connectors faulted', description: 'Connectors that report a fault. The table of stations says where; the station\'s board has the codes.', at: [4, 0, 4, 4] })
        .thresholds(thresholds(GREEN, [1, RED]))
        .withTarget(instant(`sum(ampwarden_connectors{${HERE}, status="faulted"})`, 'faulted')),
    )
    .withPanel(
      place(number(), { id: 3, title: 'Active sessions', description: 'Sessions that have begun and not ended.', at: [8, 0, 4, 4] })
        .graphMode(common.BigValueGraphMode.Area)
        .withTarget(range(`sum(ampwarden_active_sessions{${HERE}})`, 'sessions')),
    )
    .withPanel(
      place(number('watt'), { id: 4, title: 'Power now', description: 'What the site\'s stations deliver, of those that were heard of within 15 minutes.', at: [12, 0, 4, 4] })
        .decimals(1)
        .graphMode(common.BigValueGraphMode.Area)
        .withTarget(range(`sum(ampwarden_power_watts{${HERE}})`, 'power')),
    )
    .withPanel(
      place(number('percentunit'), { id: 5, title: 'Grid limit used', description: 'Power against what the site may draw. Over 100% the alert SitePowerOverLimit fires: lower charging profiles or stop the least urgent sessions. No limit: "ampwarden limits set".', at: [16, 0, 4, 4], noValue: 'no limit set' })
        .decimals(0)
        .thresholds(thresholds(GREEN, [0.8, ORANGE], [1, RED]))
        .withTarget(instant(`sum(ampwarden_power_watts{${HERE}}) / (sum(ampwarden_site_grid_limit_watts{${HERE}}) > 0)`, 'used')),
    )
    .withPanel(
      place(number('watth'), { id: 6, title: 'Energy today', description: 'Energy of the sessions that ended today by the site\'s clock, and up to the same time a week ago.', at: [20, 0, 4, 4], noValue: 'none' })
        .textMode(common.BigValueTextMode.ValueAndName)
        .orientation(common.VizOrientation.Horizontal)
        .text(new common.VizTextDisplayOptionsBuilder().titleSize(13).valueSize(16))
        .withTarget(sql(`SELECT sum(CASE WHEN day = 'today' THEN energy_wh END) AS "today", sum(CASE WHEN day = 'last_week' THEN energy_wh END) AS "last week" FROM (${sessionsToday(AT_SITE_S)}) WHERE ${AT_SITE}`)),
    )
    .withPanel(
      place(areas('short'), { id: 7, title: 'Stations by state', description: 'What the stations did over time. "Offline" all at once: network or power; slowly growing "unavailable" or "faulted": work for a technician.', at: [0, 4, 12, 8] })
        .decimals(0)
        .overrides(colourOverrides(STATION_STATES))
        .withTarget(range(`sum by (state) (ampwarden_stations{${HERE}}) > 0`, '{{state}}')),
    )
    .withPanel(
      place(lines('watt'), { id: 8, title: 'Power against the grid limit', description: 'Power of the site, and its grid limit as a dashed line.', at: [12, 4, 12, 8] })
        .min(0)
        .fillOpacity(35)
        .overrideByName('grid limit', [
          { id: 'custom.fillOpacity', value: 0 },
          { id: 'custom.lineWidth', value: 2 },
          { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 6] } },
          { id: 'color', value: { mode: 'fixed', fixedColor: RED } },
        ])
        .withTarget(range(`sum(ampwarden_power_watts{${HERE}})`, 'power'))
        .withTarget(range(`sum(ampwarden_site_grid_limit_watts{${HERE}})`, 'grid limit', 'B')),
    );
}

function lists(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(heading(100, 'Stations and alerts', 12))
    .withPanel(
      place(tableOf(['Station', 'Connection', 'State', 'Faulted', 'Power', 'Sessions', 'Suspicious', 'Seen'], { Faulted: cellThresholds(GREEN, [1, RED]), Suspicious: cellThresholds(GREEN, [1, ORANGE]) }), {
        id: 9,
        title: 'Stations',
        description: 'Every station, those with trouble first. Sessions and suspicious ones (scored warning or critical) are of the time range. A click opens the station.',
        at: [0, 13, 16, 11],
      }).withTarget(
        sql(`
          SELECT j.station AS "Station", j.connection AS "Connection", n.state AS "State", j.connectors_faulted AS "Faulted", j.power_w AS "Power",
            coalesce(e.sessions, 0) AS "Sessions", coalesce(c.suspicious, 0) AS "Suspicious", n.firmware AS "Firmware", n.last_seen_at AS "Seen"
          FROM (${STATIONS_JUDGED}) j JOIN station_now n ON j.station = n.station
          LEFT JOIN (SELECT station, count() AS sessions FROM (${ended(AT_SITE)}) GROUP BY station) e ON j.station = e.station
          LEFT JOIN (SELECT station, count() AS suspicious FROM session_scores WHERE $__timeFilter(ended_at) AND ts >= dateadd('d', -3, $__fromTime)
            AND severity IN ('warning', 'critical') GROUP BY station) c ON j.station = c.station
          WHERE j.site = ${CHOSEN} ORDER BY j.connection, j.connectors_faulted DESC, "Suspicious" DESC, j.station LIMIT 500`),
      ),
    )
    .withPanel(
      place(tableOf(['Alert', 'Severity']), { id: 10, title: 'Active alerts', description: 'Alerts that fire now for this site. Their runbooks are behind the names on the board Fleet.', at: [16, 13, 8, 11], noValue: 'none' })
        .withTarget(rows(`max by (alertname, severity, station) (ALERTS{alertstate="firing", ${HERE}})`))
        .withTransformation({
          id: 'organize',
          options: { excludeByName: { Time: true, Value: true }, indexByName: { alertname: 0, severity: 1, station: 2 }, renameByName: { alertname: 'Alert', severity: 'Severity', station: 'Station' } },
        }),
    )
    .withRow(heading(101, 'Sessions', 24))
    .withPanel(
      place(tableOf(LIVE_COLUMNS), { id: 11, title: 'Live sessions', description: 'Sessions that run now, the newest first, with what they have cost so far.', at: [0, 25, 14, 9], noValue: 'no session runs here now' })
        .withTarget(sql(liveTable(AT_SITE))),
    )
    .withPanel(
      place(columns('watth', '1h'), { id: 12, title: 'Energy of sessions', description: 'Energy of the sessions by when they ended, and of the same hours a week before. Far less than last week: are stations available?', at: [14, 25, 10, 9], noValue: 'no session ended in this time range' })
        .stacking(new common.StackingConfigBuilder().mode(common.StackingMode.None).group('A'))
        .withTarget(
          sql(`SELECT timestamp_floor('$__sampleByInterval', ended_at) AS time, sum(energy_wh) AS "this week" FROM (${ended(AT_SITE)}) GROUP BY time ORDER BY time`, 'timeseries'),
        )
        .withTarget(
          sql(`SELECT timestamp_floor('$__sampleByInterval', dateadd('d', 7, ended_at)) AS time, sum(energy_wh) AS "a week before" FROM sessions
            WHERE ts >= dateadd('d', -10, $__fromTime) AND ended_at >= dateadd('d', -7, $__fromTime) AND ended_at <= dateadd('d', -7, $__toTime)
            AND state = 'ended' AND ${AT_SITE} GROUP BY time ORDER BY time`, 'timeseries', 'B'),
        )
        .overrideByName('a week before', [{ id: 'custom.drawStyle', value: 'line' }, { id: 'custom.lineWidth', value: 2 }, { id: 'custom.fillOpacity', value: 0 }]),
    )
    .withPanel(
      place(tableOf(SESSION_COLUMNS), { id: 13, title: 'Sessions that ended', description: 'The last 100 of the time range with score and reason. A click on the session opens its meter curve.', at: [0, 34, 24, 11], noValue: 'no session ended here in this time range' })
        .withTarget(sql(sessionsTable(AT_SITE, 100))),
    );
}

export function site(): dashboard.Dashboard {
  const start = board({
    uid: 'ampwarden-site',
    title: 'Site',
    description: 'One place: its stations, its power against its limit, its sessions and alerts.',
    version: 1,
    from: 'now-12h',
    site: false,
  }).withVariable(
    new dashboard.QueryVariableBuilder('site')
      .label('Site')
      .datasource(PROM)
      .query({ query: 'label_values(ampwarden_stations, site)', refId: 'site' })
      .refresh(dashboard.VariableRefresh.OnDashboardLoad)
      .sort(dashboard.VariableSort.AlphabeticalAsc),
  );
  return lists(now(start)).build();
}
