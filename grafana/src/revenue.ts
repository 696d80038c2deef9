// Revenue and tariffs: what was earned, by which prices, and what was not charged for.
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, heading, place } from './board.js';
import { GREEN, ORANGE, thresholds } from './look.js';
import { columns, label, named, number } from './panels.js';
import { atSite, ended, SESSIONS_TODAY, sql } from './query.js';
import { tableOf } from './tables.js';

const ENDED = ended(atSite());
const money = (width: number) => [{ id: 'unit', value: 'locale' }, { id: 'decimals', value: 2 }, { id: 'custom.width', value: width }];

function numbers(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const tile = (id: number, x: number, title: string, description: string, query: string) =>
    place(named('locale'), { id, title, description, at: [x, 0, 5, 5], noValue: 'none' }).decimals(2).withTarget(sql(query));
  return builder
    .withPanel(tile(1, 0, 'Revenue', 'Cost of the sessions that ended in the time range, by currency: different currencies are never added.', `SELECT coalesce(currency, '?') AS currency, sum(cost) AS revenue FROM (${ENDED}) WHERE cost IS NOT NULL GROUP BY currency ORDER BY currency`))
    .withPanel(tile(2, 5, 'Today', 'Revenue of the sessions that ended today by their site\'s clock. Compare it with the board Fleet, which has last week beside it.', `SELECT currency, sum(cost) AS revenue FROM (${SESSIONS_TODAY}) WHERE day = 'today' AND cost IS NOT NULL GROUP BY currency ORDER BY currency`))
    .withPanel(tile(3, 10, 'Mean price of a kWh', 'Revenue by energy, all fees included. It rises with idle fees and short sessions.', `SELECT currency, 1000 * sum(cost) / sum(energy_wh) AS price FROM (${ENDED}) WHERE cost IS NOT NULL AND energy_wh > 0 GROUP BY currency ORDER BY currency`))
    .withPanel(tile(4, 15, 'Mean price of a session', 'Revenue by session, in the sessions\' own money.', `SELECT currency, avg(cost) AS price FROM (${ENDED}) WHERE cost IS NOT NULL GROUP BY currency ORDER BY currency`))
    .withPanel(
      place(number(), { id: 5, title: 'Without a price', description: 'Sessions that ended and have no cost, because no tariff was in force at their site: "ampwarden tariffs set". They are not charged for later.', at: [20, 0, 4, 5] })
        .thresholds(thresholds(GREEN, [1, ORANGE]))
        .withTarget(sql(`SELECT sum(CASE WHEN cost IS NULL THEN 1 ELSE 0 END) AS v FROM (${ENDED})`)),
    );
}

function lists(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withPanel(
      place(columns('locale', '1d', []), { id: 6, title: 'Revenue by day and currency', description: 'Days by UTC. Currencies have very different sizes: choose one site to see its own.', at: [0, 5, 24, 8], noValue: 'no revenue in this time range' })
        .decimals(2)
        .displayName(label('currency'))
        .withTarget(sql(`SELECT timestamp_floor('1d', ended_at) AS time, currency, sum(cost) AS revenue FROM (${ENDED}) WHERE cost IS NOT NULL GROUP BY time, currency ORDER BY time`, 'timeseries')),
    )
    .withRow(heading(100, 'Where it comes from', 13))
    .withPanel(
      place(tableOf(['Site', 'Sessions', 'Energy', 'Revenue', 'Currency', 'A kWh'], { 'A kWh': money(100) }), { id: 7, title: 'By site', description: 'Sessions, energy and revenue by site and currency. A site with energy and without revenue has no tariff.', at: [0, 14, 12, 8], noValue: 'no session ended' })
        .withTarget(sql(`SELECT coalesce(site, 'unassigned') AS "Site", count() AS "Sessions", sum(energy_wh) AS "Energy", sum(cost) AS "Revenue", currency AS "Currency", 1000 * sum(cost) / sum(energy_wh) AS "A kWh"
          FROM (${ENDED}) GROUP BY "Site", currency ORDER BY "Site" LIMIT 200`)),
    )
    .withPanel(
      place(tableOf(['Station', 'Sessions', 'Energy', 'Revenue', 'Currency']), { id: 8, title: 'By station', description: 'The 100 stations with most sessions. Much energy for little money: look at the tariff\'s site, and at the meter.', at: [12, 14, 12, 8], noValue: 'no session ended' })
        .withTarget(sql(`SELECT station AS "Station", count() AS "Sessions", sum(energy_wh) AS "Energy", sum(cost) AS "Revenue", currency AS "Currency" FROM (${ENDED}) GROUP BY station, currency ORDER BY "Sessions" DESC LIMIT 100`)),
    )
    .withRow(heading(101, 'Tariffs', 22))
    .withPanel(
      place(tableOf(['Tariff', 'Site', 'Currency', 'A kWh', 'A minute', 'A session', 'An idle minute', 'Since', 'By'], { 'A kWh': money(110), 'A minute': money(110), 'A session': money(110), 'An idle minute': money(130) }), { id: 9, title: 'Tariffs in force', description: 'The last revision of each tariff. The one in force at a session\'s start holds for all of it; a tariff without a site holds everywhere. Change: "ampwarden tariffs set".', at: [0, 23, 14, 7], noValue: 'no tariff: sessions have no price' })
        .withTarget(sql(`SELECT tariff AS "Tariff", coalesce(site, 'all') AS "Site", currency AS "Currency", per_kwh AS "A kWh", per_minute AS "A minute", per_session AS "A session", per_idle_minute AS "An idle minute",
          valid_from AS "Since", author AS "By" FROM tariffs LATEST ON ts PARTITION BY tariff`)),
    )
    .withPanel(
      place(tableOf(['Sessions', 'Energy', 'Revenue', 'Currency']), { id: 10, title: 'By tariff', description: 'What each tariff brought in the time range. "recorded": the price came with an imported session.', at: [14, 23, 10, 7], noValue: 'no session ended' })
        .withTarget(sql(`SELECT coalesce(tariff, CASE WHEN cost IS NULL THEN 'none' ELSE 'recorded' END) AS "Tariff", count() AS "Sessions", sum(energy_wh) AS "Energy", sum(cost) AS "Revenue", currency AS "Currency"
          FROM (${ENDED}) GROUP BY "Tariff", currency ORDER BY "Sessions" DESC LIMIT 50`)),
    );
}

export function revenue(): dashboard.Dashboard {
  const start = board({ uid: 'ampwarden-revenue', title: 'Revenue and tariffs', description: 'What was earned, by which prices, and what was not charged for.', version: 1, from: 'now-7d', site: true });
  return lists(numbers(start)).build();
}
