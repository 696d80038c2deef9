#!/usr/bin/env node
// Runs every query of boards on a real Prometheus and a real QuestDB, the way Grafana would, and fails on an error, on no
// rows, and on nothing but nulls.
//
//   node check.mjs --prom http://127.0.0.1:9090 --qdb http://127.0.0.1:9000 [--json] [--from now-3h] [--to now]
//                  [--var site=oslo]... [--exceptions FILE] BOARD.json...
//
// `--json` prints each panel's values by board and title instead of the table:
//   { "ampwarden-fleet": { "Energy today": { "A": [ { "today": 1234.5, "same time last week": 1200 } ] } } }
// so that a test can hold them against a ledger. Prometheus series become { ...labels, "value": last, "legend": … }.
// Exit status: 0 all well, 1 something is wrong with a query, 2 the arguments are.
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseTime, promql, resolveVariables, sql } from './check/expand.mjs';
import { runPrometheus, runQuestDb } from './check/run.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));

export function parseArguments(words) {
  const options = { from: undefined, to: 'now', vars: {}, boards: [], json: false, exceptions: `${HERE}check-exceptions.json` };
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    const next = () => {
      if (words[++at] === undefined) throw new Error(`${word} wants a value`);
      return words[at];
    };
    if (word === '--prom') options.prom = next();
    else if (word === '--qdb') options.qdb = next();
    else if (word === '--from') options.from = next();
    else if (word === '--to') options.to = next();
    else if (word === '--exceptions') options.exceptions = next();
    else if (word === '--json') options.json = true;
    else if (word === '--var') {
      const [name, ...value] = next().split('=');
      options.vars[name] = value.join('=').split(',');
    } else if (word.startsWith('--')) throw new Error(`there is no ${word}`);
    else options.boards.push(word);
  }
  for (const needed of ['prom', 'qdb']) if (!options[needed]) throw new Error(`--${needed} URL is missing`);
  if (!options.boards.length) throw new Error('no board was named');
  return options;
}

/** All panels, those within rows too. */
export const panelsOf = (board) =>
  board.panels.flatMap((panel) => (panel.type === 'row' ? (panel.panels ?? []) : [panel]));

/** What is wrong with an answer, if anything. */
export function judge({ rows, values }) {
  if (!rows) return 'no rows';
  if (!values) return 'only nulls';
  return '';
}

export async function checkBoard(board, options, exceptions) {
  const now = options.now ?? Date.now();
  const range = { from: parseTime(options.from ?? board.time.from, now), to: parseTime(options.to, now) };
  const variables = await resolveVariables(board, options.vars, options, range);
  const results = [];
  for (const panel of panelsOf(board)) {
    for (const target of (panel.targets ?? []).filter((target) => !target.hide)) {
      const result = { board: board.uid, panel: panel.title, ref: target.refId, rows: 0, values: 0, ms: 0, problem: '', data: [] };
      const began = performance.now();
      const type = target.datasource?.type ?? panel.datasource?.type;
      try {
        const context = { range, variables, panel };
        if (type === 'prometheus') Object.assign(result, await runPrometheus(options.prom, target, promql(target.expr, context), context));
        else if (type === 'questdb-questdb-datasource') Object.assign(result, await runQuestDb(options.qdb, target, sql(target.rawSql, context)));
        else throw new Error(`a data source of type ${type} is not known here`);
        result.problem = judge(result);
      } catch (error) {
        result.problem = `error: ${error.message}`;
      }
      result.ms = Math.round(performance.now() - began);
      const exception = exceptions.find(({ board, panel }) => board === result.board && panel === result.panel);
      if (exception && ['no rows', 'only nulls'].includes(result.problem)) {
        result.excused = `${result.problem}: ${exception.reason}`;
        result.problem = '';
      }
      results.push(result);
    }
  }
  return results;
}

export async function main(words) {
  let options, exceptions;
  try {
    options = parseArguments(words);
    exceptions = JSON.parse(fs.readFileSync(options.exceptions, 'utf8'));
  } catch (error) {
    console.error(`${error.message}\nusage: node check.mjs --prom URL --qdb URL [--json] [--from T] [--to T] [--var NAME=VALUE]... BOARD.json...`);
    return 2;
  }
  const results = [];
  for (const file of options.boards) results.push(...(await checkBoard(JSON.parse(fs.readFileSync(file, 'utf8')), options, exceptions)));
  const bad = results.filter(({ problem }) => problem);
  if (options.json) {
    const boards = {};
    for (const { board, panel, ref, data } of results) ((boards[board] ??= {})[panel] ??= {})[ref] = data;
    console.log(JSON.stringify(boards, null, 1));
    for (const { board, panel, ref, problem } of bad) console.error(`${board} | ${panel} | ${ref}: ${problem}`);
  } else {
    for (const { board, panel, ref, rows, values, ms, problem, excused } of results) {
      const verdict = problem ? `FAIL  ${problem}` : excused ? `ok    (${excused})` : 'ok';
      console.log(`${board.padEnd(20)} ${panel.padEnd(34)} ${ref} ${String(rows).padStart(6)} rows ${String(values).padStart(7)} values ${String(ms).padStart(5)} ms  ${verdict}`);
    }
    console.log(`${results.length} queries, ${bad.length} wrong`);
  }
  return bad.length ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv.slice(2));
