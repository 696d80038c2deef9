// What Grafana and the QuestDB plugin make of a query before they send it: variables and macros.

/** `now`, `now-3h`, or an ISO time, as milliseconds. */
export function parseTime(text, now) {
  const relative = /^now(?:-(\d+)([smhdw]))?$/.exec(text);
  if (relative) {
    const unit = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 }[relative[2] ?? 's'];
    return now - Number(relative[1] ?? 0) * unit;
  }
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new Error(`${text} is no time`);
  return time;
}

async function json(url, parameters) {
  const answer = await fetch(`${url}?${new URLSearchParams(parameters)}`);
  return answer.json();
}

/** What a query variable offers, from either data source; of an SQL answer the first column. */
async function offered(variable, variables, { prom, qdb }, range) {
  const query = typeof variable.query === 'string' ? variable.query : variable.query.query;
  const context = { range, variables, panel: {} };
  if (variable.datasource?.type === 'questdb-questdb-datasource') {
    const { dataset, error } = await json(`${qdb}/exec`, { query: sql(query, context) });
    if (error) throw new Error(`variable ${variable.name}: ${error}`);
    return dataset.map(([value]) => value);
  }
  const found = /^label_values\((?:(.+),\s*)?(\w+)\)$/.exec(query ?? '');
  if (!found) throw new Error(`variable ${variable.name}: only label_values(metric, label) is understood, not ${query}`);
  const parameters = { start: range.from / 1e3, end: range.to / 1e3 };
  if (found[1]) parameters['match[]'] = promql(found[1], context);
  const { data } = await json(`${prom}/api/v1/label/${found[2]}/values`, parameters);
  return data ?? [];
}

/** Values of the board's variables: { name: { values, all } }. */
export async function resolveVariables(board, given, servers, range) {
  const variables = {};
  for (const variable of board.templating?.list ?? []) {
    if (variable.type === 'datasource') continue;
    if (given[variable.name]) {
      variables[variable.name] = { values: given[variable.name], all: false };
      continue;
    }
    const current = [variable.current?.value ?? []].flat();
    if (variable.type === 'textbox') {
      variables[variable.name] = { values: current.length ? current : [''], all: false };
      continue;
    }
    const values = variable.type === 'custom' ? variable.query.split(',') : await offered(variable, variables, servers, range);
    const all = current.includes('$__all');
    // All of nothing is nothing: a station may have no connector yet.
    if (!values.length && all) values.push('');
    if (!values.length) throw new Error(`variable ${variable.name}: ${JSON.stringify(variable.query)} gives nothing`);
    variables[variable.name] = { values: all ? [variable.allValue ?? values].flat() : current.length ? current : [values[0]], all };
  }
  return variables;
}

const FORMATS = {
  sqlstring: (values) => values.map((value) => `'${value.replaceAll("'", "''")}'`).join(','),
  regex: (values) => values.join('|'),
  pipe: (values) => values.join('|'),
  csv: (values) => values.join(','),
  // What data sources do without a format.
  promql: (values) => (values.length > 1 ? `(${values.join('|')})` : values[0]),
  questdb: (values) => `'${values.join("','")}'`,
};

function interpolate(text, variables, builtIn, format) {
  return text.replace(/\$\{(\w+)(?::(\w+))?\}|\$(\w+)/g, (whole, braced, given, bare) => {
    const name = braced ?? bare;
    if (name in builtIn) return builtIn[name];
    if (/^\d+$/.test(name)) return whole; // a group of label_replace; Grafana leaves it alone
    const variable = variables[name];
    if (!variable) throw new Error(`the variable ${whole} is not defined on the board`);
    const formatter = FORMATS[given ?? format];
    if (!formatter) throw new Error(`the format of ${whole} is not known`);
    return formatter(variable.values);
  });
}

const STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
const SECONDS = { s: 1, m: 60, h: 3600, d: 86400 };

/** The step of a range query in seconds: about 800 points, but not under the panel's interval. */
export function stepOf({ range, panel }) {
  const wanted = (range.to - range.from) / 1e3 / (panel.maxDataPoints ?? 800);
  const least = /^(\d+)([smhd])$/.exec(panel.interval ?? '');
  const step = Math.max(wanted, least ? Number(least[1]) * SECONDS[least[2]] : 5);
  return STEPS.find((rounded) => rounded >= step) ?? 86400;
}

/** A PromQL query as it is sent. */
export function promql(expr, context) {
  const step = stepOf(context);
  const range = Math.round((context.range.to - context.range.from) / 1e3);
  const builtIn = {
    __interval: `${step}s`,
    __interval_ms: String(step * 1e3),
    // Grafana: max(step + scrape interval, 4 scrape intervals), which is 5 s as provisioned.
    __rate_interval: `${Math.max(step + 5, 20)}s`,
    __range: `${range}s`,
    __range_s: String(range),
  };
  return interpolate(expr, context.variables, builtIn, 'promql');
}

/** The arguments of a macro whose opening bracket is at `open`, and where it closes. */
function argumentsOf(text, open) {
  const parts = [];
  let depth = 0;
  let begin = open + 1;
  for (let at = open; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')') depth--;
    if (depth === 0 || (depth === 1 && text[at] === ',')) {
      parts.push(text.slice(begin, at));
      begin = at + 1;
      if (depth === 0) return { parts, close: at };
    }
  }
  throw new Error(`a bracket is not closed: ${text.slice(open - 20, open + 40)}`);
}

/** An SQL query as it is sent. */
export function sql(rawSql, context) {
  let text = rawSql;
  for (let at; (at = text.lastIndexOf('$__conditionalAll(')) >= 0; ) {
    const { parts, close } = argumentsOf(text, at + '$__conditionalAll'.length);
    if (parts.length !== 2) throw new Error(`$__conditionalAll wants a condition and a variable, not ${parts.length} arguments`);
    const name = /\w+/.exec(parts[1])?.[0];
    const variable = context.variables[name];
    if (!variable) throw new Error(`$__conditionalAll: the variable ${parts[1].trim()} is not defined on the board`);
    text = text.slice(0, at) + (variable.all ? '1=1' : parts[0]) + text.slice(close + 1);
  }
  const micros = (milliseconds) => `cast(${Math.round(milliseconds * 1e3)} as timestamp)`;
  const { from, to } = context.range;
  const step = stepOf(context);
  text = text
    .replace(/\$__timeFilter\(([^)]+)\)/g, (_, column) => `${column} >= ${micros(from)} AND ${column} <= ${micros(to)}`)
    .replace(/\$__fromTime/g, micros(from))
    .replace(/\$__toTime/g, micros(to))
    .replace(/\$__sampleByInterval/g, step % 86400 === 0 ? `${step / 86400}d` : step >= 3600 ? `${Math.floor(step / 3600)}h` : `${step}s`);
  return interpolate(text, context.variables, {}, 'questdb');
}
