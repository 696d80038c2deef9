// Driver: one connector, for a phone. `ampwarden qr STATION` prints the code that opens it.
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, choice, place, station } from './board.js';
import { CONNECTOR_STATUSES } from './look.js';
import { lines, number, word } from './panels.js';
import { AT_STATION, CONNECTOR, sql } from './query.js';

const HERE = `${AT_STATION} AND ${CONNECTOR} = \${connector:sqlstring}`;
const IT = `SELECT * FROM session_now WHERE ${HERE}`;

export function driver(): dashboard.Dashboard {
  const tile = (id: number, x: number, y: number, title: string, unit: string, column: string, description: string, noValue = '–') =>
    place(number(unit), { id, title, description, at: [x, y, 12, 4], noValue }).withTarget(sql(`SELECT ${column} AS v FROM (${IT})`));
  const begin = station(board({ uid: 'ampwarden-driver', title: 'Driver', description: 'One connector, for a phone.', version: 1, from: 'now-2h', site: false }), false);
  return choice(begin, 'connector', 'Connector', `SELECT ${CONNECTOR} AS connector FROM connector_now WHERE ${AT_STATION} AND connector > 0 ORDER BY connector`, false)
    .withPanel(
      place(word(CONNECTOR_STATUSES), { id: 1, title: 'Connector', description: 'What the connector does now. "Finishing": unplug and move on, others wait.', at: [0, 0, 24, 4] })
        .withTarget(sql(`SELECT status FROM connector_now WHERE ${HERE}`)),
    )
    .withPanel(tile(2, 0, 4, 'Power', 'watt', "CASE WHEN state = 'open' THEN power_w END", 'What the vehicle gets now; nothing when no session runs.', 'not charging').decimals(1))
    .withPanel(tile(3, 12, 4, 'Charged', 'watth', 'energy_wh', 'Energy of the session that runs, or of the last one.').decimals(2))
    .withPanel(tile(4, 0, 8, 'Time', 'dthms', "CASE WHEN state = 'open' THEN datediff('s', started_at, now()) ELSE duration_s END", 'Since the session began; of the last one how long it took.'))
    .withPanel(
      place(number('locale'), { id: 5, title: 'Cost so far', description: 'By the tariff that was in force when the session began; the receipt may add a fee for idle minutes.', at: [12, 8, 12, 4], noValue: 'no price is set' })
        .decimals(2)
        .textMode(common.BigValueTextMode.ValueAndName)
        .reduceOptions(new common.ReduceDataOptionsBuilder().values(true).limit(1).calcs(['lastNotNull']))
        .withTarget(sql(`SELECT currency, cost FROM (${IT}) WHERE cost IS NOT NULL`)),
    )
    .withPanel(
      place(word({ open: CONNECTOR_STATUSES.charging!, ended: CONNECTOR_STATUSES.available! }), { id: 6, title: 'Session', description: 'Whether the session runs ("open") or has ended. Tap the same card again to end it.', at: [0, 12, 12, 4], noValue: 'none yet' })
        .withTarget(sql(`SELECT state FROM (${IT})`)),
    )
    .withPanel(tile(7, 12, 12, 'Battery', 'percentunit', 'soc_ratio', 'What the vehicle says of its battery; most AC stations cannot know it.', 'not told').decimals(0))
    .withPanel(
      place(lines('watt'), { id: 8, title: 'Power over time', description: 'The power of this connector. It falls when the battery is nearly full.', at: [0, 16, 24, 8], noValue: 'nothing was metered' })
        .min(0)
        .interval('1m')
        .legend(new common.VizLegendOptionsBuilder().showLegend(false).displayMode(common.LegendDisplayMode.List).placement(common.LegendPlacement.Bottom).calcs([]))
        .withTarget(sql(`SELECT timestamp_floor('$__sampleByInterval', ts) AS time, avg(power_w) AS power FROM connector_power_1m WHERE ${HERE} AND $__timeFilter(ts) GROUP BY time ORDER BY time`, 'timeseries')),
    )
    .build();
}
