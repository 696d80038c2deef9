// SLOs: what is promised, how much of it holds, and how much may still go wrong.
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, heading, place } from './board.js';
import { GREEN, ORANGE, RED, thresholds } from './look.js';
import { lines, number } from './panels.js';
import { instant, range } from './query.js';

const PROMISES: [slo: string, title: string, target: string, what: string][] = [
  ['availability', 'Endpoints available', '99.9%', 'Share of the time in which gateways were up. Down: the alert GatewayDown has a runbook.'],
  ['acknowledgement', 'Acknowledged within 1 s', '99%', 'Share of stations\' messages that were synced and acknowledged within a second. Slow ones wait for the journal\'s disk: see the board Gateway.'],
  ['freshness', 'Boards younger than 30 s', '99%', 'Share of the time in which what the exporter shows was younger than 30 s. Older: the store is slow or away; see Store and ingestion.'],
  ['scoring', 'Scored within 30 s', '95%', 'Share of ended sessions that had their score within 30 s. Slower: see the board Anomaly service.'],
];

export function slo(): dashboard.Dashboard {
  let builder = board({ uid: 'ampwarden-slo', title: 'SLOs', description: 'What is promised, how much of it holds, and how much may still go wrong.', version: 1, from: 'now-7d', site: false });
  for (const [at, [slo, title, target, what]] of PROMISES.entries()) {
    const x = at * 6;
    const good = `avg_over_time(ampwarden:sli:now{slo="${slo}"}[$__range])`;
    const goal = `ampwarden:slo:target{slo="${slo}"}`;
    builder = builder
      .withPanel(
        place(number('percentunit'), { id: 1 + at, title, description: `${what} Mean over the time range; promised are ${target}.`, at: [x, 0, 6, 5], noValue: 'nothing happened yet' })
          .decimals(2)
          .thresholds(thresholds(RED, [Number.parseFloat(target) / 100, GREEN]))
          .withTarget(instant(good, 'good')),
      )
      .withPanel(
        place(number('percentunit'), { id: 11 + at, title: `Budget: ${slo}`, description: 'How much of what may go wrong is left for the time range: 100% nothing went wrong, 0% the promise is just kept, below it is broken. Nearly used: no risky changes.', at: [x, 5, 6, 4], noValue: 'nothing happened yet' })
          .decimals(0)
          .thresholds(thresholds(RED, [0, ORANGE], [0.25, GREEN]))
          .withTarget(instant(`1 - (1 - ${good}) / (1 - ${goal})`, 'left')),
      );
  }
  const each = (of: (slo: string) => string, panel: ReturnType<typeof lines>) => PROMISES.reduce((p, [slo], at) => p.withTarget(range(of(slo), slo, 'ABCD'[at]!)), panel);
  return builder
    .withRow(heading(100, 'Over time', 9))
    .withPanel(
      each((slo) => `ampwarden:sli:now{slo="${slo}"}`, place(lines('percentunit'), { id: 21, title: 'Good share', description: 'The good share of each promise at each moment, over 5 minutes. Gaps: nothing happened that could be good or bad.', at: [0, 10, 12, 10] }).max(1)),
    )
    .withPanel(
      each((slo) => `(1 - avg_over_time(ampwarden:sli:now{slo="${slo}"}[1h])) / scalar(1 - ampwarden:slo:target{slo="${slo}"})`, place(lines('short'), { id: 22, title: 'Burn rate over an hour', description: 'How many times faster than allowed the budget is used: at 1 it is just used up at the end, at 14.4 a month\'s budget is gone in two days. Over 6 for long: act now.', at: [12, 10, 12, 10] }).min(0)),
    )
    .build();
}
