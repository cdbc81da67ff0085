/** Charts: a builder makes the model, `Chart` draws it. ECharts itself is loaded when the first one is drawn. */
export {
  type Bar,
  type Bars,
  donut,
  type Donut,
  histogram,
  OUTCOMES,
  ranking,
  stackedDays,
  type StackSeries,
} from "./bars";
export { default as Chart } from "./Chart.svelte";
export { type Line, lines, type Lines, type Point, type Span } from "./lines";
export { type Place, worldMap } from "./map";
export { type ChartModel, type ChartTable, type Palette, seriesColour } from "./model";
export { default as Sparkline } from "./Sparkline.svelte";

/**
 * Begins to load what draws, for pages of which charts are the most: it is there when their figures are. In an effect, when those have been
 * asked for: reading half a megabyte of program takes a tenth of a second in which nothing is asked.
 */
export function prepareCharts(): void {
  void import("./engine");
}
