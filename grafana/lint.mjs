#!/usr/bin/env node
// Rules that every board keeps: `node lint.mjs BOARD.json...` prints what is broken and ends with status 1.
import fs from 'node:fs';
import { panelsOf } from './check.mjs';

const UNITS = new Set(['short', 'none', 'watt', 'watth', 'percentunit', 's', 'dthms', 'bytes', 'ops', 'dateTimeAsIso', 'dateTimeFromNow', 'locale', 'celsius', 'amp', 'volt']);
const RATES = /\b(rate|irate|increase)\(/;

export function lint(board) {
  const problems = [];
  const wrong = (panel, what) => problems.push(`${board.uid}${panel ? ` | ${panel.title}` : ''}: ${what}`);
  if (board.schemaVersion !== 42) wrong(null, `schemaVersion is ${board.schemaVersion}, not 42`);
  if (!/^ampwarden-[a-z-]+$/.test(board.uid ?? '')) wrong(null, 'the uid does not begin with "ampwarden-"');
  if (board.editable !== false) wrong(null, 'the board can be edited; changes would be lost');
  if (!board.description) wrong(null, 'no description');
  if (!board.refresh) wrong(null, 'no refresh');
  for (const name of ['datasource', 'questdb']) if (!board.templating.list.some((v) => v.name === name && v.type === 'datasource')) wrong(null, `no variable ${name}`);
  const ids = new Set();
  const taken = new Map();
  for (const panel of board.panels) {
    if (ids.has(panel.id)) wrong(panel, `the id ${panel.id} is taken twice`);
    ids.add(panel.id);
    const { x, y, w, h } = panel.gridPos;
    if (x + w > 24) wrong(panel, 'reaches over the right edge');
    for (let column = x; column < x + w; column++)
      for (let row = y; row < y + h; row++) {
        const cell = `${column},${row}`;
        if (taken.has(cell)) return [...problems, `${board.uid} | ${panel.title}: lies over "${taken.get(cell)}"`];
        taken.set(cell, panel.title);
      }
  }
  const titles = new Set();
  for (const panel of panelsOf(board)) {
    if (titles.has(panel.title)) wrong(panel, 'another panel has this title');
    titles.add(panel.title);
    const defaults = panel.fieldConfig?.defaults ?? {};
    if (!panel.title) wrong(panel, 'no title');
    if ((panel.description ?? '').length < 30) wrong(panel, 'no description that says what it means and what to do');
    if (!defaults.unit) wrong(panel, 'no unit');
    if (!defaults.noValue) wrong(panel, 'no noValue: "nothing there" and 0 look the same');
    const units = [defaults.unit, ...(panel.fieldConfig?.overrides ?? []).flatMap((o) => o.properties.filter((p) => p.id === 'unit').map((p) => p.value))];
    for (const unit of units) if (unit && !UNITS.has(unit)) wrong(panel, `the unit ${unit} is not one of those used here`);
    if (!panel.targets?.length) wrong(panel, 'no query');
    for (const target of panel.targets ?? []) {
      if (!['${datasource}', '${questdb}'].includes(target.datasource?.uid)) wrong(panel, `query ${target.refId} does not use the board's data source variables`);
      if (target.expr) {
        if (/\bor\s+vector\(/i.test(target.expr)) wrong(panel, `query ${target.refId}: "or vector()" hides that there is no data`);
        if (RATES.test(target.expr) && !/\[(\$__rate_interval|\$__range|\d+[smhd])\]/.test(target.expr)) wrong(panel, `query ${target.refId}: a rate without $__rate_interval`);
        if (!target.instant && RATES.test(target.expr) && !target.expr.includes('$__rate_interval')) wrong(panel, `query ${target.refId}: a rate over time wants $__rate_interval`);
        for (const [counter] of target.expr.matchAll(/\bampwarden_\w+_total\b/g))
          if (!RATES.test(target.expr)) wrong(panel, `query ${target.refId}: ${counter} is a counter and wants a rate`);
      } else if (!target.rawSql) wrong(panel, `query ${target.refId} is empty`);
      else {
        if (/SAMPLE BY \$__interval\b/i.test(target.rawSql)) wrong(panel, `query ${target.refId}: QuestDB wants $__sampleByInterval`);
        if (/sum\(cost\)|"Revenue"/.test(target.rawSql) && !/currency/.test(target.rawSql)) wrong(panel, `query ${target.refId} adds different currencies`);
      }
    }
  }
  return problems;
}

const files = process.argv.slice(2);
if (files.length && process.argv[1]?.endsWith('lint.mjs')) {
  const problems = files.flatMap((file) => lint(JSON.parse(fs.readFileSync(file, 'utf8'))));
  for (const problem of problems) console.error(problem);
  console.log(`${files.length} boards linted, ${problems.length} problems`);
  process.exitCode = problems.length ? 1 : 0;
}
