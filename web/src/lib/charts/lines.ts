/** Lines over time: any number of points, thinned to what can be seen, to be zoomed and panned. */
import { clock, isNumber, type Maybe, NOTHING, time } from "$lib/format";
import type { Signal } from "$lib/ui/types";

import { legend, textStyle, tooltip, valueAxis } from "./base";
import { type ChartModel, type ChartRow, type Palette, tip } from "./model";
import { lonely, thinned } from "./thin";
import { hand } from "./together";

/** Milliseconds since 1970, and the value; null breaks the line. */
export type Point = readonly [number, number | null];

export interface Line {
  id: string;
  name: string;
  points: readonly Point[];
  signal?: Signal | undefined;
  /** Which of the series colours, from 0; else its place in the list. One person keeps one colour so. */
  colour?: number | undefined;
  dashed?: boolean | undefined;
}

export interface Span {
  from: number;
  to: number;
  name: string;
  signal?: Signal | undefined;
}

export interface Lines {
  lines: readonly Line[];
  format: (value: Maybe) => string;
  unit?: string | undefined;
  /** Both ends of the axis, so that charts below each other agree. */
  from?: number | undefined;
  to?: number | undefined;
  /** Wheel and drag; "slider" also shows a strip under it; with "key" the wheel needs Ctrl, and else scrolls the page. */
  zoom?: boolean | "slider" | "key";
  /** The part of the axis that is seen, in shares of it from 0 to 1; when absent, what somebody zoomed to stays. */
  part?: { start: number; end: number } | undefined;
  /** Values hold until the next one. */
  steps?: boolean;
  area?: boolean;
  min?: number | undefined;
  max?: number | undefined;
  /** Stretches behind the lines. */
  spans?: readonly Span[];
  legend?: boolean;
  /** The axis counts from here (0:00) instead of telling the time. */
  origin?: number | undefined;
  /** The only values that stand on the axis, as where there are a few of them by name. */
  ticks?: readonly number[] | undefined;
  /** Values stand for words: files tell what is formatted. */
  words?: boolean;
}

function colourOf(palette: Palette, line: Line, at: number): string {
  if (line.signal) return palette.signals[line.signal];
  return palette.series[(line.colour ?? at) % palette.series.length] ?? palette.accent;
}

/** All points of all lines by their times: one row for each. */
export function rowsOfLines(lines: readonly Line[]): ChartRow[] {
  const rows = new Map<number, ChartRow>();
  for (const line of lines) {
    for (const [at, value] of line.points) {
      let row = rows.get(at);
      if (!row) rows.set(at, (row = { key: String(at), label: new Date(at).toISOString(), cells: {} }));
      row.cells[line.id] = { value };
    }
  }
  return [...rows.values()].sort((a, b) => Number(a.key) - Number(b.key));
}

interface TipPoint {
  seriesIndex: number;
  seriesName: string;
  color: string;
  value: Point;
  axisValue: number;
}

const MOST_IN_TIP = 12;

function lineTip(input: Lines): (points: TipPoint[]) => string {
  return (points) => {
    const [first] = points;
    if (!first || hand.moving) return "";
    const told = points
      .filter(({ value }) => isNumber(value[1]))
      .sort((a, b) => (b.value[1] ?? 0) - (a.value[1] ?? 0));
    const rows = told.slice(0, MOST_IN_TIP).map(({ color, seriesName, value }) => ({
      colour: color,
      name: seriesName,
      value: input.format(value[1]),
    }));
    if (told.length > MOST_IN_TIP)
      rows.push({ colour: "", name: `and ${told.length - MOST_IN_TIP} more`, value: "" });
    const since = input.origin === undefined ? "" : `${clock((first.axisValue - input.origin) / 1000)} · `;
    return tip(`${since}${time(first.axisValue, "full")}`, rows);
  };
}

function zooms(input: Lines, palette: Palette): Record<string, unknown>[] {
  if (!input.zoom) return [];
  const seen = input.part ? { start: input.part.start * 100, end: input.part.end * 100 } : {};
  // Redrawn with each picture: the usual 100 ms stutter.
  const inside = {
    type: "inside",
    ...seen,
    throttle: 16,
    zoomOnMouseWheel: input.zoom === "key" ? "ctrl" : true,
    moveOnMouseMove: true,
    filterMode: "none",
  };
  if (input.zoom !== "slider") return [inside];
  return [
    inside,
    {
      type: "slider",
      ...seen,
      height: 18,
      bottom: 2,
      throttle: 16,
      filterMode: "none",
      borderColor: palette.line2,
      backgroundColor: "transparent",
      fillerColor: palette.line,
      dataBackground: { lineStyle: { color: palette.line2 }, areaStyle: { color: palette.line } },
      selectedDataBackground: { lineStyle: { color: palette.ink3 }, areaStyle: { color: palette.line2 } },
      handleStyle: { color: palette.raised, borderColor: palette.ink3 },
      moveHandleStyle: { color: palette.line2 },
      textStyle: textStyle(palette),
      labelFormatter: (at: number) => time(at, "clock"),
    },
  ];
}

function shades(spans: readonly Span[], palette: Palette): Record<string, unknown> {
  if (spans.length === 0) return {};
  return {
    markArea: {
      silent: true,
      animation: false,
      data: spans.map(({ from, to, name, signal }) => [
        {
          name,
          xAxis: from,
          itemStyle: { color: signal ? palette.signals[signal] : palette.ink3, opacity: 0.12 },
          label: { show: false },
        },
        { xAxis: to },
      ]),
    },
  };
}

/** Single samples, as dots of their line. The line tells of them: they are in no tip and follow no pointer. */
function dots(line: Line, alone: readonly Point[], color: string): Record<string, unknown>[] {
  if (alone.length === 0) return [];
  const [id, type] = [`${line.id}|dots`, "scatter"];
  return [
    { id, type, name: line.name, color, symbolSize: 5, silent: true, tooltip: { show: false }, data: alone },
  ];
}

function ticksAt(
  palette: Palette,
  format: (value: number) => string,
  ticks: readonly number[],
): Record<string, unknown> {
  return {
    axisTick: { show: false, customValues: ticks },
    axisLabel: {
      ...textStyle(palette),
      formatter: format,
      margin: 10,
      hideOverlap: true,
      customValues: ticks,
    },
  };
}

export function lines(input: Lines): ChartModel {
  const { lines: all, format, zoom = false, spans = [] } = input;
  const points = all.reduce((sum, line) => sum + line.points.length, 0);
  const told = (input.legend ?? all.length > 1) && all.length > 0;
  return {
    empty: !all.some((line) => line.points.some(([, value]) => isNumber(value))),
    summary: `${all.length} ${all.length === 1 ? "line" : "lines"}, ${points} points`,
    table: () => ({
      head: "time",
      series: all.map(({ id, name }) => ({ id, name })),
      rows: rowsOfLines(all),
      format: (value) => (value === null ? NOTHING : format(value)),
      unit: input.words ? undefined : input.unit,
      words: input.words ?? false,
    }),
    option: (palette) => ({
      animation: false,
      grid: {
        left: 0,
        right: 12,
        top: told ? 34 : 10,
        bottom: zoom === "slider" ? 30 : 0,
        containLabel: true,
      },
      legend: told ? legend(palette) : { show: false },
      tooltip: { ...tooltip(palette, "axis"), formatter: lineTip({ ...input, zoom }) },
      dataZoom: zooms(input, palette),
      xAxis: {
        type: "time",
        min: input.from,
        max: input.to,
        axisLine: { lineStyle: { color: palette.line2 } },
        axisTick: { show: false },
        splitLine: { show: false },
        axisLabel: {
          ...textStyle(palette),
          hideOverlap: true,
          margin: 10,
          ...(input.origin === undefined
            ? {}
            : { formatter: (at: number) => clock((at - (input.origin ?? 0)) / 1000) }),
        },
      },
      yAxis: {
        ...valueAxis(palette, format),
        min: input.min ?? 0,
        max: input.max,
        ...(input.ticks ? ticksAt(palette, format, input.ticks) : {}),
      },
      series: all.flatMap((line, at) => {
        const data = thinned(line.points);
        // Our own colour even when a line comes or goes before it.
        const color = colourOf(palette, line, at);
        const drawn = {
          id: line.id,
          name: line.name,
          type: "line",
          color,
          lineStyle: { width: 1.5, type: line.dashed ? "dashed" : "solid" },
          showSymbol: false,
          symbolSize: 4,
          step: input.steps ? "end" : false,
          connectNulls: false,
          emphasis: { disabled: all.length < 2, focus: "series", lineStyle: { width: 2 } },
          blur: { lineStyle: { opacity: 0.25 } },
          ...(input.area ? { areaStyle: { opacity: 0.1 } } : {}),
          ...(at === 0 ? shades(spans, palette) : {}),
          data,
        };
        return [drawn, ...dots(line, lonely(data), color)];
      }),
    }),
  };
}
