// Asks Prometheus and QuestDB what a panel asks, the way grafana/check does, and makes data frames of the answers.
import { createDataFrame, DataFrame, FieldType } from '@grafana/data';
import { promql, sql, stepOf } from '../../check/expand.mjs';

export interface Context {
  range: { from: number; to: number };
  variables: Record<string, { values: string[]; all: boolean }>;
  panel?: any;
}

async function get(url: string, parameters: Record<string, string>) {
  const answer = await fetch(`${url}?${new URLSearchParams(parameters)}`);
  const body = await answer.json();
  if (!answer.ok || body.error) throw new Error(body.error ?? answer.statusText);
  return body;
}

export async function runTarget(target: any, context: Context): Promise<DataFrame[]> {
  return target.expr === undefined ? runSql(target, context) : runPromql(target, context);
}

async function runPromql(target: any, context: Context): Promise<DataFrame[]> {
  const query = promql(target.expr, context);
  if (target.instant && !target.range) {
    const { data } = await get('/prom/api/v1/query', { query, time: String(context.range.to / 1e3) });
    if (target.format === 'table') return [rowsOf(target, data.result)];
    return data.result.map((series: any) => seriesOf(target, series.metric, [series.value]));
  }
  const step = stepOf(context);
  const edge = (milliseconds: number) => String(Math.floor(milliseconds / 1e3 / step) * step);
  const { data } = await get('/prom/api/v1/query_range', { query, start: edge(context.range.from), end: edge(context.range.to), step: String(step) });
  return data.result.map((series: any) => seriesOf(target, series.metric, series.values));
}

function seriesOf(target: any, labels: Record<string, string>, values: [number, string][]): DataFrame {
  const legend: string | undefined = target.legendFormat;
  const displayNameFromDS = legend && legend !== '__auto' ? legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '') : undefined;
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: values.map(([time]) => time * 1000) },
      { name: 'Value', type: FieldType.number, labels, values: values.map(([, value]) => Number(value)), config: { displayNameFromDS } },
    ],
  });
}

function rowsOf(target: any, series: any[]): DataFrame {
  const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: series.map(({ value }) => value[0] * 1000) },
      ...labels.map((name) => ({ name, type: FieldType.string, values: series.map(({ metric }) => metric[name]) })),
      { name: 'Value', type: FieldType.number, values: series.map(({ value }) => Number(value[1])) },
    ],
  });
}

async function runSql(target: any, context: Context): Promise<DataFrame[]> {
  const { columns, dataset } = await get('/questdb/exec', { query: sql(target.rawSql, context) });
  const frame = createDataFrame({
    refId: target.refId,
    fields: columns.map(({ name, type: declared }: { name: string; type: string }, at: number) => {
      const type = typeOf(declared);
      const read = (value: any) => (type === FieldType.time && value !== null ? Date.parse(value) : value);
      return { name, type, config: {}, values: dataset.map((row: any[]) => read(row[at])) };
    }),
  });
  return target.format === 0 ? wide(frame) : [frame];
}

function typeOf(declared: string): FieldType {
  if (/^(TIMESTAMP|DATE)/.test(declared)) return FieldType.time;
  if (/^(BYTE|SHORT|INT|LONG|FLOAT|DOUBLE|DECIMAL)/.test(declared)) return FieldType.number;
  return declared === 'BOOLEAN' ? FieldType.boolean : FieldType.string;
}

/** A long time series (time, labels, values) as one frame a series, as the plugin makes it. */
function wide(frame: DataFrame): DataFrame[] {
  const time = frame.fields.find(({ type }) => type === FieldType.time);
  const labels = frame.fields.filter(({ type }) => type === FieldType.string);
  const numbers = frame.fields.filter(({ type }) => type === FieldType.number);
  if (!time || !labels.length || !numbers.length) return [frame];
  const rows = new Map<string, number[]>();
  for (let row = 0; row < frame.length; row++) {
    const key = JSON.stringify(labels.map(({ values }) => values[row]));
    if (!rows.has(key)) rows.set(key, []);
    rows.get(key)!.push(row);
  }
  return [...rows].map(([key, at]) => {
    const words: string[] = JSON.parse(key);
    return createDataFrame({
      refId: frame.refId,
      fields: [
        { ...time, values: at.map((row) => time.values[row]) },
        ...numbers.map((field) => ({
          ...field,
          labels: Object.fromEntries(labels.map(({ name }, index) => [name, words[index]])),
          values: at.map((row) => field.values[row]),
        })),
      ],
    });
  });
}
