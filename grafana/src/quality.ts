// Data quality: what is odd, late, doubled, inferred or missing in what stations say.
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, heading, place } from './board.js';
import { GREEN, ORANGE, RED, thresholds } from './look.js';
import { lines, number } from './panels.js';
import { atSite, ended, range, sql } from './query.js';
import { cellThresholds, tableOf } from './tables.js';

const ENDED = ended(atSite());
const part = (condition: string) => `sum(CASE WHEN ${condition} THEN 1 ELSE 0 END)`;
const EMPTY = 'coalesce(energy_wh, 0) < 50';

function numbers(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const tile = (id: number, x: number, title: string, condition: string, warn: number, description: string) =>
    place(number('percentunit'), { id, title, description, at: [x, 0, 6, 4], noValue: 'no session ended' })
      .decimals(1)
      .thresholds(thresholds(GREEN, [warn, ORANGE], [warn * 4, RED]))
      .withTarget(sql(`SELECT ${part(condition)} / cast(count() AS double) AS v FROM (${ENDED})`));
  return builder
    .withPanel(tile(1, 0, 'Without energy', EMPTY, 0.05, 'Share of sessions that ended with less than 50 Wh: mostly failed starts. By station below.'))
    .withPanel(tile(2, 6, 'End inferred', 'inferred', 0.02, 'Share of sessions whose end was not said, but followed from a new start, a boot or silence. Their energy is that of the last sample.'))
    .withPanel(tile(3, 12, 'Partial', 'partial', 0.02, 'Share of sessions whose start is not known: stops without a start. Stations that were offline for long, or lost their memory.'))
    .withPanel(tile(4, 18, 'Flagged', 'flags IS NOT NULL', 0.05, 'Share of sessions with odd values that were taken and flagged. The flags are in the tables below and in docs/protocols.'));
}

function flows(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const chart = (id: number, x: number, title: string, description: string, noValue: string, expr: string, legend: string) =>
    place(lines('ops'), { id, title, description, at: [x, 4, 8, 8], noValue }).min(0).withTarget(range(expr, legend));
  return builder
    .withPanel(chart(5, 0, 'Tolerated deviations', 'Odd but usable input by protocol and kind. A new kind after a firmware update is worth a word with the vendor.', 'none', 'sum by (protocol, kind) (rate(ampwarden_deviations_total[$__rate_interval])) > 0', '{{protocol}} {{kind}}'))
    .withPanel(chart(6, 8, 'Sent twice', 'Events that were recognised as sent before. Peaks after a reconnect are normal; all the time, a station does not get its answers.', 'none', 'sum(rate(ampwarden_events_duplicate_total[$__rate_interval]))', 'duplicates'))
    .withPanel(chart(7, 16, 'Rejected', 'Events that could not be taken, by reason; they are kept whole. See the alert EventsRejected.', 'none', 'sum by (reason) (rate(ampwarden_events_rejected_total[$__rate_interval])) > 0', '{{reason}}'));
}

function lists(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const orange = cellThresholds(GREEN, [1, ORANGE]);
  const seconds = [{ id: 'unit', value: 's' }, { id: 'decimals', value: 1 }, { id: 'custom.width', value: 120 }];
  return builder
    .withRow(heading(100, 'By station', 12))
    .withPanel(
      place(tableOf(['Station', 'Sessions', 'Without energy', 'Inferred', 'Partial', 'Flagged'], { 'Without energy': orange, Inferred: orange, Partial: orange, Flagged: orange }), { id: 8, title: 'Sessions with something odd', description: 'Stations by how many of their sessions were without energy, inferred, partial or flagged, at most 100. A click opens the station.', at: [0, 13, 12, 10], noValue: 'no such session' })
        .withTarget(sql(`SELECT * FROM (SELECT station AS "Station", count() AS "Sessions", ${part(EMPTY)} AS "Without energy", ${part('inferred')} AS "Inferred", ${part('partial')} AS "Partial", ${part('flags IS NOT NULL')} AS "Flagged"
          FROM (${ENDED}) GROUP BY "Station") WHERE "Without energy" + "Inferred" + "Partial" + "Flagged" > 0 ORDER BY "Without energy" + "Inferred" + "Partial" + "Flagged" DESC LIMIT 100`)),
    )
    .withPanel(
      place(tableOf(['Station', 'Events', 'Mean delay', 'Longest delay'], { 'Mean delay': seconds, 'Longest delay': seconds }), { id: 9, title: 'Clocks and delays', description: 'From the time that a station wrote on its messages to when they were journaled, at most 100 stations. Mean far from 0 and near the longest: its clock is wrong; only the longest: it was offline and told later. Negative: its clock is ahead.', at: [12, 13, 12, 10], noValue: 'no message had a time' })
        .withTarget(sql(`SELECT * FROM (SELECT station AS "Station", count() AS "Events", avg(datediff('T', station_ts, received_at)) / 1000.0 AS "Mean delay", max(datediff('T', station_ts, received_at)) / 1000.0 AS "Longest delay"
          FROM events WHERE $__timeFilter(ts) AND station_ts IS NOT NULL AND ${atSite()} GROUP BY "Station") ORDER BY abs("Mean delay") DESC LIMIT 100`)),
    )
    .withPanel(
      place(tableOf(['Station', 'Events', 'Seen']), { id: 10, title: 'Flags', description: 'Flags of events by station and kind, at most 100: what was odd and taken. docs/protocols says what each means.', at: [0, 23, 12, 8], noValue: 'nothing was flagged in this time range' })
        .withTarget(sql(`SELECT station AS "Station", flags AS "Flags", type AS "Type", count() AS "Events", max(ts) AS "Seen" FROM events WHERE $__timeFilter(ts) AND flags IS NOT NULL AND ${atSite()} GROUP BY "Station", "Flags", "Type" ORDER BY "Events" DESC LIMIT 100`)),
    )
    .withPanel(
      place(tableOf(['Station', 'Events', 'Seen']), { id: 11, title: 'Rejected by reason', description: 'What could not be taken, by station and reason, at most 100. "ampwarden rejected list" has each, "replay" takes them in after a mend.', at: [12, 23, 12, 8], noValue: 'nothing was rejected in this time range' })
        .withTarget(sql(`SELECT station AS "Station", reason AS "Reason", source AS "Source", count() AS "Events", max(ts) AS "Seen" FROM rejected WHERE $__timeFilter(ts) GROUP BY "Station", "Reason", "Source" ORDER BY "Events" DESC LIMIT 100`)),
    );
}

export function quality(): dashboard.Dashboard {
  const start = board({ uid: 'ampwarden-data-quality', title: 'Data quality', description: 'What is odd, late, doubled, inferred or missing in what stations say.', version: 1, from: 'now-24h', site: true });
  return lists(flows(numbers(start))).build();
}
