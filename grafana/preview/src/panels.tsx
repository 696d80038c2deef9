import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import {
  DataFrame,
  Field,
  FieldDisplay,
  FieldType,
  formattedValueToString,
  getDisplayValueAlignmentFactors,
  getFieldDisplayName,
  getFieldDisplayValues,
  getFieldSeriesColor,
  VizOrientation,
} from '@grafana/data';
import { AxisPlacement, LegendDisplayMode, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import {
  BarGauge,
  BigValue,
  TimeSeries,
  UPlotChart,
  UPlotConfigBuilder,
  VizLegend,
  VizLayout,
  VizRepeater,
} from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import OlMap from 'ol/Map';
import View from 'ol/View';
import VectorLayer from 'ol/layer/Vector';
import VectorSource from 'ol/source/Vector';
import Feature from 'ol/Feature';
import Point from 'ol/geom/Point';
import { fromLonLat } from 'ol/proj';
import { Circle, Fill, Stroke, Style } from 'ol/style';
import Graticule from 'ol/layer/Graticule';
import { interpolate, Json, PanelResult, theme, timeZone } from './fields';
import { Context } from './queries';

export interface P {
  panel: Json;
  res: PanelResult;
  width: number;
  height: number;
  context: Context;
}
const LEGEND = { displayMode: LegendDisplayMode.List, placement: 'bottom', showLegend: true, calcs: [] };
const nums = (f: DataFrame) => f.fields.filter((x) => x.type === FieldType.number);
const str = (f: Field, v: any) => formattedValueToString(f.display!(v));
const displays = ({ panel, res, context }: P, sparkline = false): FieldDisplay[] =>
  getFieldDisplayValues({
    fieldConfig: res.fieldConfig,
    reduceOptions: { values: false, calcs: ['lastNotNull'], fields: '', ...panel.options?.reduceOptions },
    replaceVariables: (s, sv) => interpolate(s, context.variables, sv),
    theme,
    data: res.frames,
    sparkline,
    timeZone,
    percentChange: panel.options?.showPercentChange,
  });

// ---------- exported parts ----------
const orient = (o: Json, w: number, h: number) =>
  o && o !== 'auto' ? o : w > h ? VizOrientation.Vertical : VizOrientation.Horizontal;
function Stat(p: P) {
  const o = p.panel.options ?? {},
    spark = (o.graphMode ?? 'area') !== 'none';
  return (
    <VizRepeater
      getValues={() => displays(p, spark)}
      source={p.res}
      renderCounter={0}
      width={p.width}
      height={p.height}
      itemSpacing={3}
      autoGrid
      orientation={o.orientation ?? VizOrientation.Auto}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value: v, width, height, alignmentFactors, count }) => {
        if (v.sparkline) v.sparkline.timeRange = p.res.range;
        return (
          <BigValue
            value={v.display}
            count={count}
            sparkline={v.sparkline}
            colorMode={o.colorMode ?? 'value'}
            graphMode={o.graphMode ?? 'area'}
            justifyMode={o.justifyMode}
            textMode={
              (o.textMode ?? 'auto') === 'auto' && (p.res.fieldConfig.defaults.displayName || !p.panel.title)
                ? ('value_and_name' as Json)
                : (o.textMode ?? 'auto')
            }
            text={o.text}
            alignmentFactors={alignmentFactors}
            width={width}
            height={height}
            theme={theme}
          />
        );
      }}
    />
  );
}
function BarGaugePanel(p: P) {
  const o = p.panel.options ?? {};
  return (
    <VizRepeater
      getValues={() => displays(p)}
      source={p.res}
      renderCounter={0}
      width={p.width}
      height={p.height}
      itemSpacing={10}
      minVizHeight={16}
      minVizWidth={8}
      orientation={orient(o.orientation, p.width, p.height)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value: v, width, height, orientation, alignmentFactors }) => (
        <BarGauge
          value={v.display}
          width={width}
          height={height}
          orientation={orientation}
          field={v.field}
          text={o.text}
          display={v.view?.getFieldDisplayProcessor?.(v.colIndex!)}
          theme={theme}
          itemSpacing={10}
          alignmentFactors={alignmentFactors}
          displayMode={o.displayMode ?? 'gradient'}
          showUnfilled={o.showUnfilled ?? true}
          valueDisplayMode={o.valueMode}
          namePlacement={o.namePlacement}
        />
      )}
    />
  );
}
function TimeSeriesPanel({ panel, res, width, height }: P) {
  const frames = useMemo(
    () =>
      res.frames
        .filter((f) => f.fields.some((x) => x.type === FieldType.time) && nums(f).length)
        .map((f) => ({
          ...f,
          fields: f.fields.filter((x) => x.type === FieldType.time || x.type === FieldType.number),
        })),
    [res],
  );
  return (
    <TimeSeries
      frames={frames}
      structureRev={1}
      width={width}
      height={height}
      timeRange={res.range}
      timeZone={timeZone}
      legend={{ ...LEGEND, ...panel.options?.legend }}
      options={panel.options}
    />
  );
}
function TablePanel({ panel, res, width, height }: P) {
  return (
    <TableNG
      data={res.frames[0]}
      width={width}
      height={height}
      fieldConfig={res.fieldConfig}
      timeRange={res.range}
      structureRev={1}
      cellHeight={panel.options?.cellHeight}
      noHeader={panel.options?.showHeader === false}
      sortBy={panel.options?.sortBy}
      enableVirtualization={false}
    />
  );
}
// ---------- own drawing ----------
/** uPlot frame with Grafana's axes; `draw` paints the marks. */
function Chart({
  width,
  height,
  x,
  y,
  data,
  draw,
}: {
  width: number;
  height: number;
  x: Json;
  y: Json;
  data: Json;
  draw: (u: uPlot) => void;
}) {
  const cfg = useMemo(() => {
    const b = new UPlotConfigBuilder(timeZone);
    b.addScale({
      scaleKey: 'x',
      orientation: ScaleOrientation.Horizontal,
      direction: ScaleDirection.Right,
      isTime: !!x.isTime,
      range: () => x.range,
    });
    b.addScale({
      scaleKey: 'y',
      orientation: ScaleOrientation.Vertical,
      direction: ScaleDirection.Up,
      range: () => y.range,
    });
    b.addAxis({
      scaleKey: 'x',
      placement: AxisPlacement.Bottom,
      isTime: !!x.isTime,
      timeZone,
      theme,
      splits: x.splits && (() => x.splits),
      values: x.values && (() => x.values),
      grid: { show: !!x.isTime },
    });
    b.addAxis({
      scaleKey: 'y',
      placement: AxisPlacement.Left,
      theme,
      splits: y.splits && (() => y.splits),
      values: y.values && (() => y.values),
      formatValue: y.format,
      grid: { show: !y.splits },
    });
    b.addSeries({
      scaleKey: 'y',
      theme,
      pathBuilder: () => null,
      pointsBuilder: () => undefined as Json,
      show: true,
    });
    b.addHook('draw', (u) => {
      const c = u.ctx;
      c.save();
      c.beginPath();
      c.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
      c.clip();
      draw(u);
      c.restore();
    });
    return b;
  }, [width, height]);
  return <UPlotChart config={cfg} width={width} height={height} data={data} />;
}
const legendOf = (items: { label: string; color?: string }[], o: Json) =>
  o?.showLegend === false ? null : (
    <VizLayout.Legend placement={o?.placement ?? 'bottom'}>
      <VizLegend
        placement={o?.placement ?? 'bottom'}
        displayMode={LegendDisplayMode.List}
        items={items.map((i) => ({ ...i, yAxis: 1 }))}
      />
    </VizLayout.Legend>
  );
function BarChartPanel({ panel, res, width, height }: P) {
  const f = res.frames[0],
    xf =
      f.fields.find((x) => x.name === panel.options?.xField) ??
      f.fields.find((x) => x.type === FieldType.string || x.type === FieldType.time)!;
  const ys = nums(f),
    n = f.length,
    max = Math.max(...ys.flatMap((y) => y.values)) * 1.1,
    idx = Array.from({ length: n }, (_, i) => i);
  return (
    <VizLayout
      width={width}
      height={height}
      legend={legendOf(
        ys.map((y) => ({ label: getFieldDisplayName(y, f), color: getFieldSeriesColor(y, theme).color })),
        panel.options?.legend,
      )}
    >
      {(w, h) => (
        <Chart
          width={w}
          height={h}
          data={[idx, ys[0].values]}
          x={{ range: [-0.5, n - 0.5], splits: idx, values: idx.map((i) => str(xf, xf.values[i])) }}
          y={{ range: [0, max], format: (v: number) => str(ys[0], v) }}
          draw={(u) =>
            ys.forEach((y, k) =>
              idx.forEach((i) => {
                const bw = (panel.options?.barWidth ?? 0.8) / ys.length,
                  l = u.valToPos(i - (bw * ys.length) / 2 + k * bw, 'x', true),
                  r = u.valToPos(i - (bw * ys.length) / 2 + (k + 0.95) * bw, 'x', true);
                const t = u.valToPos(y.values[i] ?? 0, 'y', true),
                  z = u.valToPos(0, 'y', true);
                u.ctx.fillStyle = y.config.color?.mode?.startsWith('palette')
                  ? getFieldSeriesColor(y, theme).color
                  : y.display!(y.values[i]).color!;
                u.ctx.globalAlpha = (y.config.custom?.fillOpacity ?? 80) / 100;
                u.ctx.fillRect(l, t, r - l, z - t);
              }),
            )
          }
        />
      )}
    </VizLayout>
  );
}
function StateTimeline({ panel, res, width, height }: P) {
  const rows = res.frames.flatMap((f) => {
    const t = f.fields.find((x) => x.type === FieldType.time);
    return t
      ? f.fields.filter((x) => x !== t).map((y) => ({ t, y, name: getFieldDisplayName(y, f, res.frames) }))
      : [];
  });
  const from = res.range.from.valueOf(),
    to = res.range.to.valueOf(),
    n = rows.length,
    frac = panel.type === 'status-history' ? 0.9 : (panel.options?.rowHeight ?? 0.9);
  return (
    <Chart
      width={width}
      height={height}
      data={[
        [from, to],
        [0, n],
      ]}
      x={{ range: [from, to], isTime: true }}
      y={{ range: [0, n], splits: rows.map((_, i) => n - i - 0.5), values: rows.map((r) => r.name) }}
      draw={(u) =>
        rows.forEach(({ t, y }, i) => {
          for (let k = 0; k < t.values.length;) {
            let e = k + 1;
            while (e < t.values.length && y.values[e] === y.values[k]) e++;
            if (y.values[k] != null) {
              const d = y.display!(y.values[k]),
                l = u.valToPos(t.values[k], 'x', true),
                r = u.valToPos(t.values[e] ?? to, 'x', true);
              const top = u.valToPos(n - i - 0.5 + frac / 2, 'y', true),
                bot = u.valToPos(n - i - 0.5 - frac / 2, 'y', true);
              u.ctx.globalAlpha = (y.config.custom?.fillOpacity ?? 70) / 100;
              u.ctx.fillStyle = d.color!;
              u.ctx.fillRect(l, top, Math.max(1, r - l), bot - top);
              u.ctx.globalAlpha = 1;
              const s = formattedValueToString(d);
              u.ctx.font = `${12 * devicePixelRatio}px Inter`;
              if (panel.options?.showValue !== 'never' && u.ctx.measureText(s).width + 8 < r - l) {
                u.ctx.fillStyle = theme.colors.text.primary;
                u.ctx.textAlign = 'left';
                u.ctx.textBaseline = 'middle';
                u.ctx.fillText(s, l + 4, (top + bot) / 2);
              }
            }
            k = e;
          }
        })
      }
    />
  );
}
function Geomap({ panel, res, width, height }: P) {
  const ref = useRef<HTMLDivElement>(null),
    f = res.frames[0],
    by = (re: RegExp) => f.fields.find((x) => re.test(x.name));
  useEffect(() => {
    const lat = by(/^lat/i)!,
      lon = by(/^lon|^lng/i)!,
      val = f.fields.find((x) => x.name === panel.options?.layers?.[0]?.config?.style?.color?.field),
      src = new VectorSource();
    for (let i = 0; i < f.length; i++) {
      const ft = new Feature(new Point(fromLonLat([lon.values[i], lat.values[i]])));
      const c = val ? val.display!(val.values[i]).color! : theme.visualization.getColorByName('green');
      ft.setStyle(
        new Style({
          image: new Circle({
            radius: 5,
            fill: new Fill({ color: c + 'aa' }),
            stroke: new Stroke({ color: c, width: 1 }),
          }),
        }),
      );
      src.addFeature(ft);
    }
    const m = new OlMap({
      target: ref.current!,
      controls: [],
      view: new View({ center: [0, 0], zoom: 1 }),
      layers: [
        // basemap tiles need the internet: graticule instead
        new Graticule({
          showLabels: true,
          strokeStyle: new Stroke({ color: '#8886', width: 1 }),
          lonLabelStyle: undefined,
        }),
        new VectorLayer({ source: src }),
      ],
    });
    m.getView().fit(src.getExtent()!, { padding: [20, 20, 20, 20], size: [width, height] });
    return () => m.setTarget(undefined);
  }, []);
  return <div ref={ref} style={{ width, height, background: theme.colors.background.secondary }} />;
}
/** Panels by type: those that the boards use. */
export const PANELS: Record<string, (p: P) => Json> = {
  stat: Stat,
  timeseries: TimeSeriesPanel,
  bargauge: BarGaugePanel,
  table: TablePanel,
  barchart: BarChartPanel,
  'state-timeline': StateTimeline,
  geomap: Geomap,
};
/** These show `noValue` themselves when there is nothing. */
export const SAYS_NOTHING_ITSELF = new Set(['stat', 'bargauge']);
