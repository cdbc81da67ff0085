/** Where things stand on the timeline: places in pixels, marks that are too close put together, ticks of the axis. */
import type { Axis, Mark } from "./timeline";
import type { MarkKind, Outcome } from "./words";

export interface Scale {
  axis: Axis;
  /** Of the whole axis, in pixels. */
  width: number;
}

export function x(at: number, { axis, width }: Scale): number {
  const share = (at - axis.from) / (axis.to - axis.from);
  return Math.min(1, Math.max(0, share)) * width;
}

export interface Placed {
  left: number;
  width: number;
  /** It goes beyond the axis at that end. */
  cutBefore: boolean;
  cutAfter: boolean;
}

/** Where a period stands; never narrower than `least`, so that it can be hit. */
export function placed({ from, to }: Axis, scale: Scale, least = 3): Placed {
  const left = x(from, scale);
  const width = Math.max(least, x(to, scale) - left);
  return {
    left: Math.max(0, Math.min(left, scale.width - width)),
    width,
    cutBefore: from < scale.axis.from,
    cutAfter: to > scale.axis.to,
  };
}

export interface Cluster {
  id: string;
  kind: MarkKind;
  left: number;
  lane: number;
  outcome: Outcome;
  marks: Mark[];
}

/** Least distance of the middles of two marks in a lane, in pixels: the size of a target that fingers hit. */
export const MARK_PX = 24;
const RANK: Record<Outcome, number> = { failed: 3, pending: 2, ok: 1, none: 0 };

/** Marks of one kind that are too close become one; kinds that collide go into lanes below each other. */
export function clusters(marks: readonly Mark[], scale: Scale): { clusters: Cluster[]; lanes: number } {
  const made: Cluster[] = [];
  const last = new Map<MarkKind, Cluster>();
  for (const mark of [...marks].sort((a, b) => a.at - b.at)) {
    const left = x(mark.at, scale);
    const before = last.get(mark.kind);
    if (before && left - before.left < MARK_PX) {
      before.marks.push(mark);
      if (RANK[mark.outcome] > RANK[before.outcome]) before.outcome = mark.outcome;
      continue;
    }
    const cluster = { id: mark.id, kind: mark.kind, left, lane: 0, outcome: mark.outcome, marks: [mark] };
    last.set(mark.kind, cluster);
    made.push(cluster);
  }
  return { clusters: made, lanes: intoLanes(made) };
}

function intoLanes(made: Cluster[]): number {
  const ends: number[] = [];
  for (const cluster of made) {
    const free = ends.findIndex((end) => cluster.left - end >= MARK_PX);
    cluster.lane = free < 0 ? ends.length : free;
    ends[cluster.lane] = cluster.left;
  }
  return ends.length;
}

export interface Lanes<T> {
  item: T;
  lane: number;
}

/** Periods that overlap (also once they are drawn at least `least` pixels wide) below each other. */
export function stacked<T extends Axis>(periods: readonly T[], scale: Scale, least = MARK_PX): Lanes<T>[] {
  const ends: number[] = [];
  return [...periods]
    .sort((a, b) => a.from - b.from)
    .map((item) => {
      const { left, width } = placed(item, scale, least);
      const free = ends.findIndex((end) => left >= end);
      const lane = free < 0 ? ends.length : free;
      ends[lane] = left + width + 2;
      return { item, lane };
    });
}

const S = 1_000;
const MINUTE = 60 * S;
const HOUR = 60 * MINUTE;
const STEPS = [
  100,
  200,
  500,
  ...[1, 2, 5, 10, 15, 30].map((n) => n * S),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12, 24].map((n) => n * HOUR),
];

export interface Ticks {
  stepMs: number;
  at: number[];
}

/**
 * Round instants about `apart` pixels from each other, between `from` and `to` of the axis. `offsetMs` is how far the
 * clock that is shown is ahead of UTC, so that hours are round in zones with half hours, too.
 */
export function ticks(scale: Scale, apart = 110, part: Axis = scale.axis, offsetMs = 0): Ticks {
  const perPixel = (scale.axis.to - scale.axis.from) / Math.max(1, scale.width);
  const wanted = perPixel * apart;
  const day = 24 * HOUR;
  const stepMs = STEPS.find((step) => step >= wanted) ?? Math.ceil(wanted / day) * day;
  const first = Math.ceil((part.from + offsetMs) / stepMs) * stepMs - offsetMs;
  const at: number[] = [];
  for (let tick = first; tick <= part.to; tick += stepMs) at.push(tick);
  return { stepMs, at };
}

/** Factors of the width by which the axis can be stretched: from all of it to 50 pixels for a second. */
export function zoomSteps(axis: Axis, visibleWidth: number): number[] {
  const most = Math.max(1, ((axis.to - axis.from) / S) * (50 / Math.max(1, visibleWidth)));
  const steps = [1];
  while ((steps.at(-1) ?? 1) < most) steps.push((steps.at(-1) ?? 1) * 2);
  return steps;
}
