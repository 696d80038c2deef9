// What Grafana's core does with the answers around @grafana/data: transformations, field configuration and overrides, and what
// is wrong with any of them.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createTheme,
  DataFrame,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  fieldMatchers,
  FieldConfigOptionsRegistry,
  FieldConfigPropertyItem,
  FieldType,
  getValueFormats,
  identityOverrideProcessor,
  ScopedVars,
  standardTransformers,
  standardTransformersRegistry,
  thresholdsOverrideProcessor,
  TimeRange,
  transformDataFrame,
  TransformerCategory,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';
import { Context, runTarget } from './queries';

export type Json = any;
export const theme = createTheme({
  colors: { mode: new URLSearchParams(globalThis.location?.search).get('theme') === 'light' ? 'light' : 'dark' },
});
export const timeZone = 'utc';

// ---- standard transformers (ids missing here pass through silently in transformDataFrame) ----
export function registerTransformers() {
  standardTransformersRegistry.setInit(() =>
    [...new Map(Object.values(standardTransformers).map((t: Json) => [t.id, t])).values()].map(
      (t: Json) =>
        ({
          id: t.id,
          name: t.name,
          description: '',
          editor: () => null,
          transformation: async () => t,
          imageDark: '',
          imageLight: '',
          categories: new Set<TransformerCategory>(),
        }) as Json,
    ),
  );
}

// ---- field config: with an empty registry applyFieldOverrides copies nothing at all ----
const STD = [
  'unit',
  'min',
  'max',
  'decimals',
  'displayName',
  'noValue',
  'color',
  'thresholds',
  'mappings',
  'links',
  'filterable',
  'fieldMinMax',
  'description',
  'actions',
];
const PROC: Json = {
  displayName: displayNameOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  links: dataLinksOverrideProcessor,
};
const CUSTOM_DEFAULTS: Json = {
  timeseries: {
    drawStyle: 'line',
    lineWidth: 1,
    fillOpacity: 0,
    lineInterpolation: 'linear',
    showPoints: 'auto',
    pointSize: 5,
    spanNulls: false,
    gradientMode: 'none',
    axisPlacement: 'auto',
    axisColorMode: 'text',
    barAlignment: 0,
    barWidthFactor: 0.6,
    stacking: { mode: 'none', group: 'A' },
    thresholdsStyle: { mode: 'off' },
    scaleDistribution: { type: 'linear' },
  },
  table: { cellOptions: { type: 'auto' }, inspect: false },
  barchart: { lineWidth: 1, fillOpacity: 80 },
  'state-timeline': { fillOpacity: 70, lineWidth: 0 },
};
function fieldRegistry(type: string, fc: Json): [FieldConfigOptionsRegistry, Json] {
  const defaults = structuredClone(fc?.defaults ?? {});
  defaults.custom = { ...CUSTOM_DEFAULTS[type], ...defaults.custom };
  defaults.color ??= {
    mode: ['timeseries', 'piechart', 'barchart', 'trend'].includes(type) ? 'palette-classic' : 'thresholds',
  };
  defaults.thresholds ??= {
    mode: 'absolute',
    steps: [
      { value: null, color: 'green' },
      { value: 80, color: 'red' },
    ],
  };
  const custom = new Set<string>(Object.keys(defaults.custom));
  for (const o of fc?.overrides ?? [])
    for (const p of o.properties) {
      if (p.id.startsWith('custom.')) custom.add(p.id.slice(7));
      if (p.id === 'thresholds') fixSteps(p.value);
    }
  fixSteps(defaults.thresholds);
  const item = (id: string, path: string, isCustom: boolean): FieldConfigPropertyItem =>
    ({
      id,
      path,
      name: id,
      isCustom,
      editor: () => null,
      override: () => null,
      process: PROC[path] ?? identityOverrideProcessor,
      settings: path === 'displayName' ? { expandTemplateVars: true } : undefined,
      shouldApply: () => true,
    }) as Json;
  const reg = new FieldConfigOptionsRegistry(() => [
    ...STD.map((s) => item(s, s, false)),
    ...[...custom].map((c) => item('custom.' + c, c, true)),
  ]);
  return [reg, { ...fc, defaults, overrides: fc?.overrides ?? [], columns: type === 'table' }];
}
function fixSteps(t: Json) {
  if (t?.steps?.[0] && t.steps[0].value == null) t.steps[0].value = -Infinity;
}

export interface PanelResult {
  frames: DataFrame[];
  fieldConfig: Json;
  range: TimeRange;
  problems: string[];
}

/** `${name}` and `$name` in texts, and labels of the field at hand; `${__data…}` and the like stay as they are. */
export function interpolate(text: string, variables: Context['variables'], scoped?: ScopedVars): string {
  const field = (scoped as Json)?.__dataContext?.value?.field;
  return String(text ?? '')
    .replace(/\$\{__field\.labels\.(\w+)\}/g, (_, name) => field?.labels?.[name] ?? '')
    .replace(/\$\{(\w+)(?::\w+)?\}|\$(\w+)/g, (whole, braced, bare) => variables[braced ?? bare]?.values.join(', ') ?? whole);
}

export async function runPanel(panel: Json, range: TimeRange, context: Context): Promise<PanelResult> {
  const raw = (await Promise.all((panel.targets ?? []).map((target: Json) => runTarget(target, { ...context, panel })))).flat();
  const transformations = (panel.transformations ?? []).filter((t: Json) => !t.disabled);
  const replaceVariables = (text: string, scoped?: ScopedVars) => interpolate(text, context.variables, scoped);
  const transformed = await lastValueFrom(transformDataFrame(transformations, raw, { interpolate: replaceVariables }));
  const [fieldConfigRegistry, fieldConfig] = fieldRegistry(panel.type, panel.fieldConfig);
  const frames = applyFieldOverrides({ data: transformed, fieldConfig, fieldConfigRegistry, theme, timeZone, replaceVariables });
  if (panel.type !== 'table') {
    // The palette's index, as the core's graph panels set it.
    let index = 0;
    for (const frame of frames) for (const field of frame.fields) if (field.type === FieldType.number) field.state!.seriesIndex = index++;
  }
  cacheFieldDisplayNames(frames); // tables read field.state.displayName only
  return { frames, fieldConfig, range, problems: problemsOf(transformations, fieldConfig, frames) };
}

function problemsOf(transformations: Json[], fieldConfig: Json, frames: DataFrame[]): string[] {
  const problems = transformations
    .filter(({ id }) => !standardTransformersRegistry.getIfExists(id))
    .map(({ id }) => `unknown transformation ${id}`);
  const units = new Set(getValueFormats().flatMap((group) => group.submenu.map((unit) => unit.value)));
  const named = fieldConfig.overrides.flatMap((o: Json) => o.properties.filter((p: Json) => p.id === 'unit').map((p: Json) => p.value));
  for (const unit of [fieldConfig.defaults.unit, ...named]) if (unit && !units.has(unit)) problems.push(`unknown unit ${unit}`);
  const fields = frames.flatMap((frame) => frame.fields.map((field) => ({ frame, field })));
  for (const { matcher } of fieldConfig.overrides) {
    const matches = fieldMatchers.getIfExists(matcher.id)?.get(matcher.options);
    if (!matches) problems.push(`unknown matcher ${matcher.id}`);
    // Colours are given for every state that there could be; a table's columns are all there.
    else if (fieldConfig.columns && fields.length && !fields.some(({ frame, field }) => matches(field, frame, frames))) problems.push(`override matches no field: ${matcher.options}`);
  }
  const numbers = fields.map(({ field }) => field).filter(({ type }) => type === FieldType.number);
  const values = numbers.flatMap(({ values }) => [...values]).filter((value) => value !== null && !Number.isNaN(value));
  if (numbers.some(({ values }) => values.length) && !values.length) problems.push('only nulls');
  return problems;
}
