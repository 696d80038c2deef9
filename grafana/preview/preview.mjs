#!/usr/bin/env node
// Draws boards to PNG in headless Chromium from a live Prometheus and QuestDB, with Grafana's own component library. An
// approximation to look at boards while they are made: queries are expanded as grafana/check does.
//
//   node preview.mjs --prom http://127.0.0.1:9090 --qdb http://127.0.0.1:9000 [--out out] [--width 1600]...
//                    [--theme dark]... [--from now-3h] [--var station=OSL-A007]... BOARD.json...
//
// Writes OUT/UID-WIDTH-THEME.png, and prints each panel that has something wrong: a query that fails, only nulls, an
// unknown unit or transformation, an override that matches no column, a panel type that cannot be drawn, an empty canvas.
// Status 1 if there is any. Panels without data are named and are no fault: look whether they say so well.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import esbuild from 'esbuild';
import { chromium } from 'playwright-core';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const MODULES = path.join(HERE, 'node_modules');
const FONTS = { 'Inter-Regular': 'inter/files/inter-latin-400-normal', 'Inter-Medium': 'inter/files/inter-latin-500-normal' };
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.json': 'application/json' };
const PAGE = `<!doctype html><meta charset=utf-8><script>window.__grafana_public_path__='/public/'</script>
<link rel=stylesheet href=/dist/main.css><link rel=icon href=data:,><style>body{overflow-x:hidden}</style>
<body><div id=root></div><script type=module src=/dist/main.js></script>`;

const { values: options, positionals: boards } = parseArgs({
  allowPositionals: true,
  options: {
    prom: { type: 'string', default: 'http://127.0.0.1:9090' },
    qdb: { type: 'string', default: 'http://127.0.0.1:9000' },
    out: { type: 'string', default: path.join(HERE, 'out') },
    width: { type: 'string', multiple: true, default: ['1600', '1000'] },
    theme: { type: 'string', multiple: true, default: ['dark', 'light'] },
    from: { type: 'string' },
    var: { type: 'string', multiple: true, default: [] },
  },
});

async function bundle() {
  await esbuild.build({
    entryPoints: [path.join(HERE, 'src/main.tsx')],
    bundle: true,
    splitting: true,
    format: 'esm',
    outdir: path.join(HERE, 'dist'),
    minify: true,
    jsx: 'automatic',
    logLevel: 'warning',
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
    loader: { '.svg': 'dataurl', '.ttf': 'dataurl', '.woff2': 'dataurl' },
  });
}

/** Where the file that the page asks for is; undefined where there is none. */
function fileOf(asked) {
  if (asked.startsWith('/dist/')) return path.join(HERE, asked);
  if (asked.startsWith('/board/')) return boards[Number(asked.slice(7))];
  if (asked.startsWith('/public/build/img/')) return path.join(MODULES, '@grafana/ui/dist/public/img', asked.slice(18));
  if (asked.startsWith('/public/fonts/inter/')) return path.join(MODULES, '@fontsource', `${FONTS[path.basename(asked, '.woff2')] ?? 'none'}.woff2`);
  if (asked.startsWith('/public/fonts/roboto/')) return path.join(MODULES, '@fontsource/roboto-mono/files/roboto-mono-latin-400-normal.woff2');
  return undefined;
}

async function serve() {
  const server = http.createServer(async (request, response) => {
    const { pathname, search } = new URL(request.url, 'http://x');
    const answer = (status, type, body) => response.writeHead(status, { 'content-type': type }).end(body);
    try {
      for (const [prefix, base] of [['/prom/', options.prom], ['/questdb/', options.qdb]])
        if (pathname.startsWith(prefix)) {
          const got = await fetch(`${base}/${pathname.slice(prefix.length)}${search}`);
          return answer(got.status, 'application/json', Buffer.from(await got.arrayBuffer()));
        }
      if (pathname === '/') return answer(200, 'text/html', PAGE);
      const file = fileOf(pathname);
      if (!file || !fs.existsSync(file)) return answer(404, 'text/plain', 'not there');
      answer(200, TYPES[path.extname(file)] ?? 'application/octet-stream', fs.readFileSync(file));
    } catch (error) {
      answer(500, 'application/json', JSON.stringify({ error: String(error) }));
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

/** What each panel of the page says of itself. */
function reportOf(elements) {
  return elements.map((element) => {
    let colours = null;
    for (const canvas of element.querySelectorAll('canvas')) {
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width || 1, canvas.height || 1).data;
      let drawn = 0;
      for (let at = 3; at < pixels.length && drawn < 2; at += 4) if (pixels[at]) drawn++;
      colours = Math.max(colours ?? 0, drawn);
    }
    const { title, state, error } = element.dataset;
    return { title, state, problem: error || (colours === 0 ? 'an empty canvas' : '') };
  });
}

async function draw(browser, address, at, width, theme) {
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  const problems = [];
  page.on('pageerror', (error) => problems.push(`page: ${error.message}`));
  const words = new URLSearchParams({ board: String(at), theme });
  if (options.from) words.set('from', options.from);
  for (const variable of options.var) words.append('var', variable);
  await page.goto(`${address}/?${words}`);
  await page
    .waitForFunction(
      () => document.title.startsWith('FATAL') || (document.querySelector('[data-panel]') && !document.querySelector('[data-state=loading]')),
      null,
      { timeout: 120_000 },
    )
    .catch((error) => problems.push(error.message));
  const fatal = await page.title();
  if (fatal.startsWith('FATAL')) problems.push(fatal);
  await page.waitForTimeout(500); // canvases draw in the frame after
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height });
  await page.waitForTimeout(300);
  const panels = await page.$$eval('[data-panel]', reportOf);
  for (const { title, state, problem } of panels) if (!['ok', 'nodata'].includes(state) || problem) problems.push(`${title}: ${[state, problem].filter(Boolean).join(', ')}`);
  const name = path.basename(boards[at], '.json');
  const file = path.join(options.out, `${name}-${width}-${theme}.png`);
  await page.screenshot({ path: file, clip: { x: 0, y: 0, width, height } });
  await page.close();
  const empty = panels.filter(({ state }) => state === 'nodata').map(({ title }) => title);
  console.log(`${file}  ${panels.length} panels, ${problems.length} problems${empty.length ? `; empty: ${empty.join(', ')}` : ''}`);
  for (const problem of problems) console.log(`    ${problem}`);
  return problems.length;
}

if (!boards.length) throw new Error('no board was named');
fs.mkdirSync(options.out, { recursive: true });
await bundle();
const server = await serve();
const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((file) => fs.existsSync(file));
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
let wrong = 0;
for (const at of boards.keys())
  for (const width of options.width) for (const theme of options.theme) wrong += await draw(browser, `http://127.0.0.1:${server.address().port}`, at, Number(width), theme);
await browser.close();
server.close();
process.exitCode = wrong ? 1 : 0;
