/** Several flows as one line: by the times of their reports where they share them, else over steps of equal length. */
import type { Point } from "$lib/charts";

import type { Flow } from "./flows";

/** How flows at the same time become one value. `union`: values are sets of bits. */
export type How = "sum" | "mean" | "max" | "union";
/** The value of a point of a flow; NaN where there is none. */
export type Pick = (flow: Flow, at: number) => number;

const MINUTE = 60_000;
const MOST_STEPS = 20_000;

/** Flows of one connection have the same times, and so has everything that comes in minutes. */
function sharesTimes(flows: readonly Flow[]): boolean {
  const [first] = flows;
  if (!first) return true;
  if (flows.every((flow) => flow.connection === first.connection)) return true;
  return flows.every((flow) => flow.to.every((at) => at % MINUTE === 0));
}

/** The usual length of a point, in whole seconds; one minute when there are none. */
export function usualStep(flows: readonly Flow[]): number {
  const lengths: number[] = [];
  for (const flow of flows) {
    const every = Math.max(1, Math.floor(flow.to.length / 50));
    for (let at = 0; at < flow.to.length; at += every)
      lengths.push((flow.to[at] ?? 0) - (flow.from[at] ?? 0));
  }
  lengths.sort((a, b) => a - b);
  const middle = lengths[lengths.length >> 1] ?? MINUTE;
  return Math.max(1, Math.round(middle / 1_000)) * 1_000;
}

/** Values by time, one flow after the other. */
class Sums {
  readonly value: Float64Array;
  readonly count: Uint16Array;
  constructor(
    size: number,
    private readonly how: How,
  ) {
    this.value = new Float64Array(size);
    this.count = new Uint16Array(size);
  }

  add(at: number, value: number): void {
    const old = this.value[at] ?? 0;
    const first = this.count[at] === 0;
    if (this.how === "max") this.value[at] = first ? value : Math.max(old, value);
    else if (this.how === "union") this.value[at] = old | value;
    else this.value[at] = old + value;
    this.count[at] = (this.count[at] ?? 0) + 1;
  }

  at(at: number): number | null {
    const count = this.count[at] ?? 0;
    if (count === 0) return null;
    const value = this.value[at] ?? 0;
    return this.how === "mean" ? value / count : value;
  }
}

/** Points with one break between those that do not meet. */
class Drawn {
  readonly points: Point[] = [];
  private open = false;

  add(from: number, to: number, value: number | null, slack: number): void {
    const last = this.points.at(-1);
    if (value === null) {
      this.end(to);
      return;
    }
    if (last && this.open && from - last[0] > slack) this.end(last[0] + 1);
    this.points.push([to, value]);
    this.open = true;
  }

  private end(at: number): void {
    if (this.open) this.points.push([at, null]);
    this.open = false;
  }
}

function byReports(flows: readonly Flow[], how: How, pick: Pick, step: number): Point[] {
  const starts = new Map<number, number>();
  for (const flow of flows)
    for (let at = 0; at < flow.to.length; at += 1) starts.set(flow.to[at] ?? 0, flow.from[at] ?? 0);
  const times = Float64Array.from(starts.keys()).sort();
  const place = new Map<number, number>();
  times.forEach((time, at) => place.set(time, at));
  const sums = new Sums(times.length, how);
  for (const flow of flows)
    flow.to.forEach((to, at) => {
      const value = pick(flow, at);
      if (!Number.isNaN(value)) sums.add(place.get(to) ?? 0, value);
    });
  const drawn = new Drawn();
  times.forEach((time, at) => {
    drawn.add(starts.get(time) ?? time, time, sums.at(at), step / 2);
  });
  return drawn.points;
}

interface Grid {
  origin: number;
  step: number;
  size: number;
}

function gridOf(flows: readonly Flow[], usual: number): Grid {
  let [low, high] = [Infinity, -Infinity];
  for (const flow of flows) {
    low = Math.min(low, flow.from[0] ?? Infinity);
    high = Math.max(high, flow.to.at(-1) ?? -Infinity);
  }
  const step = Math.max(usual, Math.ceil((high - low) / MOST_STEPS / 1_000) * 1_000);
  const origin = Math.floor(low / step) * step;
  return { origin, step, size: Math.max(0, Math.ceil((high - origin) / step)) };
}

/** Every step that a time of a flow touches, with how much of it. */
function eachStep(
  { origin, step, size }: Grid,
  from: number,
  to: number,
  act: (into: number, part: number) => void,
): void {
  const last = Math.min(size - 1, Math.ceil((to - origin) / step) - 1);
  for (let into = Math.max(0, Math.floor((from - origin) / step)); into <= last; into += 1) {
    const begin = origin + into * step;
    act(into, Math.min(to, begin + step) - Math.max(from, begin));
  }
}

/** One flow shared out to the steps, to each the mean of the time in it. */
function shareMeans(flow: Flow, pick: Pick, grid: Grid, sums: Sums): void {
  const value = new Float64Array(grid.size);
  const weight = new Float64Array(grid.size);
  flow.to.forEach((to, at) => {
    const one = pick(flow, at);
    if (Number.isNaN(one)) return;
    eachStep(grid, flow.from[at] ?? 0, to, (into, part) => {
      value[into] = (value[into] ?? 0) + one * part;
      weight[into] = (weight[into] ?? 0) + part;
    });
  });
  weight.forEach((part, into) => {
    if (part > 0) sums.add(into, (value[into] ?? 0) / part);
  });
}

/** One flow to every step that it touches, as it is: for maxima and sets. */
function shareWhole(flow: Flow, pick: Pick, grid: Grid, sums: Sums): void {
  flow.to.forEach((to, at) => {
    const one = pick(flow, at);
    if (Number.isNaN(one)) return;
    eachStep(grid, flow.from[at] ?? 0, to, (into) => {
      sums.add(into, one);
    });
  });
}

function bySteps(flows: readonly Flow[], how: How, pick: Pick, usual: number): Point[] {
  const grid = gridOf(flows, usual);
  const sums = new Sums(grid.size, how);
  const share = how === "sum" || how === "mean" ? shareMeans : shareWhole;
  for (const flow of flows) share(flow, pick, grid, sums);
  const drawn = new Drawn();
  for (let into = 0; into < grid.size; into += 1) {
    const begin = grid.origin + into * grid.step;
    drawn.add(begin, begin + grid.step, sums.at(into), grid.step / 2);
  }
  return drawn.points;
}

/** The line of some flows; values are rates, ratios and levels, never counts. A point stands at the end of its time. */
export function combine(flows: readonly Flow[], how: How, pick: Pick): Point[] {
  const filled = flows.filter((flow) => flow.to.length > 0);
  if (filled.length === 0) return [];
  const step = usualStep(filled);
  return sharesTimes(filled) ? byReports(filled, how, pick, step) : bySteps(filled, how, pick, step);
}
