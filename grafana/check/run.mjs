// Sends queries to the servers and counts what comes back.
import { stepOf } from './expand.mjs';

async function get(url, parameters) {
  const answer = await fetch(`${url}?${new URLSearchParams(parameters)}`);
  const body = await answer.text();
  let json;
  try {
    json = JSON.parse(body);
  } catch {
    throw new Error(`${url} answers ${answer.status} and no JSON: ${body.slice(0, 200)}`);
  }
  if (!answer.ok || json.error) throw new Error(json.error ?? `${url} answers ${answer.status}`);
  return json;
}

const legendOf = (template, labels) => template?.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '');

export async function runPrometheus(prom, target, expr, context) {
  const end = context.range.to / 1e3;
  let series;
  if (target.instant && !target.range) {
    const { data } = await get(`${prom}/api/v1/query`, { query: expr, time: end });
    series = data.resultType === 'scalar' ? [{ metric: {}, values: [data.result] }] : data.result.map(({ metric, value }) => ({ metric, values: [value] }));
  } else {
    const step = stepOf(context);
    const { data } = await get(`${prom}/api/v1/query_range`, { query: expr, start: context.range.from / 1e3, end, step });
    series = data.result;
  }
  const real = (values) => values.map(([, value]) => Number(value)).filter((value) => !Number.isNaN(value));
  const data = series.map(({ metric, values }) => ({ ...metric, legend: legendOf(target.legendFormat, metric), value: real(values).at(-1) ?? null }));
  return {
    rows: series.length,
    values: series.reduce((count, { values }) => count + real(values).length, 0),
    data,
  };
}

const NUMBERS = /^(BYTE|SHORT|INT|LONG|FLOAT|DOUBLE|DECIMAL)/;

export async function runQuestDb(qdb, target, query) {
  const { columns, dataset } = await get(`${qdb}/exec`, { query });
  // A time series is read by its first column; the plugin turns anything else down.
  if (target.format === 0) {
    if (!columns[0].type.startsWith('TIMESTAMP')) throw new Error(`a time series begins with a timestamp, not with ${columns[0].name}`);
    if (dataset.some((row, at) => at && Date.parse(row[0]) < Date.parse(dataset[at - 1][0]))) throw new Error('a time series must ascend');
  }
  const numeric = columns.map(({ type }) => NUMBERS.test(type));
  const counted = numeric.includes(true) ? numeric : columns.map(() => true);
  return {
    rows: dataset.length,
    values: dataset.reduce((count, row) => count + row.filter((value, at) => counted[at] && value !== null).length, 0),
    data: dataset.map((row) => Object.fromEntries(columns.map(({ name }, at) => [name, row[at]]))),
  };
}
