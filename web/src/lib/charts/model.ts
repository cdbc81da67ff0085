/** What a chart is: how it is drawn in given colours, and the same as a table. Builders make it; they are pure. */
import type { EChartsCoreOption } from "echarts/core";

import type { Signal } from "$lib/ui/types";

/** Colours as ECharts understands them, read from the tokens of the theme. */
export interface Palette {
  ink: string;
  ink2: string;
  ink3: string;
  line: string;
  line2: string;
  surface: string;
  raised: string;
  land: string;
  accent: string;
  signals: Record<Signal, string>;
  series: readonly string[];
  font: string;
}

export interface ChartCell {
  /** Null where nothing was measured. */
  value: number | null;
  /** Where a click on it leads. */
  href?: string | undefined;
}

export interface ChartRow {
  /** The key of the server: a day, a code, a bucket's lower edge. */
  key: string;
  label: string;
  cells: Record<string, ChartCell>;
}

export interface ChartSeries {
  id: string;
  name: string;
}

export interface ChartTable {
  /** Over the labels of the rows: "Day", "Browser". */
  head: string;
  series: readonly ChartSeries[];
  rows: readonly ChartRow[];
  format: (value: number | null) => string;
  /** Name and unit of the columns in files, if it is not the series' names: "rtt_ms". */
  unit?: string | undefined;
  /** Values stand for words: files have the text. */
  words?: boolean;
}

export interface LegendItem {
  key: string;
  label: string;
  /** Finished text. */
  value: string;
  share: string;
  /** A custom property: `--series-1`. */
  colour: string;
  href?: string | undefined;
}

export interface ChartModel {
  /** `narrow`: there is little room for labels. */
  option: (palette: Palette, narrow?: boolean) => EChartsCoreOption;
  /** Made when it is asked for: with long lines it is large. */
  table: () => ChartTable;
  empty: boolean;
  /** Drawn beside the canvas as text. */
  legend?: readonly LegendItem[] | undefined;
  /** In a few words for those who do not see it: "31 days, 412 in all". */
  summary: string;
  /** Needs the outlines of the world. */
  map?: boolean | undefined;
  /** Height that its rows need, in rem. */
  height?: number | undefined;
}

/** The cell that was clicked: by row and series, however ECharts names them. */
export function cellAt(
  table: ChartTable,
  at: { index?: number | undefined; key?: string | undefined; series?: string | undefined },
): ChartCell | undefined {
  const row =
    at.key === undefined ? table.rows[at.index ?? -1] : table.rows.find((one) => one.key === at.key);
  if (!row) return undefined;
  return row.cells[at.series ?? ""] ?? row.cells[table.series[0]?.id ?? ""];
}

/** Rows for a file: the key, the label where it says more, a column for each series. */
export function fileRows(table: ChartTable): { header: string[]; rows: (string | number | null)[][] } {
  const labelled = table.rows.some((row) => row.label !== row.key);
  const told = (value: number | null): string | number | null =>
    table.words && value !== null ? table.format(value) : value;
  const name = (series: ChartSeries): string => (table.unit ? `${series.name} (${table.unit})` : series.name);
  return {
    header: [table.head, ...(labelled ? ["label"] : []), ...table.series.map(name)],
    rows: table.rows.map((row) => [
      row.key,
      ...(labelled ? [row.label] : []),
      ...table.series.map((series) => told(row.cells[series.id]?.value ?? null)),
    ]),
  };
}

/** Text for a tooltip, which ECharts takes for HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

const SERIES = 10;

export function seriesColour(at: number): string {
  return `--series-${(at % SERIES) + 1}`;
}

/** Lines of a tooltip: a head, and rows of a dot, a name and a figure. Everything is escaped here. */
export function tip(head: string, rows: readonly { colour?: string; name: string; value: string }[]): string {
  const lines = rows.map(
    ({ colour, name, value }) =>
      `<div class="chart-tip-row">${colour ? `<i style="background:${escapeHtml(colour)}"></i>` : ""}<span>${escapeHtml(name)}</span><b>${escapeHtml(value)}</b></div>`,
  );
  return `<div class="chart-tip"><div class="chart-tip-head">${escapeHtml(head)}</div>${lines.join("")}</div>`;
}
