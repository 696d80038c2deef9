// Panels as they look on every board, without place and query.
import * as barchart from '@grafana/grafana-foundation-sdk/barchart';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { numberWords, thresholds, wordColours } from './look.js';

export const lastValue = () => new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']);
/** Each row of an answer is a value of its own. */
export const eachRow = (limit = 8) => new common.ReduceDataOptionsBuilder().values(true).limit(limit).calcs(['lastNotNull']);

/** One number, in the colour of text: colours mean states. */
export function number(unit = 'short'): stat.PanelBuilder {
  return new stat.PanelBuilder()
    .unit(unit)
    .thresholds(thresholds('text'))
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.None)
    .reduceOptions(lastValue());
}

/** A word, coloured by what it says. */
export function word(colours: Record<string, string>): stat.PanelBuilder {
  return number('none')
    .mappings(wordColours(colours))
    .reduceOptions(lastValue().fields('/.*/'));
}

/** Some numbers by name, one under the other: money by currency, for example. */
export function named(unit: string, limit = 6): stat.PanelBuilder {
  return number(unit)
    .textMode(common.BigValueTextMode.ValueAndName)
    .orientation(common.VizOrientation.Horizontal)
    .text(new common.VizTextDisplayOptionsBuilder().titleSize(13).valueSize(16))
    .reduceOptions(eachRow(limit));
}

export function legend(calcs: string[] = [], wide = false): common.VizLegendOptionsBuilder {
  return new common.VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(wide ? common.LegendDisplayMode.Table : common.LegendDisplayMode.List)
    .placement(wide ? common.LegendPlacement.Right : common.LegendPlacement.Bottom)
    .calcs(calcs);
}

const tooltip = () => new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending);
const stacked = () => new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A');

/** Lines over time. `wide`: many series, listed beside. */
export function lines(unit: string, wide = false): timeseries.PanelBuilder {
  return new timeseries.PanelBuilder()
    .unit(unit)
    .lineWidth(1)
    .fillOpacity(10)
    .showPoints(common.VisibilityMode.Auto)
    .legend(legend(wide ? ['lastNotNull'] : [], wide))
    .tooltip(tooltip());
}

/** Areas over time, one on the other. */
export function areas(unit: string): timeseries.PanelBuilder {
  return lines(unit).min(0).fillOpacity(35).stacking(stacked());
}

/** Bars over time, one on the other; `interval` is the least width of a bar. */
export function columns(unit: string, interval: string, calcs: string[] = ['sum']): timeseries.PanelBuilder {
  return new timeseries.PanelBuilder()
    .unit(unit)
    .min(0)
    .interval(interval)
    .drawStyle(common.GraphDrawStyle.Bars)
    .fillOpacity(75)
    .lineWidth(0)
    .stacking(stacked())
    .legend(legend(calcs))
    .tooltip(tooltip());
}

/** Bars by name: the first text column is the name. */
export function bars(unit: string, x: string, color: string): barchart.PanelBuilder {
  return new barchart.PanelBuilder()
    .unit(unit)
    .min(0)
    .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Fixed).fixedColor(color))
    .xField(x)
    .showValue(common.VisibilityMode.Never)
    .xTickLabelSpacing(60)
    .legend(new common.VizLegendOptionsBuilder().showLegend(false).displayMode(common.LegendDisplayMode.List).placement(common.LegendPlacement.Bottom).calcs([]));
}

/** States over time, a row for each series. The query gives `stateCode` of the same states, and the label `row`. */
export function timeline(colours: Record<string, string>, row: string): statetimeline.PanelBuilder {
  return new statetimeline.PanelBuilder()
    .unit('none')
    .mappings(numberWords(Object.fromEntries(Object.entries(colours).map(([state, colour], code) => [code, [state, colour]]))))
    .thresholds(thresholds('text'))
    .mergeValues(true)
    .showValue(common.VisibilityMode.Auto)
    .rowHeight(0.8)
    .fillOpacity(80)
    .lineWidth(0)
    .displayName(label(row))
    .legend(new common.VizLegendOptionsBuilder().showLegend(false).displayMode(common.LegendDisplayMode.List).placement(common.LegendPlacement.Bottom).calcs([]));
}

/** A state as the number by which `timeline` knows it: the first of `colours` is 0. */
export function stateCode(colours: Record<string, string>, column: string): string {
  const cases = Object.keys(colours).map((state, code) => `WHEN '${state}' THEN ${code}`);
  return `CASE ${column} ${cases.join(' ')} ELSE ${cases.length - 1} END`;
}

/** The name of a series of an SQL answer: its labels, without the name of the value. */
export const label = (...names: string[]): string => names.map((name) => `\${__field.labels.${name}}`).join(' ');
