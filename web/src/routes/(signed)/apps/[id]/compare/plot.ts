/** Where the intervals of a row lie in its small plot. Pure. */

export interface Interval {
  value: number;
  low: number;
  high: number;
}

export interface Placed {
  from: number;
  to: number;
  at: number;
}

export interface Plot {
  a: Placed | null;
  b: Placed | null;
  /** The limit from which on a conference is bad, where it is near. */
  limit: number | null;
}

/** Both on one scale from 0 to `width`, with room at the ends. Null when there is nothing on both sides. */
export function plotted(
  a: Interval | null,
  b: Interval | null,
  limit: number | null,
  width: number,
): Plot | null {
  const known = [a, b].filter((one): one is Interval => one !== null);
  if (known.length === 0) return null;
  let low = Math.min(...known.map((one) => one.low));
  let high = Math.max(...known.map((one) => one.high));
  const span = high - low || Math.abs(high) || 1;
  const near = limit !== null && limit >= low - span && limit <= high + span;
  if (near) {
    low = Math.min(low, limit);
    high = Math.max(high, limit);
  }
  const room = (high - low || span) * 0.06;
  const x = (value: number): number => ((value - low + room) / (high - low + 2 * room)) * width;
  const placed = (one: Interval | null): Placed | null =>
    one && { from: x(one.low), to: x(one.high), at: x(one.value) };
  return { a: placed(a), b: placed(b), limit: near ? x(limit) : null };
}
