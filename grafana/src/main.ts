// Renders every board to JSON: `node build/main.js FOLDER` writes, with `--check` it compares and fails on drift.
import * as fs from 'node:fs';
import * as path from 'node:path';
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { anomalies } from './anomalies.js';
import { anomaly } from './anomaly.js';
import { driver } from './driver.js';
import { events } from './events.js';
import { fleet } from './fleet.js';
import { gateway } from './gateway.js';
import { quality } from './quality.js';
import { revenue } from './revenue.js';
import { session } from './session.js';
import { sessions } from './sessions.js';
import { settings } from './settings.js';
import { site } from './site.js';
import { slo } from './slo.js';
import { station } from './station.js';
import { store } from './store.js';
import { users } from './users.js';

const BOARDS: dashboard.Dashboard[] = [
  ...[fleet(), site(), station(), sessions(), session(), anomalies(), events(), revenue(), users(), settings(), driver()],
  ...[gateway(), store(), quality(), slo(), anomaly()],
];


const [folder = 'dashboards', flag] = process.argv.slice(2);
const check = flag === '--check';
let drift = 0;
fs.mkdirSync(folder, { recursive: true });
const expected = new Set<string>();
for (const board of BOARDS) {
  const file = path.join(folder, `${board.uid}.json`);
  expected.add(path.basename(file));
  const text = JSON.stringify(board, null, 1) + '\n';
  const before = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  if (before === text) continue;
  drift++;
  if (check) console.error(`${file} is not what src/ says; run "npm run build" and commit it`);
  else fs.writeFileSync(file, text);
}
for (const file of fs.readdirSync(folder).filter((file) => !expected.has(file))) {
  drift++;
  if (check) console.error(`${path.join(folder, file)} belongs to no board in src/`);
  else fs.rmSync(path.join(folder, file));
}
console.log(`${BOARDS.length} boards, ${drift} ${check ? 'differ' : 'written'}`);
process.exit(check && drift ? 1 : 0);
