// Anomaly service: does it keep up, what does it score with, who asks it.
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, place } from './board.js';
import { colourOverrides, GREEN, numberWords, ORANGE, RED, SEVERITIES, thresholds } from './look.js';
import { areas, lines, number } from './panels.js';
import { instant, range } from './query.js';

const rate = (by: string, metric: string) => `sum by (${by}) (rate(${metric}[$__rate_interval]))`;
const quantile = (q: number, metric: string) => `histogram_quantile(${q}, ${rate('le', `${metric}_bucket`)}) >= 0`;

export function anomaly(): dashboard.Dashboard {
  const tile = (id: number, x: number, title: string, unit: string, description: string) => place(number(unit), { id, title, description, at: [x, 0, 4, 4] });
  const chart = (id: number, at: [number, number, number, number], title: string, unit: string, description: string, noValue?: string) => place(lines(unit), { id, title, description, at, noValue }).min(0);
  return board({ uid: 'ampwarden-anomaly', title: 'Anomaly service', description: 'Does it keep up, what does it score with, who asks it.', version: 1, from: 'now-3h', site: false })
    .withPanel(
      tile(1, 0, 'Service', 'none', 'Whether Prometheus can scrape it. Down: sessions end without a score, and are scored when it is back; see the alert AnomalyServiceDown.')
        .mappings(numberWords({ 0: ['down', RED], 1: ['up', GREEN] }))
        .withTarget(instant('min(up{job=~"(.+-)?ampwarden-anomaly"})', 'up')),
    )
    .withPanel(
      tile(2, 4, 'Store', 'none', 'Whether it reaches QuestDB. It needs it to read sessions and to write scores; nothing is lost while it does not.')
        .mappings(numberWords({ 0: ['down', RED], 1: ['up', GREEN] }))
        .withTarget(instant('min(ampwarden_anomaly_store_up)', 'store')),
    )
    .withPanel(tile(3, 8, 'Waiting', 'short', 'Ended sessions that wait for their meter values. They wait 30 s at most.').thresholds(thresholds(GREEN, [100, ORANGE], [1000, RED])).withTarget(instant('sum(ampwarden_anomaly_sessions_waiting)', 'waiting')))
    .withPanel(tile(4, 12, 'Left to score anew', 'short', 'Stored sessions that the look through the whole store has still to reach, after a start or a new model.').graphMode(common.BigValueGraphMode.Area).withTarget(range('sum(ampwarden_anomaly_rescore_sessions_left)', 'left')))
    .withPanel(tile(5, 16, 'Learnt from', 'short', 'Sessions from which the model that scores has learnt. 0: the checks work alone.').withTarget(instant('max(ampwarden_anomaly_model_sessions)', 'sessions')))
    .withPanel(tile(6, 20, 'Model trained', 'dateTimeFromNow', 'When the model that scores was trained. Older than some months: train again (gRPC Train).').noValue('never').withTarget(instant('max(ampwarden_anomaly_model_trained_timestamp_seconds > 0) * 1000', 'trained')))
    .withPanel(
      place(areas('ops'), { id: 7, title: 'Scores written', description: 'Scores by severity. Peaks after a start or a training are the whole store scored anew.', at: [0, 4, 12, 8] })
        .overrides(colourOverrides(SEVERITIES))
        .withTarget(range(rate('severity', 'ampwarden_anomaly_scores_total'), '{{severity}}')),
    )
    .withPanel(
      chart(8, [12, 4, 12, 8], 'From a session\'s end to its score', 's', 'Half and 95 of 100 sessions that have just ended were scored within this time. Over 30 s: it waits for meter values, or falls behind.', 'no session ended')
        .withTarget(range(quantile(0.5, 'ampwarden_anomaly_score_lag_seconds'), 'half'))
        .withTarget(range(quantile(0.95, 'ampwarden_anomaly_score_lag_seconds'), '95 of 100', 'B')),
    )
    .withPanel(chart(9, [0, 12, 8, 8], 'Time to score a session', 's', '99 of 100 were scored in this time, checks, model and reasons together. It is microseconds; milliseconds mean a starved processor.', 'nothing was scored').withTarget(range(quantile(0.99, 'ampwarden_anomaly_scoring_duration_seconds'), '99 of 100')))
    .withPanel(chart(10, [8, 12, 8, 8], 'Findings', 'ops', 'Scores by their most important finding. One kind that rises alone is one cause.', 'none').withTarget(range(`${rate('kind', 'ampwarden_anomaly_findings_total')} > 0`, '{{kind}}')))
    .withPanel(
      chart(11, [16, 12, 8, 8], 'Queue, refused, dropped', 'short', 'Scores that wait to be written, rows a second that the store refused, and scores a second that found the queue full (their sessions are scored again).')
        .withTarget(range('sum(ampwarden_anomaly_scores_queued)', 'queued'))
        .withTarget(range('sum(rate(ampwarden_anomaly_rows_refused_total[$__rate_interval])) > 0', 'refused', 'B'))
        .withTarget(range('sum(rate(ampwarden_anomaly_scores_dropped_total[$__rate_interval])) > 0', 'dropped', 'C')),
    )
    .withPanel(chart(12, [0, 20, 12, 8], 'gRPC calls', 'ops', 'Calls by method and result. Errors of one method: its caller sends what it must not; the code says what.', 'nobody asks').withTarget(range(rate('method, code', 'ampwarden_anomaly_grpc_calls_total'), '{{method}} {{code}}')))
    .withPanel(
      place(lines('bytes'), { id: 14, title: 'Memory', description: 'Resident memory of the service. A model for 100,000 users takes some hundred megabytes.', at: [12, 20, 12, 8] })
        .min(0)
        .withTarget(range('max(process_resident_memory_bytes{job=~"(.+-)?ampwarden-anomaly"})', 'resident')),
    )
    .build();
}
