/** What of a line is drawn: never more than can be seen, and nothing that stands out is lost. Pure. */
import type { Point } from "./lines";

/** More points than these are not drawn of one line. */
export const MOST_DRAWN = 4_000;

/**
 * A line of at most about `most` points: of each stretch of it the first, the lowest, the highest and the last point. Gaps stay where they are,
 * and so does what stands between two of them.
 */
export function thinned(points: readonly Point[], most = MOST_DRAWN): readonly Point[] {
  if (points.length <= most) return points;
  const size = Math.ceil(points.length / Math.max(1, Math.floor(most / 4)));
  const kept: Point[] = [];
  for (const [from, to] of runs(points)) {
    for (let begin = from; begin < to; begin += size) keep(points, begin, Math.min(to, begin + size), kept);
    const gap = points[to];
    if (gap) kept.push(gap);
  }
  return kept;
}

/** Begin and end of each part without gaps. */
function runs(points: readonly Point[]): [number, number][] {
  const found: [number, number][] = [];
  let begin = 0;
  points.forEach(([, value], at) => {
    if (value !== null) return;
    found.push([begin, at]);
    begin = at + 1;
  });
  found.push([begin, points.length]);
  return found;
}

function keep(points: readonly Point[], begin: number, end: number, into: Point[]): void {
  const valueAt = (at: number): number => points[at]?.[1] ?? 0;
  let [low, high] = [begin, begin];
  for (let at = begin + 1; at < end; at += 1) {
    if (valueAt(at) < valueAt(low)) low = at;
    if (valueAt(at) > valueAt(high)) high = at;
  }
  for (const at of [...new Set([begin, low, high, end - 1])].sort((a, b) => a - b)) {
    const point = points[at];
    if (point) into.push(point);
  }
}

/** Points with a gap, or nothing, on both sides: no line leads to them, so they are drawn as dots. */
export function lonely(points: readonly Point[]): Point[] {
  const known = (at: number): boolean => (points[at]?.[1] ?? null) !== null;
  return points.filter((_, at) => known(at) && !known(at - 1) && !known(at + 1));
}
