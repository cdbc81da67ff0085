/** A stretch of time in an address: `7d`, or two UTC days or instants, as in `2026-01-01..2026-01-15`. */
import type { Codec } from "./params";

export const PRESETS = ["24h", "7d", "30d"] as const;
export type Preset = (typeof PRESETS)[number];

/** `to` is the last day of it when both are days, else the instant at which it ends. */
export type Range = { preset: Preset } | { from: string; to: string };

export const PRESET_WORDS: Record<Preset, string> = {
  "24h": "Last 24 hours",
  "7d": "Last 7 days",
  "30d": "Last 30 days",
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DAY = /^\d{4}-\d\d-\d\d$/;
const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

function parse(value: string): Range | null {
  const preset = PRESETS.find((known) => known === value);
  if (preset) return { preset };
  const [from, to, ...rest] = value.split("..");
  if (!from || !to || rest.length > 0) return null;
  const readable = (part: string): boolean =>
    (DAY.test(part) || INSTANT.test(part)) && !Number.isNaN(Date.parse(part));
  return readable(from) && readable(to) && Date.parse(from) <= Date.parse(to) ? { from, to } : null;
}

export function rangeText(range: Range): string {
  return "preset" in range ? range.preset : `${range.from}..${range.to}`;
}

export function range(rest: Preset = "30d"): Codec<Range> {
  return {
    read: ([value]) => (value && parse(value)) || { preset: rest },
    write: (value) => (rangeText(value) === rest ? [] : [rangeText(value)]),
  };
}

/** The range of one UTC day, as a bar of a chart of days is. */
export function dayRange(day: string): Range {
  return { from: day, to: day };
}

export interface Bounds {
  created_at_gte: string;
  /** Absent where the range is open to now. */
  created_at_lt?: string;
}

/**
 * Bounds as the server's filters want them. Days begin at midnight UTC; 7 and 30 days are the whole days before
 * today, and today. The last 24 hours are counted from the minute, so that a query's key holds for a while.
 */
export function boundsOf(value: Range, now: number): Bounds {
  if ("preset" in value) {
    const from =
      value.preset === "24h"
        ? Math.floor(now / 60_000) * 60_000 - DAY_MS
        : Math.floor(now / DAY_MS) * DAY_MS - (value.preset === "7d" ? 7 : 30) * DAY_MS;
    return { created_at_gte: new Date(from).toISOString() };
  }
  const end = Date.parse(value.to) + (DAY.test(value.to) ? DAY_MS : 0);
  return {
    created_at_gte: new Date(value.from).toISOString(),
    created_at_lt: new Date(end).toISOString(),
  };
}

/** The UTC days that a range touches, oldest first; for charts that show days without anything, too. */
export function daysOf(value: Range, now: number): string[] {
  const { created_at_gte: from, created_at_lt: to } = boundsOf(value, now);
  const last = to ? Date.parse(to) - 1 : now;
  const days: string[] = [];
  for (let at = Math.floor(Date.parse(from) / DAY_MS) * DAY_MS; at <= last && days.length < 400; at += DAY_MS)
    days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

/** In words: "Last 7 days", "1 Jan 2026", "1 Jan 2026 – 15 Jan 2026". */
export function rangeWords(value: Range): string {
  if ("preset" in value) return PRESET_WORDS[value.preset];
  const words = (part: string): string => {
    const date = new Date(part);
    const options: Intl.DateTimeFormatOptions = {
      day: "numeric",
      month: "short",
      year: "numeric",
      timeZone: "UTC",
    };
    const day = new Intl.DateTimeFormat("en-GB", options).format(date);
    return DAY.test(part) ? day : `${day}, ${date.toISOString().slice(11, 16)} UTC`;
  };
  return value.from === value.to ? words(value.from) : `${words(value.from)} – ${words(value.to)}`;
}
