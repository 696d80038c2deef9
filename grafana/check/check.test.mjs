// node --test: the query checker and the lint catch what they are there for.
import assert from 'node:assert/strict';
import test from 'node:test';
import { judge, parseArguments } from '../check.mjs';
import { lint } from '../lint.mjs';
import { parseTime, promql, sql } from './expand.mjs';

const range = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 1, 3) };
const context = (site, all = false) => ({ range, panel: {}, variables: { site: { values: site, all } } });

test('times are read as Grafana writes them', () => {
  assert.equal(parseTime('now-3h', 7.2e7), 7.2e7 - 1.08e7);
  assert.equal(parseTime('now', 5), 5);
  assert.throws(() => parseTime('soon', 5), /no time/);
});

test('the plugin\'s macros are expanded as the plugin does', () => {
  const query = "SELECT 1 FROM t WHERE $__timeFilter(ts) AND $__conditionalAll(coalesce(site, 'x') IN (${site:sqlstring}), $site) AND a > $__fromTime SAMPLE BY $__sampleByInterval";
  const from = 'cast(1767225600000000 as timestamp)';
  const to = 'cast(1767236400000000 as timestamp)';
  assert.equal(
    sql(query, context(['oslo', "l'aquila"])),
    `SELECT 1 FROM t WHERE ts >= ${from} AND ts <= ${to} AND coalesce(site, 'x') IN ('oslo','l''aquila') AND a > ${from} SAMPLE BY 15s`,
  );
  assert.match(sql(query, context(['.*'], true)), / AND 1=1 AND /);
});

test('PromQL variables and intervals are expanded', () => {
  assert.equal(promql('rate(a{site=~"$site"}[$__rate_interval])', context(['a', 'b'])), 'rate(a{site=~"(a|b)"}[20s])');
  assert.equal(promql('label_replace(a, "x", "$1", "y", "(.*)")', context(['a'])), 'label_replace(a, "x", "$1", "y", "(.*)")');
  assert.throws(() => promql('a{x="$nowhere"}', context(['a'])), /not defined on the board/);
});

test('nothing, nulls and values are told apart', () => {
  assert.equal(judge({ rows: 0, values: 0 }), 'no rows');
  assert.equal(judge({ rows: 3, values: 0 }), 'only nulls');
  assert.equal(judge({ rows: 3, values: 1 }), '');
});

test('arguments that are missing are named', () => {
  assert.throws(() => parseArguments(['--prom', 'http://p', 'a.json']), /--qdb URL is missing/);
  assert.deepEqual(parseArguments(['--prom', 'p', '--qdb', 'q', '--var', 'site=a,b', 'x.json']).vars, { site: ['a', 'b'] });
});

test('the lint finds hidden emptiness, bare counters and mixed currencies', () => {
  const target = (query) => ({ refId: 'A', datasource: { uid: '${datasource}' }, ...query });
  const board = (query) => ({
    uid: 'ampwarden-x', schemaVersion: 42, editable: false, description: 'd', refresh: '5s',
    templating: { list: [{ name: 'datasource', type: 'datasource' }, { name: 'questdb', type: 'datasource' }] },
    panels: [{ id: 1, type: 'stat', title: 't', description: 'what it means, and what to do about it', gridPos: { x: 0, y: 0, w: 1, h: 1 }, fieldConfig: { defaults: { unit: 'short', noValue: '-' } }, targets: [target(query)] }],
  });
  const first = (query) => lint(board(query))[0] ?? '';
  assert.equal(first({ expr: 'sum(rate(ampwarden_x_total[$__rate_interval]))' }), '');
  assert.match(first({ expr: 'sum(a) or vector(0)' }), /hides/);
  assert.match(first({ expr: 'sum(ampwarden_x_total)' }), /counter/);
  assert.match(first({ expr: 'rate(ampwarden_x_total[5m])' }), /rate_interval/);
  assert.match(first({ rawSql: 'SELECT sum(cost) FROM sessions' }), /currencies/);
});
