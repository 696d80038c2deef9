// Fleet: is everything well, where not, and what is going on right now.
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as geomap from '@grafana/grafana-foundation-sdk/geomap';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { board, heading, place } from './board.js';
import { colourOverrides, CONNECTOR_STATUSES, GREEN, GREY, numberWords, ORANGE, RED, SEVERITIES, STATION_STATES, thresholds } from './look.js';
import { eachRow, lastValue, number } from './panels.js';
import { atSite, instant, lastScores, range, rows, SESSIONS_TODAY, SITE, sql, STATIONS_JUDGED } from './query.js';
import { cellThresholds, tableOf } from './tables.js';

function now(): dashboard.DashboardBuilder {
  return board({
    uid: 'ampwarden-fleet',
    title: 'Fleet',
    description: 'Is everything well, where not, and what is going on right now.',
    version: 1,
    from: 'now-3h',
    site: true,
  })
    .withPanel(
      place(number(), {
        id: 1,
        title: 'Alerts firing',
        description: 'Alerts that fire now, of all sites. Which, and what to do: the table "Active alerts".',
        at: [0, 0, 4, 4],
        noValue: 'none',
      })
        .thresholds(thresholds(GREEN, [1, RED]))
        .withTarget(instant('count(ALERTS{alertstate="firing"})', 'firing')),
    )
    .withPanel(
      place(number(), {
        id: 2,
        title: 'Stations offline',
        description:
          'Stations without a connection, while the store is known to be up to date (otherwise they are "unknown"). More than one at a site: look for its network or power first.',
        at: [4, 0, 4, 4],
      })
        .thresholds(thresholds(GREEN, [1, ORANGE]))
        .withTarget(instant(`sum(ampwarden_stations{${SITE}, state="offline"})`, 'offline')),
    )
    .withPanel(
      place(number(), {
        id: 3,
        title: 'Connectors faulted',
        description: 'Connectors that report a fault. The alert ConnectorFaulted names each; its runbook says what the codes mean.',
        at: [8, 0, 4, 4],
      })
        .thresholds(thresholds(GREEN, [1, RED]))
        .withTarget(instant(`sum(ampwarden_connectors{${SITE}, status="faulted"})`, 'faulted')),
    )
    .withPanel(
      place(number(), {
        id: 4,
        title: 'Active sessions',
        description: 'Sessions that have begun and not ended, charging or not. None at a busy hour: see the alert NoSessions.',
        at: [12, 0, 4, 4],
      })
        .thresholds(thresholds('text'))
        .graphMode(common.BigValueGraphMode.Area)
        .withTarget(range(`sum(ampwarden_active_sessions{${SITE}})`, 'sessions')),
    )
    .withPanel(
      place(number(), {
        id: 5,
        title: 'Power now',
        description: 'What all stations deliver, of those that were heard of within 15 minutes.',
        at: [16, 0, 4, 4],
      })
        .unit('watt')
        .decimals(1)
        .thresholds(thresholds('text'))
        .graphMode(common.BigValueGraphMode.Area)
        .withTarget(range(`sum(ampwarden_power_watts{${SITE}})`, 'power')),
    )
    .withPanel(
      place(number(), {
        id: 6,
        title: 'Nearest to its grid limit',
        description: 'The site that uses most of its grid limit. Over 100% the alert SitePowerOverLimit fires: lower limits or stop the least urgent sessions.',
        at: [20, 0, 4, 4],
        noValue: 'no limit set',
      })
        .unit('percentunit')
        .decimals(0)
        .textMode(common.BigValueTextMode.ValueAndName)
        .thresholds(thresholds(GREEN, [0.8, ORANGE], [1, RED]))
        .withTarget(
          instant(
            `topk(1, sum by (site) (ampwarden_power_watts{${SITE}}) / (sum by (site) (ampwarden_site_grid_limit_watts{${SITE}}) > 0))`,
            '{{site}}',
          ),
        ),
    )
    .withPanel(
      bars('Stations by state', 7, [0, 4, 5, 9], STATION_STATES, 'What stations are doing. "Offline" and "unknown" come before what a station said last. Unknown: the store does not answer or takes no writes, or the station only sends records of the past.')
        .withTarget(instant(`sum by (state) (ampwarden_stations{${SITE}})`, '{{state}}')),
    )
    .withPanel(
      bars('Connectors by status', 8, [5, 4, 5, 9], CONNECTOR_STATUSES, 'What connectors reported last, in the words of OCPP. Many in "finishing" or "suspended_ev" block others: think of an idle fee.')
        .withTarget(instant(`sum by (status) (ampwarden_connectors{${SITE}})`, '{{status}}')),
    )
    .withPanel(
      place(
        tableOf(['Alert', 'Severity'], {
          Alert: [
            {
              id: 'links',
              value: [{ title: 'Runbook', url: 'https://github.com/ampwarden/ampwarden/blob/main/docs/runbooks/${__value.raw}.md', targetBlank: true }],
            },
          ],
        }),
        {
          id: 15,
          title: 'Active alerts',
          description: 'Alerts that fire now. A click on the name opens its runbook: meaning, impact, how to look, how to mend.',
          at: [10, 4, 14, 9],
          },
      )
        .sortBy([new common.TableSortByFieldStateBuilder().displayName('Severity').desc(false)])
        .withTarget(rows('max by (alertname, severity, site, station, instance) (ALERTS{alertstate="firing"})'))
        .withTransformation({
          id: 'organize',
          options: {
            excludeByName: { Time: true, Value: true },
            indexByName: { alertname: 0, severity: 1, site: 2, station: 3, instance: 4 },
            renameByName: { alertname: 'Alert', severity: 'Severity', site: 'Site', station: 'Station', instance: 'Where' },
          },
        }),
    );
}

function bars(title: string, id: number, at: [number, number, number, number], colours: Record<string, string>, description: string) {
  return place(new bargauge.PanelBuilder(), { id, title, description, at })
    .unit('short')
    .decimals(0)
    .min(0)
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .valueMode(common.BarGaugeValueMode.Text)
    .showUnfilled(false)
    .reduceOptions(lastValue())
    .overrides(colourOverrides(colours));
}

function today(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const both = (title: string, id: number, x: number, unit: string, value: string, description: string) =>
    place(number(), { id, title, description, at: [x, 36, 4, 7] })
      .unit(unit)
      .textMode(common.BigValueTextMode.ValueAndName)
      .orientation(common.VizOrientation.Horizontal)
      .thresholds(thresholds('text'))
      .overrideByName('same time last week', [{ id: 'color', value: { mode: 'fixed', fixedColor: GREY } }])
      .withTarget(
        sql(`
          SELECT sum(CASE WHEN day = 'today' THEN ${value} END) AS "today",
            sum(CASE WHEN day = 'last_week' THEN ${value} END) AS "same time last week"
          FROM (${SESSIONS_TODAY})`),
      );
  return builder
    .withRow(heading(100, "Today, by each site's own clock", 35))
    .withPanel(both('Energy today', 10, 0, 'watth', 'energy_wh', 'Energy of the sessions that ended today, and up to the same time a week ago. Running sessions count when they end.'))
    .withPanel(both('Sessions today', 11, 4, 'short', '1', 'Sessions that ended today, and up to the same time a week ago. Far fewer than last week: are stations available, are cards refused?'))
    .withPanel(
      place(number(), {
        id: 12,
        title: 'Revenue today',
        description: 'Cost of the sessions that ended today, by currency: different currencies are never added. Last week\'s is in the table beside.',
        at: [8, 36, 4, 7],
        noValue: 'none',
      })
        .unit('locale')
        .decimals(2)
        .textMode(common.BigValueTextMode.ValueAndName)
        .orientation(common.VizOrientation.Horizontal)
        .text(new common.VizTextDisplayOptionsBuilder().titleSize(14).valueSize(18))
        .thresholds(thresholds('text'))
        .reduceOptions(eachRow())
        .withTarget(sql(`SELECT currency, sum(cost) AS revenue FROM (${SESSIONS_TODAY}) WHERE day = 'today' GROUP BY currency ORDER BY currency`)),
    )
    .withPanel(
      place(
        tableOf(['Site', 'Sessions', 'Last week', 'Without energy', 'Energy', 'Energy last week', 'Revenue', 'Revenue last week', 'Currency'], {
          'Without energy': cellThresholds(GREEN, [1, ORANGE]),
        }),
        {
          id: 13,
          title: 'Today by site',
          description: 'The same by site and currency, against the same time last week. "Without energy": sessions that ended with less than 50 Wh, which are mostly failed starts; many at one site want a look at its stations.',
          at: [12, 36, 12, 7],
        },
      ).withTarget(
        sql(`
          SELECT site AS "Site",
            sum(CASE WHEN day = 'today' THEN 1 ELSE 0 END) AS "Sessions",
            sum(CASE WHEN day = 'last_week' THEN 1 ELSE 0 END) AS "Last week",
            sum(CASE WHEN day = 'today' AND coalesce(energy_wh, 0) < 50 THEN 1 ELSE 0 END) AS "Without energy",
            sum(CASE WHEN day = 'today' THEN energy_wh END) AS "Energy",
            sum(CASE WHEN day = 'last_week' THEN energy_wh END) AS "Energy last week",
            sum(CASE WHEN day = 'today' THEN cost END) AS "Revenue",
            sum(CASE WHEN day = 'last_week' THEN cost END) AS "Revenue last week",
            currency AS "Currency"
          FROM (${SESSIONS_TODAY}) GROUP BY site, currency ORDER BY site, currency`),
      ),
    );
}

function live(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(heading(101, 'Live', 13))
    .withPanel(
      place(tableOf(['Station', 'Session', 'Site', 'Connector', 'Duration', 'Power', 'Energy', 'Charge', 'Cost so far', 'Currency']), {
        id: 14,
        title: 'Live sessions',
        description: 'Sessions that run now, the newest first, at most 100. Cost so far is by the tariff that was in force at the start. Hours without power: the vehicle is full, or the session is stuck.',
        at: [0, 14, 14, 10],
      }).withTarget(
        sql(`
          SELECT station AS "Station", session_id AS "Session", coalesce(site, 'unassigned') AS "Site", connector AS "Connector",
            datediff('s', started_at, now()) AS "Duration", power_w AS "Power",
            energy_wh AS "Energy", soc_ratio AS "Charge", cost AS "Cost so far", currency AS "Currency"
          FROM session_now WHERE state = 'open' AND ${atSite()} ORDER BY started_at DESC LIMIT 100`),
      ),
    )
    .withPanel(
      place(new timeseries.PanelBuilder(), {
        id: 9,
        title: 'Power against the grid limit',
        description: 'Power by site, stacked, and the sum of the chosen sites\' grid limits as a dashed line. Choose one site to see it against its own limit.',
        at: [14, 14, 10, 10],
      })
        .unit('watt')
        .min(0)
        .fillOpacity(35)
        .lineWidth(1)
        .showPoints(common.VisibilityMode.Never)
        .stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('power'))
        .legend(new common.VizLegendOptionsBuilder().showLegend(true).displayMode(common.LegendDisplayMode.Table).placement(common.LegendPlacement.Bottom).calcs(['lastNotNull', 'max']))
        .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending))
        .overrideByName('grid limit', [
          { id: 'custom.stacking', value: { mode: 'none', group: 'limit' } },
          { id: 'custom.fillOpacity', value: 0 },
          { id: 'custom.lineWidth', value: 2 },
          { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 6] } },
          { id: 'color', value: { mode: 'fixed', fixedColor: RED } },
        ])
        .withTarget(range(`sum by (site) (ampwarden_power_watts{${SITE}})`, '{{site}}'))
        .withTarget(range(`sum(ampwarden_site_grid_limit_watts{${SITE}})`, 'grid limit', 'B')),
    )
    .withPanel(
      place(tableOf(['Ended', 'Session', 'Station', 'Site', 'Duration', 'Energy', 'Cost', 'Currency', 'Stop', 'Severity', 'Score', 'Reason']), {
        id: 16,
        title: 'Sessions that ended last',
        description: 'The last 50 of the board\'s time range, with their score (0 as always, 1 never seen) and why. A warning or worse wants a look at the session\'s meter values; no score within seconds means that the anomaly service is behind or down.',
        at: [0, 24, 24, 11],
      }).withTarget(
        sql(`
          SELECT s.ended_at AS "Ended", s.session_id AS "Session", s.station AS "Station", coalesce(s.site, 'unassigned') AS "Site",
            s.duration_s AS "Duration", s.energy_wh AS "Energy", s.cost AS "Cost", s.currency AS "Currency",
            s.stop_reason AS "Stop", c.severity AS "Severity", c.score AS "Score", c.text AS "Reason"
          FROM (
            SELECT * FROM sessions
            WHERE ts >= dateadd('d', -3, $__fromTime) AND $__timeFilter(ended_at) AND state = 'ended' AND ${atSite()}
            ORDER BY ended_at DESC LIMIT 50
          ) s LEFT JOIN (${lastScores(3)}) c ON s.session_id = c.session_id
          ORDER BY s.ended_at DESC`),
      ),
    )
    .withPanel(
      place(new timeseries.PanelBuilder(), {
        id: 17,
        title: 'Scores by severity',
        description: 'Sessions by the severity of their last score, by when they ended. A growing share of warnings: a meter, a firmware or a tariff changed, or the model does not know a new situation.',
        at: [17, 44, 7, 10],
        noValue: 'no scores in this time range',
      })
        .unit('short')
        .decimals(0)
        .min(0)
        .interval('5m')
        .drawStyle(common.GraphDrawStyle.Bars)
        .fillOpacity(80)
        .lineWidth(0)
        .stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'))
        .legend(new common.VizLegendOptionsBuilder().showLegend(true).displayMode(common.LegendDisplayMode.List).placement(common.LegendPlacement.Bottom).calcs(['sum']))
        .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.None))
        .overrides(colourOverrides(SEVERITIES))
        .withTarget(
          sql(
            `
          SELECT timestamp_floor('$__sampleByInterval', ended_at) AS time,
            sum(CASE WHEN severity = 'normal' THEN 1 ELSE 0 END) AS normal,
            sum(CASE WHEN severity = 'info' THEN 1 ELSE 0 END) AS info,
            sum(CASE WHEN severity = 'warning' THEN 1 ELSE 0 END) AS warning,
            sum(CASE WHEN severity = 'critical' THEN 1 ELSE 0 END) AS critical
          FROM (${lastScores(3)}) WHERE $__timeFilter(ended_at) AND ${atSite()}
          GROUP BY time ORDER BY time`,
            'timeseries',
          ),
        ),
    );
}

const SITES_NOW = `
  SELECT coalesce(t.site, i.site) AS site, coalesce(i.name, t.site) AS name, i.latitude_deg, i.longitude_deg,
    coalesce(t.stations, 0) AS stations, coalesce(t.offline, 0) AS offline, coalesce(t.faulted, 0) AS faulted,
    coalesce(t.sessions, 0) AS sessions, t.power_w, l.grid_limit_w
  FROM sites i
  FULL JOIN (
    SELECT site, count() AS stations, sum(CASE WHEN connection = 'offline' THEN 1 ELSE 0 END) AS offline,
      sum(connectors_faulted) AS faulted, sum(active_sessions) AS sessions, sum(power_w) AS power_w
    FROM (${STATIONS_JUDGED}) GROUP BY site
  ) t ON i.site = t.site
  LEFT JOIN (SELECT site, grid_limit_w FROM limits LATEST ON ts PARTITION BY site) l ON i.site = l.site`;

function places(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const offlineColour = cellThresholds(GREEN, [1, ORANGE]);
  return builder
    .withRow(heading(102, 'Places and scores', 43))
    .withPanel(
      place(new geomap.PanelBuilder(), {
        id: 18,
        title: 'Map of sites',
        description: 'Sites by size (stations) and colour (green: all connected, orange: some offline). The map itself comes from the internet; without it points are drawn on an empty ground, and the table beside says the same.',
        at: [0, 44, 6, 10],
        noValue: 'no site has coordinates',
      })
        .unit('short')
        .thresholds(thresholds(GREEN, [1, ORANGE]))
        .view(new geomap.MapViewConfigBuilder().id('fit').allLayers(true).padding(20).lat(0).lon(0).zoom(3))
        .basemap(new common.MapLayerOptionsBuilder().name('Basemap').type('default'))
        .layers([
          new common.MapLayerOptionsBuilder()
            .name('Sites')
            .type('markers')
            .tooltip(true)
            .config({
              showLegend: false,
              style: {
                size: { field: 'stations', min: 8, max: 24, fixed: 10 },
                color: { field: 'offline', fixed: GREEN },
                opacity: 0.8,
                symbol: { mode: 'fixed', fixed: 'img/icons/marker/circle.svg' },
                text: { mode: 'field', field: 'name', fixed: '' },
                textConfig: { fontSize: 12, offsetX: 0, offsetY: 20, textAlign: 'center', textBaseline: 'middle' },
              },
            })
            .location(
              new common.FrameGeometrySourceBuilder()
                .mode(common.FrameGeometrySourceMode.Coords)
                .latitude('latitude_deg')
                .longitude('longitude_deg'),
            ),
        ])
        .withTarget(sql(`SELECT name, latitude_deg, longitude_deg, stations, offline FROM (${SITES_NOW}) WHERE latitude_deg IS NOT NULL AND ${atSite()} ORDER BY name`)),
    )
    .withPanel(
      place(
        tableOf(['Site', 'Stations', 'Offline', 'Faulted', 'Sessions', 'Power', 'Grid limit', 'Used'], {
          Offline: offlineColour,
          Faulted: cellThresholds(GREEN, [1, RED]),
          Used: cellThresholds(GREEN, [0.8, ORANGE], [1, RED]),
        }),
        {
          id: 19,
          title: 'Sites',
          description: 'Every site now, those with trouble first. Offline: stations without a connection on a gateway that lives. Faulted: connectors.',
          at: [6, 44, 11, 10],
          },
      ).withTarget(
        sql(`
          SELECT site AS "Site", stations AS "Stations", offline AS "Offline", faulted AS "Faulted", sessions AS "Sessions",
            power_w AS "Power", grid_limit_w AS "Grid limit", power_w / grid_limit_w AS "Used"
          FROM (${SITES_NOW}) WHERE ${atSite()} ORDER BY offline DESC, faulted DESC, name LIMIT 200`),
      ),
    );
}

function health(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const tile = (id: number, x: number, title: string, description: string) =>
    place(number(), { id, title, description, at: [x, 55, 4, 4] });
  const UP = numberWords({ 0: ['down', RED], 1: ['up', GREEN] });
  return builder
    .withRow(heading(103, 'Gateway, journal, books, store', 54))
    .withPanel(
      tile(20, 0, 'Processes', 'Whether Prometheus can scrape gateway, exporter, anomaly service and QuestDB. Down: its alert has a runbook.')
        .textMode(common.BigValueTextMode.ValueAndName)
        .orientation(common.VizOrientation.Horizontal)
        .text(new common.VizTextDisplayOptionsBuilder().titleSize(13).valueSize(15))
        .mappings(UP)
        .thresholds(thresholds(RED, [1, GREEN]))
        .withTarget(instant('min by (process) (label_replace(up{job=~"(.+-)?ampwarden-(gateway|exporter|anomaly)|(.+-)?questdb"}, "process", "$1", "job", ".*?(gateway|exporter|anomaly|questdb)"))', '{{process}}')),
    )
    .withPanel(
      tile(21, 4, 'Events a second', 'What arrives from stations. 0 for minutes: see the alert NothingArrives.')
        .unit('short')
        .decimals(1)
        .graphMode(common.BigValueGraphMode.Area)
        .thresholds(thresholds('text'))
        .withTarget(range('sum(rate(ampwarden_events_received_total[$__rate_interval]))', 'events')),
    )
    .withPanel(
      tile(22, 8, 'Journal used', 'The fullest journal against its limit. It fills when the store does not take rows; at 100% stations are refused.')
        .unit('percentunit')
        .decimals(1)
        .thresholds(thresholds(GREEN, [0.8, ORANGE], [0.95, RED]))
        .withTarget(instant('max(ampwarden_journal_bytes / ampwarden_journal_bytes_max)', 'used')),
    )
    .withPanel(
      tile(23, 12, 'Waiting in the journal', 'Events that are safe on disk and not stored yet. Some are normal; growing means that the store is slower than the stations.')
        .graphMode(common.BigValueGraphMode.Area)
        .thresholds(thresholds(GREEN, [10000, ORANGE]))
        .withTarget(range('sum(ampwarden_events_in_journal)', 'waiting')),
    )
    .withPanel(
      tile(24, 16, 'Books', 'received − stored − duplicate − rejected − lost − in journal. Anything but 0 is a defect: see the alert BooksNotBalanced.')
        .mappings(numberWords({ 0: ['balanced', GREEN] }))
        .thresholds(thresholds(RED))
        .withTarget(instant('max(abs(ampwarden_books_difference))', 'difference')),
    )
    .withPanel(
      tile(25, 20, 'Store', 'Whether the gateways reach QuestDB. While they do not, events wait in the journal and boards show old data.')
        .mappings(UP)
        .thresholds(thresholds(RED, [1, GREEN]))
        .withTarget(instant('min(ampwarden_store_up)', 'store')),
    );
}

export function fleet(): dashboard.Dashboard {
  return health(places(today(live(now())))).build();
}
