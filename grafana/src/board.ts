// What all boards have in common: variables, links, annotations, and how a panel is placed and described.
import * as cog from '@grafana/grafana-foundation-sdk/cog';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as table from '@grafana/grafana-foundation-sdk/table';
import { PROM, QDB, rows } from './query.js';

/** What every panel says. `noValue` tells "nothing there" from "0"; in tables it stands in empty cells. */
export interface Place {
  id: number;
  title: string;
  /** What it means and what to do. */
  description: string;
  /** Columns 0 to 23, rows, width, height. */
  at: [x: number, y: number, w: number, h: number];
  noValue?: string;
}

interface Placeable extends cog.Builder<dashboard.Panel> {
  id(id: number): this;
  title(title: string): this;
  description(description: string): this;
  gridPos(at: dashboard.GridPos): this;
  noValue(text: string): this;
}

export function place<P extends Placeable>(panel: P, { id, title, description, at, noValue }: Place): P {
  const [x, y, w, h] = at;
  const isTable = panel instanceof table.PanelBuilder;
  // A table shows noValue in each empty cell: what it means that there is no row is told beside.
  const told = isTable && noValue ? `${description} Empty: ${noValue}.` : description;
  return panel.id(id).title(title).description(told).gridPos({ x, y, w, h }).noValue(isTable ? '–' : (noValue ?? 'no data'));
}

/** A heading over the panels below it. */
export function heading(id: number, title: string, y: number): dashboard.RowBuilder {
  return new dashboard.RowBuilder(title).id(id).gridPos({ x: 0, y, w: 24, h: 1 });
}

export interface Board {
  uid: string;
  title: string;
  description: string;
  /** Goes up with each change that a user would notice. */
  version: number;
  from: string;
  /** Whether it can be narrowed to some sites: the variable `site`. */
  site: boolean;
}

/** The variable `station`, one of the chosen sites' if the board has sites. */
export function station(builder: dashboard.DashboardBuilder, site: boolean): dashboard.DashboardBuilder {
  return builder.withVariable(
    new dashboard.QueryVariableBuilder('station')
      .label('Station')
      .datasource(PROM)
      .query({ query: `label_values(ampwarden_station_connected${site ? '{site=~"$site"}' : ''}, station)`, refId: 'station' })
      .refresh(dashboard.VariableRefresh.OnDashboardLoad)
      .sort(dashboard.VariableSort.AlphabeticalAsc),
  );
}

/** A variable whose values are the first column of an SQL answer. */
export function choice(builder: dashboard.DashboardBuilder, name: string, label: string, sql: string, all: boolean): dashboard.DashboardBuilder {
  const variable = new dashboard.QueryVariableBuilder(name).label(label).datasource(QDB).query(sql.replace(/\s+/g, ' ').trim());
  return builder.withVariable(
    all
      ? variable.refresh(dashboard.VariableRefresh.OnTimeRangeChanged).multi(true).includeAll(true).current({ text: ['All'], value: ['$__all'] })
      : variable.refresh(dashboard.VariableRefresh.OnDashboardLoad),
  );
}

export function board({ uid, title, description, version, from, site }: Board): dashboard.DashboardBuilder {
  const builder = new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .version(version)
    .tags(['ampwarden'])
    .timezone('browser')
    .readonly()
    .refresh('5s')
    .time({ from, to: 'now' })
    .timepicker(
      new dashboard.TimePickerBuilder().refreshIntervals(['2s', '5s', '10s', '30s', '1m', '5m', '15m']),
    )
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .link(
      new dashboard.DashboardLinkBuilder('Ampwarden')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags(['ampwarden'])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true)
        .icon('external link')
        .tooltip('The other boards, with this time range and site'),
    )
    .annotation(
      new dashboard.AnnotationQueryBuilder()
        .name('Critical alerts')
        .datasource(PROM)
        .enable(true)
        .hide(false)
        .iconColor('red')
        .target(rows('ALERTS{alertstate="firing", severity="critical"}', 'Anno'))
        .expr('ALERTS{alertstate="firing", severity="critical"}')
        .step('15s')
        .titleFormat('{{alertname}}')
        .textFormat('{{site}} {{station}} {{instance}}'),
    )
    .withVariable(
      new dashboard.DatasourceVariableBuilder('datasource')
        .label('Prometheus')
        .type('prometheus')
        .current({ text: 'Prometheus', value: 'prometheus' }),
    )
    .withVariable(
      new dashboard.DatasourceVariableBuilder('questdb')
        .label('QuestDB')
        .type('questdb-questdb-datasource')
        .current({ text: 'QuestDB', value: 'questdb' }),
    );
  return site
    ? builder.withVariable(
        new dashboard.QueryVariableBuilder('site')
          .label('Site')
          .datasource(PROM)
          .query({ query: 'label_values(ampwarden_stations, site)', refId: 'site' })
          .multi(true)
          .includeAll(true)
          .allValue('.*')
          .current({ text: ['All'], value: ['$__all'] })
          .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
          .sort(dashboard.VariableSort.AlphabeticalAsc),
      )
    : builder;
}
