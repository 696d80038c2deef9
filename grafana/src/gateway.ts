// Gateway: does it take, does it keep, does it hand on.
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, heading, place } from './board.js';
import { GREEN, numberWords, ORANGE, RED, thresholds } from './look.js';
import { lines as linesOf, number } from './panels.js';
import { instant, range } from './query.js';

const GATEWAY = 'instance=~"$instance"';

const lines = (unit: string, wide = false) => linesOf(unit, wide).min(0);

function health(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withPanel(
      place(number(), { id: 1, title: 'Connections', description: 'Stations that are connected, all protocols.', at: [0, 0, 4, 4] })
        .thresholds(thresholds('text'))
        .graphMode(common.BigValueGraphMode.Area)
        .withTarget(range(`sum(ampwarden_connections{${GATEWAY}})`, 'connections')),
    )
    .withPanel(
      place(number(), { id: 2, title: 'Events a second', description: 'What arrives from stations. 0 for minutes: see the alert NothingArrives.', at: [4, 0, 4, 4] })
        .decimals(1)
        .thresholds(thresholds('text'))
        .graphMode(common.BigValueGraphMode.Area)
        .withTarget(range(`sum(rate(ampwarden_events_received_total{${GATEWAY}}[$__rate_interval]))`, 'events')),
    )
    .withPanel(
      place(number(), { id: 3, title: 'Answered within', description: '99 of 100 calls are answered within this time. Stations give up after some 30 s and send again.', at: [8, 0, 4, 4], noValue: 'no calls' })
        .unit('s')
        .thresholds(thresholds(GREEN, [0.25, ORANGE], [1, RED]))
        .withTarget(instant(`histogram_quantile(0.99, sum by (le) (rate(ampwarden_call_duration_seconds_bucket{${GATEWAY}}[5m])))`, 'p99')),
    )
    .withPanel(
      place(number(), { id: 4, title: 'Journal used', description: 'The fullest journal against its limit. At 100% stations are refused. It fills when the store does not take rows.', at: [12, 0, 4, 4] })
        .unit('percentunit')
        .decimals(1)
        .thresholds(thresholds(GREEN, [0.8, ORANGE], [0.95, RED]))
        .withTarget(instant(`max(ampwarden_journal_bytes{${GATEWAY}} / ampwarden_journal_bytes_max{${GATEWAY}})`, 'used')),
    )
    .withPanel(
      place(number(), { id: 5, title: 'Books', description: 'received − stored − duplicate − rejected − lost − in journal. Anything but 0 is a defect: see the alert BooksNotBalanced.', at: [16, 0, 4, 4] })
        .mappings(numberWords({ 0: ['balanced', GREEN] }))
        .thresholds(thresholds(RED))
        .withTarget(instant(`max(abs(ampwarden_books_difference{${GATEWAY}}))`, 'difference')),
    )
    .withPanel(
      place(number(), { id: 6, title: 'Store', description: 'Whether the gateways reach QuestDB, and how many tables are suspended (take rows but show none).', at: [20, 0, 4, 4] })
        .textMode(common.BigValueTextMode.ValueAndName)
        .orientation(common.VizOrientation.Horizontal)
        .overrideByName('store', [
          { id: 'mappings', value: numberWords({ 0: ['down', RED], 1: ['up', GREEN] }) },
          { id: 'thresholds', value: { mode: 'absolute', steps: [{ value: null, color: RED }, { value: 1, color: GREEN }] } },
        ])
        .thresholds(thresholds(GREEN, [1, RED]))
        .withTarget(instant(`min(ampwarden_store_up{${GATEWAY}})`, 'store'))
        .withTarget(instant(`max(ampwarden_store_suspended_tables{${GATEWAY}})`, 'suspended tables', 'B')),
    );
}

function traffic(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(heading(100, 'What stations say', 4))
    .withPanel(
      place(lines('ops', true), { id: 7, title: 'Messages by action', description: 'What stations send, by protocol and action. Unknown actions are "other".', at: [0, 5, 12, 8] })
        .withTarget(range(`sum by (protocol, action) (rate(ampwarden_messages_total{${GATEWAY}, direction="in"}[$__rate_interval]))`, '{{protocol}} {{action}}')),
    )
    .withPanel(
      place(lines('s', true), { id: 8, title: 'Time to answer, 99 of 100', description: 'From the frame to the answer, journal sync included, by protocol and action. All slow: look at the journal\'s disk; one slow: at that action.', at: [12, 5, 12, 8] })
        .withTarget(range(`histogram_quantile(0.99, sum by (protocol, action, le) (rate(ampwarden_call_duration_seconds_bucket{${GATEWAY}}[$__rate_interval]))) > 0`, '{{protocol}} {{action}}')),
    )
    .withPanel(
      place(lines('ops'), { id: 9, title: 'Errors, refusals, rejections', description: 'Calls answered with an error by code, connections and messages refused by reason, events kept in the table `rejected` by reason. Each has an alert with a runbook.', at: [0, 13, 8, 7], noValue: 'none' })
        .withTarget(range(`sum by (code) (rate(ampwarden_call_errors_total{${GATEWAY}}[$__rate_interval]))`, 'error {{code}}'))
        .withTarget(range(`sum by (reason) (rate(ampwarden_refused_total{${GATEWAY}}[$__rate_interval]))`, 'refused {{reason}}', 'B'))
        .withTarget(range(`sum by (reason) (rate(ampwarden_events_rejected_total{${GATEWAY}}[$__rate_interval]))`, 'rejected {{reason}}', 'C')),
    )
    .withPanel(
      place(lines('short'), { id: 10, title: 'Connections by protocol', description: 'A step down: a gateway, load balancer or network went away. A saw-tooth: something cuts idle sockets.', at: [8, 13, 8, 7] })
        .stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'))
        .withTarget(range(`sum by (protocol) (ampwarden_connections{${GATEWAY}})`, '{{protocol}}')),
    )
    .withPanel(
      place(lines('ops'), { id: 11, title: 'Tolerated deviations', description: 'Odd but usable input, taken and flagged. A new kind after a firmware update is worth a word with the vendor.', at: [16, 13, 8, 7], noValue: 'none' })
        .withTarget(range(`sum by (kind) (rate(ampwarden_deviations_total{${GATEWAY}}[$__rate_interval]))`, '{{kind}}')),
    );
}

function keeping(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(heading(101, 'Journal, books and store', 20))
    .withPanel(
      place(lines('ops'), { id: 12, title: 'Books over time', description: 'Events received, and what became of them. Received and stored go together but for moments; where stored falls behind, the journal grows.', at: [0, 21, 8, 8] })
        .withTarget(range(`sum(rate(ampwarden_events_received_total{${GATEWAY}}[$__rate_interval]))`, 'received'))
        .withTarget(range(`sum(rate(ampwarden_events_stored_total{${GATEWAY}}[$__rate_interval]))`, 'stored', 'B'))
        .withTarget(range(`sum(rate(ampwarden_events_duplicate_total{${GATEWAY}}[$__rate_interval]))`, 'duplicate', 'C'))
        .withTarget(range(`sum(rate(ampwarden_events_rejected_total{${GATEWAY}}[$__rate_interval]))`, 'rejected', 'D')),
    )
    .withPanel(
      place(lines('short'), { id: 13, title: 'Waiting in the journal', description: 'Events that are safe on disk and not stored yet. Growing: the store is down, suspended or slower than the stations.', at: [8, 21, 8, 8] })
        .withTarget(range(`sum by (instance) (ampwarden_events_in_journal{${GATEWAY}})`, '{{instance}}')),
    )
    .withPanel(
      place(lines('s'), { id: 14, title: 'Journal sync, 99 of 100', description: 'Every acknowledgement waits for a sync. Over some 10 ms on a local disk: something else uses it.', at: [16, 21, 8, 8] })
        .withTarget(range(`histogram_quantile(0.99, sum by (instance, le) (rate(ampwarden_journal_sync_duration_seconds_bucket{${GATEWAY}}[$__rate_interval]))) > 0`, '{{instance}}')),
    )
    .withPanel(
      place(lines('bytes'), { id: 15, title: 'Journal on disk', description: 'Segments are kept for at least an hour after their rows were applied.', at: [0, 29, 8, 8] })
        .withTarget(range(`sum by (instance) (ampwarden_journal_bytes{${GATEWAY}})`, '{{instance}}')),
    )
    .withPanel(
      place(lines('ops'), { id: 16, title: 'Rows written', description: 'Rows that QuestDB took (204), by table.', at: [8, 29, 8, 8] })
        .withTarget(range(`sum by (table) (rate(ampwarden_rows_written_total{${GATEWAY}}[$__rate_interval]))`, '{{table}}')),
    )
    .withPanel(
      place(lines('short'), { id: 17, title: 'Store apply lag', description: 'Transactions that QuestDB took and does not show yet. Late data in many days makes it grow for minutes; for longer see the alert StoreApplyLag.', at: [16, 29, 8, 8] })
        .withTarget(range(`max by (instance) (ampwarden_store_apply_lag_transactions{${GATEWAY}})`, '{{instance}}')),
    );
}

export function gateway(): dashboard.Dashboard {
  const start = board({
    uid: 'ampwarden-gateway',
    title: 'Gateway',
    description: 'Does it take, does it keep, does it hand on.',
    version: 1,
    from: 'now-1h',
    site: false,
  }).withVariable(
    new dashboard.QueryVariableBuilder('instance')
      .label('Gateway')
      .datasource({ type: 'prometheus', uid: '${datasource}' })
      .query({ query: 'label_values(ampwarden_events_received_total, instance)', refId: 'instance' })
      .multi(true)
      .includeAll(true)
      .allValue('.*')
      .current({ text: ['All'], value: ['$__all'] })
      .refresh(dashboard.VariableRefresh.OnTimeRangeChanged),
  );
  return keeping(traffic(health(start))).build();
}
