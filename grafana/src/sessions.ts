// Sessions: what was charged, when, how long, for how much, and which sessions want a look.
import * as barchart from '@grafana/grafana-foundation-sdk/barchart';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { board, heading, place } from './board.js';
import { BLUE, SKY } from './look.js';
import { eachRow, label, number } from './panels.js';
import { atSite, lastScores, sql } from './query.js';
import { tableOf } from './tables.js';

/** Sessions that ended in the board's time range. The store finds sessions by their begin, so three days before count. */
const ENDED = `
  SELECT * FROM sessions
  WHERE ts >= dateadd('d', -3, $__fromTime) AND $__timeFilter(ended_at) AND state = 'ended' AND ${atSite()}`;

function summary(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const tile = (id: number, x: number, title: string, unit: string, value: string, description: string) =>
    builder.withPanel(
      place(number(unit), { id, title, description, at: [x, 0, 4, 4] }).withTarget(sql(`SELECT ${value} FROM (${ENDED})`)),
    );
  tile(1, 0, 'Sessions', 'short', 'count() AS sessions', 'Sessions that ended in the time range.');
  tile(2, 4, 'Energy', 'watth', 'sum(energy_wh) AS energy', 'Energy of the sessions that ended in the time range.');
  tile(3, 8, 'Mean energy', 'watth', 'avg(energy_wh) AS energy', 'Energy a session. A sudden drop: sessions break off, or a meter lost its factor.');
  tile(4, 12, 'Mean duration', 's', 'avg(duration_s) AS duration', 'From start to end, charging or not.');
  tile(5, 16, 'Time idle', 'percentunit', 'sum(idle_s) / sum(duration_s) AS idle', 'Share of the time in which a vehicle stood without charging. High: think of an idle fee.');
  return builder.withPanel(
    place(number('locale'), {
      id: 6,
      title: 'Revenue',
      description: 'Cost of the sessions that ended in the time range, by currency: different currencies are never added.',
      at: [20, 0, 4, 4],
      noValue: 'none',
    })
      .decimals(2)
      .textMode(common.BigValueTextMode.ValueAndName)
      .orientation(common.VizOrientation.Horizontal)
      .text(new common.VizTextDisplayOptionsBuilder().titleSize(13).valueSize(16))
      .reduceOptions(eachRow())
      .withTarget(sql(`SELECT coalesce(currency, '?') AS currency, sum(cost) AS revenue FROM (${ENDED}) WHERE cost IS NOT NULL GROUP BY currency ORDER BY currency`)),
  );
}

function trends(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const legend = new common.VizLegendOptionsBuilder().showLegend(true).displayMode(common.LegendDisplayMode.List).placement(common.LegendPlacement.Bottom).calcs(['sum']);
  return builder
    .withPanel(
      place(new timeseries.PanelBuilder(), {
        id: 7,
        title: 'Energy by site',
        description: 'Energy of sessions by when they ended and where.',
        at: [0, 4, 12, 8],
        noValue: 'no session ended in this time range',
      })
        .unit('watth')
        .min(0)
        .interval('1h')
        .drawStyle(common.GraphDrawStyle.Bars)
        .fillOpacity(70)
        .lineWidth(0)
        .stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'))
        .legend(legend)
        .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending))
        .displayName(label('site'))
        .withTarget(
          sql(
            `SELECT timestamp_floor('$__sampleByInterval', ended_at) AS time, coalesce(site, 'unassigned') AS site, sum(energy_wh) AS energy
             FROM (${ENDED}) GROUP BY time, site ORDER BY time`,
            'timeseries',
          ),
        ),
    )
    .withPanel(
      place(new barchart.PanelBuilder(), {
        id: 8,
        title: 'Time of day',
        description: 'Sessions by the hour at which they began, by each site\'s own clock.',
        at: [12, 4, 6, 8],
        noValue: 'no session ended in this time range',
      })
        .unit('short')
        .decimals(0)
        .min(0)
        .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Fixed).fixedColor(BLUE))
        .xField('hour')
        .showValue(common.VisibilityMode.Never)
        .xTickLabelSpacing(10)
        .legend(new common.VizLegendOptionsBuilder().showLegend(false).displayMode(common.LegendDisplayMode.List).placement(common.LegendPlacement.Bottom).calcs([]))
        .withTarget(
          sql(`
            SELECT cast(hour(to_timezone(s.started_at, coalesce(i.time_zone, 'UTC'))) AS varchar) AS hour, count() AS sessions,
              hour(to_timezone(s.started_at, coalesce(i.time_zone, 'UTC'))) AS n
            FROM (${ENDED}) s LEFT JOIN (SELECT site, time_zone FROM sites) i ON s.site = i.site
            GROUP BY hour, n ORDER BY n`),
        )
        .withTransformation({ id: 'organize', options: { excludeByName: { n: true } } }),
    )
    .withPanel(
      place(new barchart.PanelBuilder(), {
        id: 9,
        title: 'Energy a session, kWh',
        description: 'Sessions by energy, in steps of 5 kWh. Many in the first bar: starts that fail, or drivers who leave at once.',
        at: [18, 4, 6, 8],
        noValue: 'no session ended in this time range',
      })
        .unit('short')
        .decimals(0)
        .min(0)
        .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Fixed).fixedColor(SKY))
        .xField('energy')
        .showValue(common.VisibilityMode.Never)
        .xTickLabelSpacing(10)
        .legend(new common.VizLegendOptionsBuilder().showLegend(false).displayMode(common.LegendDisplayMode.List).placement(common.LegendPlacement.Bottom).calcs([]))
        .withTarget(
          sql(`
            SELECT cast(cast(5 * n AS int) AS varchar) AS energy, sessions FROM (
              SELECT floor(energy_wh / 5000) AS n, count() AS sessions FROM (${ENDED}) WHERE energy_wh IS NOT NULL GROUP BY n ORDER BY n LIMIT 40
            )`),
        ),
    );
}

function lists(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(heading(100, 'Sessions', 12))
    .withPanel(
      place(tableOf(['Ended', 'Session', 'Station', 'Site', 'Duration', 'Idle', 'Energy', 'Maximum power', 'Cost', 'Currency', 'Stop', 'Severity', 'Score', 'Reason']), {
        id: 10,
        title: 'Sessions that ended',
        description: 'The last 200 of the time range, with score (0 as always, 1 never seen) and why. Sort by score to see the oddest.',
        at: [0, 13, 24, 13],
      }).withTarget(
        sql(`
          SELECT s.ended_at AS "Ended", s.session_id AS "Session", s.station AS "Station", coalesce(s.site, 'unassigned') AS "Site",
            s.duration_s AS "Duration", s.idle_s AS "Idle", s.energy_wh AS "Energy",
            s.max_power_w AS "Maximum power", s.cost AS "Cost", s.currency AS "Currency", s.stop_reason AS "Stop",
            c.severity AS "Severity", c.score AS "Score", c.text AS "Reason"
          FROM (${ENDED} ORDER BY ended_at DESC LIMIT 200) s LEFT JOIN (${lastScores(3)}) c ON s.session_id = c.session_id
          ORDER BY s.ended_at DESC`),
      ),
    )
    .withPanel(
      place(tableOf(['Station', 'Site', 'Sessions', 'Energy', 'Duration', 'Revenue', 'Currency', 'Suspicious']), {
        id: 11,
        title: 'By station',
        description: 'Stations by energy, at most 100. Suspicious: sessions scored warning or critical; many at one station want a look at its meter and its firmware.',
        at: [0, 26, 14, 10],
      }).withTarget(
        sql(`
          SELECT s.station AS "Station", coalesce(s.site, 'unassigned') AS "Site", count() AS "Sessions", sum(s.energy_wh) AS "Energy",
            avg(s.duration_s) AS "Duration", sum(s.cost) AS "Revenue", s.currency AS "Currency",
            sum(CASE WHEN c.severity IN ('warning', 'critical') THEN 1 ELSE 0 END) AS "Suspicious"
          FROM (${ENDED}) s LEFT JOIN (${lastScores(3)}) c ON s.session_id = c.session_id
          GROUP BY s.station, s.site, s.currency ORDER BY "Energy" DESC LIMIT 100`),
      ),
    )
    .withPanel(
      place(tableOf(['Stop', 'Sessions', 'Energy']), {
        id: 12,
        title: 'Why sessions ended',
        description: 'Stop reasons in OCPP\'s words. Many PowerLoss, EVCommunicationError or Other: look for the stations behind them in the list above.',
        at: [14, 26, 10, 10],
      }).withTarget(
        sql(`
          SELECT coalesce(stop_reason, 'not said') AS "Stop", count() AS "Sessions", avg(energy_wh) AS "Energy"
          FROM (${ENDED}) GROUP BY "Stop" ORDER BY "Sessions" DESC LIMIT 50`),
      ),
    );
}

export function sessions(): dashboard.Dashboard {
  const start = board({
    uid: 'ampwarden-sessions',
    title: 'Sessions',
    description: 'What was charged, when, how long, for how much, and which sessions want a look.',
    version: 1,
    from: 'now-24h',
    site: true,
  });
  return lists(trends(summary(start))).build();
}
