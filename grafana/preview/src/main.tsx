import { Component, ReactNode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { rangeUtil, ThemeContext, TimeRange } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles, PanelChrome, PortalContainer } from '@grafana/ui';
import { resolveVariables } from '../../check/expand.mjs';
import { interpolate, Json, PanelResult, registerTransformers, runPanel, theme, timeZone } from './fields';
import { PANELS, SAYS_NOTHING_ITSELF } from './panels';
import { Context } from './queries';

const GAP = 8,
  CELL = 30;
class Boundary extends Component<{ onError: (e: Error) => void; children: ReactNode }> {
  state = { err: null as Error | null };
  static getDerivedStateFromError(err: Error) {
    return { err };
  }
  componentDidCatch(e: Error) {
    this.props.onError(e);
  }
  render() {
    return this.state.err ? (
      <pre style={{ color: 'red' }}>{String(this.state.err.stack)}</pre>
    ) : (
      this.props.children
    );
  }
}
function Panel({ p, context, range, colW }: { p: Json; context: Context; range: TimeRange; colW: number }) {
  const { x, y, w, h } = p.gridPos,
    width = w * colW - GAP,
    height = h * (CELL + GAP) - GAP;
  const [res, setRes] = useState<PanelResult>(),
    [err, setErr] = useState<string>();
  useEffect(() => {
    runPanel(p, range, context).then(setRes, (e) => setErr(String(e.message)));
  }, []);
  const rows = res?.frames.reduce((n, f) => n + f.length, 0) ?? 0,
    View = PANELS[p.type];
  const empty = res && !rows;
  const state = err ? 'error' : !View ? 'unsupported' : !res ? 'loading' : empty ? 'nodata' : 'ok';
  return (
    <section
      data-panel={p.id}
      data-type={p.type}
      data-title={p.title}
      data-state={state}
      data-rows={rows}
      data-error={err ?? res?.problems.join('; ') ?? ''}
      style={{ position: 'absolute', left: x * colW, top: y * (CELL + GAP), width, height }}
    >
      <PanelChrome
        title={interpolate(p.title ?? '', context.variables)}
        description={p.description}
        width={width}
        height={height}
        displayMode={p.transparent ? 'transparent' : 'default'}
        statusMessage={err}
        padding={p.type === 'table' ? 'none' : 'md'}
      >
        {(iw, ih) =>
          err ? (
            <pre>{err}</pre>
          ) : !View ? (
            <div>Unsupported panel type: {p.type}</div>
          ) : !res ? null : empty && !SAYS_NOTHING_ITSELF.has(p.type) ? (
            <div style={{ textAlign: 'center', paddingTop: ih / 2 - 10 }}>{res.fieldConfig.defaults.noValue ?? 'No data'}</div>
          ) : (
            <Boundary onError={(e) => setErr('render: ' + e.message)}>
              <View panel={p} res={res} width={iw} height={ih} context={context} />
            </Boundary>
          )
        }
      </PanelChrome>
    </section>
  );
}
function Dashboard({ dash, context, range }: { dash: Json; context: Context; range: TimeRange }) {
  const colW = (innerWidth - 32 + GAP) / 24;
  const bottom = Math.max(...dash.panels.map((p: Json) => p.gridPos.y + p.gridPos.h));
  const chosen = (dash.templating?.list ?? []).filter(({ type }: Json) => type !== 'datasource');
  return (
    <div style={{ padding: 16 }}>
      <h3 style={{ margin: '0 0 12px' }}>
        {dash.title}{' '}
        <small style={{ color: theme.colors.text.secondary, fontSize: 12 }}>
          {[`${range.raw.from} to ${range.raw.to}`, ...chosen.map((v: Json) => `${v.label}: ${context.variables[v.name].all ? 'All' : context.variables[v.name].values}`)].join('   ')}
        </small>
      </h3>
      <div style={{ position: 'relative', height: bottom * (CELL + GAP) }}>
        {dash.panels.map((p: Json) =>
          p.type === 'row' ? (
            <div key={p.id} style={{ position: 'absolute', top: p.gridPos.y * (CELL + GAP), fontWeight: 500, lineHeight: '30px' }}>
              ▾ {p.title}
            </div>
          ) : (
            <Panel key={p.id} p={p} context={context} range={range} colW={colW} />
          ),
        )}
      </div>
    </div>
  );
}

/** The board and its variables, as the address of the page asks for them. */
async function load() {
  const asked = new URLSearchParams(location.search);
  const dash = await (await fetch(`/board/${asked.get('board')}`)).json();
  const range = rangeUtil.convertRawToRange({ from: asked.get('from') ?? dash.time.from, to: dash.time.to }, timeZone);
  const span = { from: range.from.valueOf(), to: range.to.valueOf() };
  const given = Object.fromEntries(asked.getAll('var').map((word) => [word.split('=')[0], word.slice(word.indexOf('=') + 1).split(',')]));
  const variables = await resolveVariables(dash, given, { prom: '/prom', qdb: '/questdb' }, span);
  return { dash, range, context: { range: span, variables } };
}

(async () => {
  await initPluginTranslations('grafana');
  registerTransformers();
  const board = await load();
  const root = createRoot(document.getElementById('root')!); // fonts first: uPlot and VizRepeater measure text on a canvas
  root.render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
    </ThemeContext.Provider>,
  );
  await new Promise((r) => setTimeout(r, 50));
  await Promise.all(['400 12px Inter', '500 12px Inter', '400 12px "Roboto Mono"'].map((f) => document.fonts.load(f)));
  root.render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PortalContainer />
      <Dashboard {...board} />
    </ThemeContext.Provider>,
  );
})().catch((e) => {
  document.title = 'FATAL ' + e;
  console.error(e);
});
