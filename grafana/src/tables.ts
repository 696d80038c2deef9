// Tables: how columns of the same name look on every board.
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as table from '@grafana/grafana-foundation-sdk/table';
import { COMMAND_STATES, CONNECTIONS, CONNECTOR_STATUSES, SEVERITIES, STATION_STATES, wordColours } from './look.js';

type Property = dashboard.DynamicConfigValue;

const unit = (value: string, decimals?: number): Property[] => [
  { id: 'unit', value },
  ...(decimals === undefined ? [] : [{ id: 'decimals', value: decimals }]),
];
const width = (value: number): Property => ({ id: 'custom.width', value });
const pill = (colours: Record<string, string>): Property[] => [
  { id: 'mappings', value: wordColours(colours) },
  { id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } },
];

/** A click on the cell opens the board of what it names, in the same time range. */
const to = (what: 'site' | 'station' | 'session'): Property => ({
  id: 'links',
  value: [{ title: `Open the ${what}`, url: `/d/ampwarden-${what}?var-${what}=\${__value.raw:percentencode}&\${datasource:queryparam}&\${questdb:queryparam}&\${__url_time_range}` }],
});

/** What a column is called says how it looks. */
const COLUMNS: Record<string, Property[]> = {
  Site: [to('site'), width(105)],
  Station: [to('station'), width(110)],
  Stations: [width(80)],
  Offline: [width(70)],
  Faulted: [width(72)],
  Sessions: [width(82)],
  Suspicious: [width(95)],
  Revision: [width(80)],
  User: [width(90)],
  'Last week': [width(90)],
  'Without energy': [width(115)],
  Stop: [width(140)],
  Connector: [width(90)],
  Connection: [...pill(CONNECTIONS), width(105)],
  Outcome: [...pill(COMMAND_STATES), width(95)],
  Text: [{ id: 'custom.minWidth', value: 260 }, { id: 'custom.inspect', value: true }],
  Payload: [{ id: 'custom.minWidth', value: 200 }, { id: 'custom.inspect', value: true }],
  Started: [...unit('dateTimeAsIso'), width(165)],
  Ended: [...unit('dateTimeAsIso'), width(165)],
  Seen: [...unit('dateTimeFromNow'), width(130)],
  Time: [...unit('dateTimeAsIso'), width(165)],
  Since: [...unit('dateTimeAsIso'), width(165)],
  Session: [to('session'), width(95)],
  Type: [width(165)],
  Temperature: [...unit('celsius', 1), width(105)],
  'Rated power': [...unit('watt', 0), width(100)],
  Duration: [...unit('dthms'), width(90)],
  Idle: [...unit('dthms'), width(90)],
  Power: [...unit('watt', 1), width(88)],
  'Maximum power': [...unit('watt', 1), width(125)],
  'Grid limit': [...unit('watt', 0), width(88)],
  Energy: [...unit('watth', 2), width(100)],
  'Energy last week': [...unit('watth', 2), width(130)],
  Charge: [...unit('percentunit', 0), width(75)],
  Used: [...unit('percentunit', 0), width(65)],
  Cost: [...unit('locale', 2), width(100)],
  'Cost so far': [...unit('locale', 2), width(115)],
  Revenue: [...unit('locale', 2), width(110)],
  'Revenue last week': [...unit('locale', 2), width(155)],
  Currency: [width(80)],
  // Rare ones differ in the last digits.
  Score: [...unit('none', 4), width(80)],
  Severity: [...pill(SEVERITIES), width(90)],
  State: [...pill(STATION_STATES), width(105)],
  Status: [...pill(CONNECTOR_STATUSES), width(115)],
  Reason: [{ id: 'custom.minWidth', value: 300 }, { id: 'custom.inspect', value: true }],
};

/** A table whose columns are looked up by name; each of `columns` is in its query. */
export function tableOf(columns: string[], extra: Record<string, Property[]> = {}): table.PanelBuilder {
  const builder = new table.PanelBuilder()
    .unit('none')
    .align(common.FieldTextAlignment.Auto)
    .cellHeight(common.TableCellHeight.Sm)
    .filterable(false)
    .showHeader(true);
  for (const column of columns) {
    const properties = [...(COLUMNS[column] ?? []), ...(extra[column] ?? [])];
    if (properties.length) builder.overrideByName(column, properties);
  }
  return builder;
}

/** Colours a whole cell by its number. */
export function cellThresholds(base: string, ...steps: [number, string][]): Property[] {
  return [
    { id: 'custom.cellOptions', value: { type: 'color-text' } },
    {
      id: 'thresholds',
      value: {
        mode: 'absolute',
        steps: [{ value: null, color: base }, ...steps.map(([value, color]) => ({ value, color }))],
      },
    },
  ];
}
