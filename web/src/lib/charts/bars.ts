/** Bars: days with their outcomes, rankings, and distributions. */
import { compact, count, dayName, percent, type Maybe } from "$lib/format";
import { SIGNALS } from "$lib/ui/signals";
import type { Signal } from "$lib/ui/types";

import { categoryAxis, legend, tooltip, valueAxis } from "./base";
import { type ChartModel, type ChartRow, type Palette, seriesColour, tip } from "./model";

type Format = (value: Maybe) => string;

export interface StackSeries {
  /** As the hook names it: `successful`. */
  id: string;
  name: string;
  /** Its colour is the signal's, or the next one. */
  signal?: Signal | undefined;
}

export interface StackedDays {
  /** UTC days, oldest first, those without anything, too: see `daysOf` of $lib/url. */
  days: readonly string[];
  series: readonly StackSeries[];
  /** Nothing counts as 0. */
  value: (day: string, series: string) => number | undefined;
  href?: ((day: string, series: string) => string) | undefined;
  format?: Format;
}

function colourOf(palette: Palette, series: StackSeries, at: number): string {
  return series.signal
    ? palette.signals[series.signal]
    : (palette.series[at % palette.series.length] ?? palette.accent);
}

interface TipPoint {
  dataIndex: number;
  seriesIndex: number;
  color: string;
}

/** Stacked bars, one for each UTC day. */
export function stackedDays({ days, series, value, href, format = count }: StackedDays): ChartModel {
  const rows: ChartRow[] = days.map((day) => ({
    key: day,
    label: dayName(day, "full"),
    cells: Object.fromEntries(
      series.map(({ id }) => [id, { value: value(day, id) ?? 0, href: href?.(day, id) }]),
    ),
  }));
  const of = (row: ChartRow | undefined, id: string): number => row?.cells[id]?.value ?? 0;
  const total = rows.reduce((sum, row) => sum + series.reduce((part, { id }) => part + of(row, id), 0), 0);
  const head = "Day (UTC)";

  return {
    empty: total === 0,
    summary: `${days.length} days, ${format(total)} in all`,
    table: () => ({ head, series: series.map(({ id, name }) => ({ id, name })), rows, format }),
    option: (palette) => ({
      animation: false,
      grid: { left: 0, right: 4, top: series.length > 1 ? 34 : 8, bottom: 0, containLabel: true },
      legend: series.length > 1 ? legend(palette, { data: series.map(({ name }) => name) }) : { show: false },
      tooltip: {
        ...tooltip(palette, "axis"),
        axisPointer: { type: "shadow", shadowStyle: { color: palette.ink, opacity: 0.05 } },
        formatter: (points: TipPoint[]) => {
          const row = rows[points[0]?.dataIndex ?? -1];
          const lines = points.map((point) => {
            const one = series[point.seriesIndex];
            return { colour: point.color, name: one?.name ?? "", value: format(of(row, one?.id ?? "")) };
          });
          return row ? tip(`${row.label} UTC`, lines) : "";
        },
      },
      xAxis: categoryAxis(
        palette,
        days.map((day) => dayName(day)),
      ),
      yAxis: {
        ...valueAxis(palette, format === count ? compact : format),
        minInterval: format === count ? 1 : undefined,
      },
      series: series.map((one, at) => ({
        id: one.id,
        name: one.name,
        type: "bar",
        stack: "all",
        barCategoryGap: "28%",
        barMaxWidth: 34,
        color: colourOf(palette, one, at),
        itemStyle: { borderColor: palette.surface, borderWidth: 0.5 },
        emphasis: { focus: "series", blurScope: "coordinateSystem" },
        blur: { itemStyle: { opacity: 0.35 } },
        cursor: href ? "pointer" : "default",
        // A bar of no height would still have its border, across the axis.
        data: rows.map((row) => of(row, one.id) || null),
      })),
    }),
  };
}

/** The usual outcomes of conferences, as `stackedDays` wants them. */
export const OUTCOMES: readonly (StackSeries & { signal: Signal })[] = [
  { id: "successful", name: SIGNALS.success.word, signal: "success" },
  { id: "warnings", name: SIGNALS.warning.word, signal: "warning" },
  { id: "errors", name: SIGNALS.error.word, signal: "error" },
  { id: "ongoing", name: SIGNALS.ongoing.word, signal: "ongoing" },
];

export interface Bar {
  key: string;
  label: string;
  value: number | null;
  href?: string | undefined;
  signal?: Signal | undefined;
}

export interface Bars {
  bars: readonly Bar[];
  /** Over the labels in the table: "Issue". */
  head: string;
  /** Over the figures: "Conferences". */
  name: string;
  format?: Format;
  unit?: string | undefined;
  /** What the tip shows beside the figure. */
  share?: boolean;
}

function barTable({ bars, head, name, format = count, unit }: Bars): ReturnType<ChartModel["table"]> {
  return {
    head,
    unit,
    series: [{ id: "value", name }],
    rows: bars.map(({ key, label, value, href }) => ({ key, label, cells: { value: { value, href } } })),
    format,
  };
}

function totalOf(bars: readonly Bar[]): number {
  return bars.reduce((sum, { value }) => sum + (value ?? 0), 0);
}

function barTip(
  input: Bars,
  total: number,
): (point: { dataIndex: number } | { dataIndex: number }[]) => string {
  const { bars, name, format = count, share = true } = input;
  return (point) => {
    const one = bars[(Array.isArray(point) ? point[0] : point)?.dataIndex ?? -1];
    if (!one) return "";
    const rows = [{ name, value: format(one.value) }];
    if (share && total > 0) rows.push({ name: "Share", value: percent((one.value ?? 0) / total) });
    return tip(one.label, rows);
  };
}

/** Bars that lie, the first on top; each needs a line of height. */
export function ranking(input: Bars): ChartModel {
  const { bars, format = count } = input;
  const total = totalOf(bars);
  return {
    empty: bars.length === 0,
    summary: bars[0] ? `${bars.length} rows; most: ${bars[0].label}, ${format(bars[0].value)}` : "nothing",
    height: Math.max(6, bars.length * 1.9 + 0.5),
    table: () => barTable(input),
    option: (palette, narrow = false) => ({
      animation: false,
      grid: { left: 0, right: 48, top: 0, bottom: 0, containLabel: true },
      tooltip: { ...tooltip(palette, "item"), formatter: barTip(input, total) },
      xAxis: { type: "value", show: false },
      yAxis: {
        ...categoryAxis(
          palette,
          bars.map(({ label }) => label),
        ),
        inverse: true,
        axisLine: { show: false },
        axisLabel: {
          color: palette.ink2,
          fontFamily: palette.font,
          fontSize: 12,
          lineHeight: 13,
          // Long names take two lines; short ones leave the room to the bars.
          width: Math.min(narrow ? 118 : 190, Math.max(...bars.map(({ label }) => label.length), 1) * 7),
          overflow: "break",
          interval: 0,
        },
      },
      series: [
        {
          id: "value",
          type: "bar",
          barMaxWidth: 14,
          barCategoryGap: "36%",
          color: palette.series[0],
          itemStyle: { borderRadius: 3 },
          cursor: bars.some(({ href }) => href) ? "pointer" : "default",
          label: {
            show: true,
            position: "right",
            color: palette.ink2,
            fontFamily: palette.font,
            fontSize: 12,
            formatter: ({ dataIndex }: { dataIndex: number }) => format(bars[dataIndex]?.value),
          },
          data: bars.map(({ value, signal }) => ({
            value,
            ...(signal ? { itemStyle: { color: palette.signals[signal] } } : {}),
          })),
        },
      ],
    }),
  };
}

/** Standing bars, one for each bucket of a distribution. */
export function histogram(input: Bars): ChartModel {
  const { bars, format = count } = input;
  const total = totalOf(bars);
  return {
    empty: total === 0,
    summary: `${bars.length} buckets, ${format(total)} in all`,
    table: () => barTable(input),
    option: (palette) => ({
      animation: false,
      grid: { left: 0, right: 4, top: 8, bottom: 0, containLabel: true },
      tooltip: {
        ...tooltip(palette, "axis"),
        axisPointer: { type: "shadow", shadowStyle: { color: palette.ink, opacity: 0.05 } },
        formatter: barTip(input, total),
      },
      xAxis: categoryAxis(
        palette,
        bars.map(({ label }) => label),
      ),
      yAxis: {
        ...valueAxis(palette, format === count ? compact : format),
        minInterval: format === count ? 1 : undefined,
      },
      series: [
        {
          id: "value",
          type: "bar",
          barCategoryGap: "14%",
          color: palette.series[0],
          itemStyle: { borderRadius: [2, 2, 0, 0] },
          cursor: bars.some(({ href }) => href) ? "pointer" : "default",
          data: bars.map(({ value, signal }) => ({
            value,
            ...(signal ? { itemStyle: { color: palette.signals[signal] } } : {}),
          })),
        },
      ],
    }),
  };
}

export interface Donut extends Bars {
  /** Slices beyond these are one, "Other". */
  most?: number;
  /** In the middle, under the total. */
  middle?: string;
}

function middleLabel(palette: Palette, total: string, middle: string | undefined): Record<string, unknown> {
  const big = { color: palette.ink, fontFamily: palette.font, fontSize: 17, fontWeight: 600 };
  return {
    show: true,
    position: "center",
    formatter: middle === undefined ? total : `{n|${total}}\n{m|${middle}}`,
    ...big,
    rich: {
      n: { ...big, lineHeight: 22 },
      m: { fontSize: 11, fontWeight: 400, color: palette.ink3, fontFamily: palette.font },
    },
  };
}

/** Shares of a whole. What each is stands beside it as text. */
export function donut(input: Donut): ChartModel {
  const { format = count, most = 7, middle } = input;
  const bars = input.bars.filter(({ value }) => (value ?? 0) > 0);
  const total = totalOf(bars);
  const shown = bars.length > most ? bars.slice(0, most - 1) : bars;
  const rest = bars.slice(shown.length);
  const slices: Bar[] = [...shown];
  if (rest.length > 0) slices.push({ key: "other", label: `Other (${rest.length})`, value: totalOf(rest) });
  const colour = (one: Bar, at: number): string =>
    one.signal ? SIGNALS[one.signal].colour : one.key === "other" ? "--series-10" : seriesColour(at);

  return {
    empty: total === 0,
    summary: `${bars.length} shares of ${format(total)}`,
    table: () => barTable({ ...input, bars }),
    legend: slices.map((one, at) => ({
      key: one.key,
      label: one.label,
      value: format(one.value),
      share: percent((one.value ?? 0) / total),
      colour: colour(one, at),
      href: one.href,
    })),
    option: (palette) => ({
      animation: false,
      tooltip: { ...tooltip(palette, "item"), formatter: barTip({ ...input, bars: slices }, total) },
      series: [
        {
          id: "value",
          type: "pie",
          radius: ["62%", "92%"],
          center: ["50%", "50%"],
          minAngle: 2,
          // In the middle, once: every slice would write it again.
          label: { show: false },
          emphasis: { scale: false },
          itemStyle: { borderColor: palette.surface, borderWidth: 1.5 },
          cursor: slices.some(({ href }) => href) ? "pointer" : "default",
          data: slices.map((one, at) => ({
            ...(at === 0 ? { label: middleLabel(palette, format(total), middle) } : {}),
            name: one.label,
            key: one.key,
            value: one.value ?? 0,
            itemStyle: {
              color: one.signal
                ? palette.signals[one.signal]
                : one.key === "other"
                  ? palette.series[9]
                  : palette.series[at % palette.series.length],
            },
          })),
        },
      ],
    }),
  };
}
