// Store and ingestion: does QuestDB take rows, show them, and have room.
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { board, heading, place } from './board.js';
import { GREEN, numberWords, ORANGE, RED, thresholds } from './look.js';
import { lines, number } from './panels.js';
import { instant, range, sql } from './query.js';
import { cellThresholds, tableOf } from './tables.js';

const rate = (counter: string) => `sum(rate(${counter}[$__rate_interval]))`;

function numbers(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const tile = (id: number, x: number, title: string, unit: string, description: string) => place(number(unit), { id, title, description, at: [x, 0, 4, 4] });
  return builder
    .withPanel(
      tile(1, 0, 'QuestDB', 'none', 'Whether Prometheus can scrape QuestDB. Down: the alert StoreDown has a runbook; events wait in the journal meanwhile.')
        .mappings(numberWords({ 0: ['down', RED], 1: ['up', GREEN] }))
        .withTarget(instant('min(up{job=~"(.+-)?questdb"})', 'up')),
    )
    .withPanel(
      tile(2, 4, 'Suspended tables', 'short', 'Tables that take rows but show none until they are resumed: ALTER TABLE name RESUME WAL, after what stopped them (disk, memory) is mended.')
        .thresholds(thresholds(GREEN, [1, RED]))
        .withTarget(sql('SELECT sum(CASE WHEN suspended THEN 1 ELSE 0 END) AS v FROM wal_tables()')),
    )
    .withPanel(
      tile(3, 8, 'Not yet shown', 'short', 'Transactions that were accepted and are not applied, over all tables. For minutes after late data; for longer see the alert StoreApplyLag.')
        .thresholds(thresholds(GREEN, [100, ORANGE], [1000, RED]))
        .withTarget(sql('SELECT sum(sequencerTxn - writerTxn) AS v FROM wal_tables()')),
    )
    .withPanel(
      tile(4, 12, 'On disk', 'bytes', 'What all tables take on disk. Partitions are dropped by the TTL of their table; docs/operations.md says how to plan.')
        .withTarget(sql('SELECT sum(diskSize) AS v FROM table_storage()')),
    )
    .withPanel(
      tile(5, 16, 'Rows', 'short', 'Rows of all tables; most of them are meter values.').withTarget(sql('SELECT sum(rowCount) AS v FROM table_storage()')),
    )
    .withPanel(
      tile(6, 20, 'Memory', 'bytes', 'Resident memory of QuestDB. Much of what it maps is the system\'s cache and not in here.')
        .graphMode(common.BigValueGraphMode.Area)
        .withTarget(range('max(questdb_memory_rss)', 'resident')),
    );
}

function ingestion(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const chart = (id: number, at: [number, number, number, number], title: string, unit: string, description: string, noValue?: string) => place(lines(unit), { id, title, description, at, noValue }).min(0);
  return builder
    .withRow(heading(100, 'Ingestion', 4))
    .withPanel(
      chart(7, [0, 5, 8, 8], 'Rows written by table', 'ops', 'Rows that gateways wrote and QuestDB took, by table.').withTarget(range('sum by (table) (rate(ampwarden_rows_written_total[$__rate_interval])) > 0', '{{table}}')),
    )
    .withPanel(
      chart(8, [8, 5, 8, 8], 'Time to write a batch', 's', 'Half and 99 of 100 batches took so long until QuestDB answered. Slow: its disk, or too many late rows.')
        .withTarget(range('histogram_quantile(0.5, sum by (le) (rate(ampwarden_store_write_duration_seconds_bucket[$__rate_interval]))) >= 0', 'half'))
        .withTarget(range('histogram_quantile(0.99, sum by (le) (rate(ampwarden_store_write_duration_seconds_bucket[$__rate_interval]))) >= 0', '99 of 100', 'B')),
    )
    .withPanel(
      chart(9, [16, 5, 8, 8], 'Failed batches', 'ops', 'Batches that the store did not take and that are sent again, by reason. Nothing is lost by it; lasting, the journal fills.', 'none failed').withTarget(range('sum by (reason) (rate(ampwarden_store_write_failures_total[$__rate_interval])) > 0', '{{reason}}')),
    )
    .withPanel(
      chart(10, [0, 13, 8, 8], 'WAL: taken and applied', 'ops', 'Rows that went into the write-ahead log, rows that were applied to tables, and rows that were physically written for it. Written far above applied is write amplification by late rows.')
        .withTarget(range(rate('questdb_wal_written_rows_total'), 'into the log'))
        .withTarget(range(rate('questdb_wal_apply_written_rows_total'), 'applied', 'B'))
        .withTarget(range(rate('questdb_wal_apply_physically_written_rows_total'), 'physically written', 'C')),
    )
    .withPanel(
      chart(11, [8, 13, 8, 8], 'Behind', 'short', 'Transactions accepted and not applied, as the gateways see it, and rows that came late and wait for their day\'s request.')
        .withTarget(range('max(ampwarden_store_apply_lag_transactions)', 'transactions not applied'))
        .withTarget(range('sum(ampwarden_late_rows)', 'late rows waiting', 'B')),
    )
    .withPanel(
      chart(12, [16, 13, 8, 8], 'Queries', 'ops', 'Queries over HTTP and PG wire (exporter, anomaly service, boards), and those that failed. Failing ones: who changed a table?')
        .withTarget(range(rate('questdb_json_queries_completed_total'), 'HTTP'))
        .withTarget(range(rate('questdb_pg_wire_queries_completed_total'), 'PG wire', 'B'))
        .withTarget(range(`${rate('questdb_query_error_counter_total')} > 0`, 'failed', 'C')),
    );
}

function tables(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const seen = [{ id: 'unit', value: 'dateTimeFromNow' }, { id: 'custom.width', value: 130 }];
  const bytes = [{ id: 'unit', value: 'bytes' }, { id: 'custom.width', value: 100 }];
  return builder
    .withRow(heading(101, 'Tables', 21))
    .withPanel(
      place(tableOf(['Rows', 'Size', 'Behind', 'Pending rows', 'Write amplification', 'Written', 'Suspended'], { Size: bytes, Written: seen, Behind: cellThresholds(GREEN, [100, ORANGE], [1000, RED]), Rows: [{ id: 'unit', value: 'locale' }], 'Write amplification': [{ id: 'decimals', value: 1 }] }), {
        id: 13,
        title: 'Tables',
        description: 'Each table: rows, size with its indexes and logs, partitions, transactions not applied yet, rows that wait, how often a row was physically written (half of the commits), and when it was written last.',
        at: [0, 22, 24, 14],
      }).withTarget(
        sql(`SELECT t.table_name AS "Table", s.rowCount AS "Rows", s.diskSize AS "Size", s.partitionCount AS "Partitions", t.partitionBy AS "By", concat(t.ttlValue, ' ', t.ttlUnit) AS "TTL",
            w.sequencerTxn - w.writerTxn AS "Behind", t.wal_pending_row_count AS "Pending rows", t.table_write_amp_p50 AS "Write amplification", t.table_last_write_timestamp AS "Written", w.suspended AS "Suspended", w.errorMessage AS "Error"
          FROM tables() t JOIN table_storage() s ON t.table_name = s.tableName LEFT JOIN wal_tables() w ON t.table_name = w.name ORDER BY s.diskSize DESC`),
      ),
    )
    .withPanel(
      place(tableOf(['Behind']), { id: 14, title: 'Materialized views', description: 'Views that long time ranges read. Invalid: something changed their base table; REFRESH MATERIALIZED VIEW name FULL builds it anew.', at: [0, 36, 24, 4] })
        .withTarget(sql(`SELECT view_name AS "View", base_table_name AS "Of", view_status AS "Status", base_table_txn - refresh_base_table_txn AS "Behind", last_refresh_finish_timestamp AS "Refreshed", invalidation_reason AS "Reason" FROM materialized_views()`)),
    );
}

export function store(): dashboard.Dashboard {
  const start = board({ uid: 'ampwarden-store', title: 'Store and ingestion', description: 'Does QuestDB take rows, show them, and have room.', version: 1, from: 'now-3h', site: false });
  return tables(ingestion(numbers(start))).build();
}
