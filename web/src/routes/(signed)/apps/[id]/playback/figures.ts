/** What the pages of playback ask and say: spans, figures in words, charts. Pure. */
import { type ChartModel, lines, type Point, stackedDays, type StackSeries } from "$lib/charts";
import { bitrate, count, decimal, type Maybe, ms, NOTHING, percent } from "$lib/format";
import type { Signal } from "$lib/ui/types";
import {
  boundsOf,
  daysOf,
  link,
  list,
  number,
  oneOf,
  type Range,
  range,
  text,
  type ValuesOf,
} from "$lib/url";
import { meant } from "$lib/api";

/** A figure of `n` sessions; null without any. Shares have their 95 % interval. */
export interface Figure {
  value: number | null;
  n: number;
  low?: number | null;
  high?: number | null;
  approx?: boolean;
}
export type Figures = Record<string, Figure>;
export interface FigurePoint extends Figure {
  t: string;
}

/** Filters that narrow sessions down, as the server names them. */
export const NARROWING = ["contentId", "streamType", "deviceModel", "sdkVersion", "connectionType"] as const;
export type Narrowing = (typeof NARROWING)[number];
export const NARROW_WORDS: Record<Narrowing, string> = {
  contentId: "Content",
  streamType: "Stream",
  deviceModel: "Device",
  sdkVersion: "SDK",
  connectionType: "Network",
};

/** Properties by which figures can be told apart. */
export const GROUPS = [
  { value: "contentId", label: "Content" },
  { value: "streamType", label: "Stream type" },
  { value: "deviceModel", label: "Device" },
  { value: "osVersion", label: "OS version" },
  { value: "sdkVersion", label: "SDK version" },
  { value: "connectionType", label: "Network" },
  { value: "cdn", label: "CDN" },
  { value: "appVersion", label: "App version" },
] as const;

const narrowSpec = {
  contentId: text(),
  streamType: text(),
  deviceModel: text(),
  sdkVersion: text(),
  connectionType: text(),
};
export const overviewSpec = {
  ...narrowSpec,
  range: range("7d"),
  by: oneOf([
    "contentId",
    "streamType",
    "deviceModel",
    "osVersion",
    "sdkVersion",
    "connectionType",
    "cdn",
    "appVersion",
  ]),
};
export const listSpec = {
  ...narrowSpec,
  range: range("7d"),
  outcome: text(),
  errors: oneOf(["any", "with", "without"]),
  startup: number(null, { min: 0, max: 600_000 }),
  page: list(),
};
export type ListValues = Partial<ValuesOf<typeof listSpec>>;
export type Narrowed = Record<Narrowing, string>;

export const PAGE_SIZE = 50;

/** Address of the list of an app's sessions. */
export function sessionsHref(appId: string, values: ListValues): string {
  return link(`/apps/${appId}/playback/sessions`, listSpec, values);
}

/** Address of one session. Its id may be any text, so it stands in the query. */
export function sessionHref(appId: string, session: string): string {
  return `/apps/${appId}/playback/session?id=${encodeURIComponent(session)}`;
}

/** Bounds as the routes of playback want them. An open end is left out: the server takes its own clock. */
export function spanOf(value: Range, now: number): { from: string; to?: string } {
  const { created_at_gte: from, created_at_lt: to } = boundsOf(value, now);
  return to ? { from, to } : { from };
}

export function narrowed(values: Narrowed): Partial<Narrowed> {
  return meant(Object.fromEntries(NARROWING.map((name) => [name, values[name]])) as Narrowed);
}

/** The query of one page of the list. */
export function askedSessions(
  appId: string,
  values: ValuesOf<typeof listSpec>,
  now: number,
  limit = PAGE_SIZE,
) {
  return meant({
    appId,
    ...spanOf(values.range, now),
    ...narrowed(values),
    outcome: values.outcome,
    hasErrors: values.errors === "any" ? "" : String(values.errors === "with"),
    minStartupMs: values.startup === null ? "" : String(values.startup),
    limit: String(limit),
  });
}

const HOUR_MS = 3_600_000;

/** Steps of the lines: fine enough to see a spike, few enough to be read. */
export function stepOf(value: Range, now: number): "5m" | "1h" | "1d" {
  const { created_at_gte: from, created_at_lt: to } = boundsOf(value, now);
  const hours = ((to ? Date.parse(to) : now) - Date.parse(from)) / HOUR_MS;
  if (hours <= 30) return "5m";
  return hours <= 9 * 24 ? "1h" : "1d";
}

export interface OutcomeWords {
  word: string;
  signal: Signal;
  meaning: string;
}
export const OUTCOMES: Record<string, OutcomeWords> = {
  played: { word: "Played", signal: "success", meaning: "The video ran, and did not break off by an error." },
  playback_failure: { word: "Broke off", signal: "error", meaning: "It ran, then an error ended it." },
  start_failure: { word: "Did not start", signal: "error", meaning: "An error came before the first frame." },
  ebvs: {
    word: "Left waiting",
    signal: "warning",
    meaning: "The viewer left before the first frame, without an error.",
  },
  early_exit: { word: "Left at once", signal: "neutral", meaning: "Left within a second; not counted." },
  no_attempt: { word: "Never tried", signal: "neutral", meaning: "The player was opened and not played." },
  unknown: { word: "Unknown", signal: "neutral", meaning: "The player told nothing that says." },
};
export function outcomeOf(outcome: string | null | undefined): OutcomeWords {
  return OUTCOMES[outcome ?? ""] ?? (OUTCOMES["unknown"] as OutcomeWords);
}

/** A share with its interval: "2 % (1.1–3.4 %)". */
export function shareHint(figure: Figure | undefined): string | undefined {
  if (!figure || figure.value === null) return undefined;
  const of = `${count(figure.n)} sessions`;
  return typeof figure.low === "number" && typeof figure.high === "number"
    ? `${percent(figure.low)} to ${percent(figure.high)}, of ${of}`
    : `of ${of}`;
}

/** The signal of a figure against where it begins to hurt; neutral without one. */
export function gradeBy(value: Maybe, caution: number, stop: number): Signal {
  if (typeof value !== "number") return "neutral";
  if (value >= stop) return "error";
  return value >= caution ? "warning" : "success";
}

const STACK: readonly StackSeries[] = [
  { id: "played", name: "Played", signal: "success" },
  { id: "ebvs", name: "Left waiting", signal: "warning" },
  { id: "playback_failure", name: "Broke off", signal: "error" },
  { id: "start_failure", name: "Did not start" },
];

/** How sessions ended, by UTC day, out of the three shares that the server gives over time. */
export function outcomeStack(
  days: readonly string[],
  startFailures: readonly FigurePoint[],
  left: readonly FigurePoint[],
  breaks: readonly FigurePoint[],
  href: (values: ListValues) => string,
): ChartModel {
  const of = (points: readonly FigurePoint[]): Map<string, FigurePoint> =>
    new Map(points.map((point) => [point.t.slice(0, 10), point]));
  const [failed, waited, broken] = [of(startFailures), of(left), of(breaks)];
  const counted = (point: FigurePoint | undefined): number =>
    Math.round((point?.value ?? 0) * (point?.n ?? 0));
  return stackedDays({
    days,
    series: STACK,
    value: (day, id) => {
      const plays = broken.get(day)?.n ?? 0;
      const breaking = counted(broken.get(day));
      if (id === "played") return plays - breaking;
      if (id === "playback_failure") return breaking;
      return counted((id === "ebvs" ? waited : failed).get(day));
    },
    href: (day, outcome) => href({ range: { from: day, to: day }, outcome }),
  });
}

export interface Named {
  id: string;
  name: string;
  points: readonly FigurePoint[];
}

/** Figures over time as lines; a step without sessions breaks them. */
export function overTime(
  series: readonly Named[],
  format: (value: Maybe) => string,
  more: { min?: number; max?: number; area?: boolean } = {},
): ChartModel {
  const pointsOf = (points: readonly FigurePoint[]): Point[] =>
    points.map(({ t, value }) => [Date.parse(t), value]);
  return lines({
    lines: series.map(({ id, name, points }) => ({ id, name, points: pointsOf(points) })),
    format,
    min: 0,
    legend: series.length > 1,
    zoom: "key",
    ...more,
  });
}

export interface GroupRow {
  value: string | null;
  outcomes: Record<string, number>;
  metrics: Figures;
}
export function metric(row: GroupRow, name: string): number | null {
  return row.metrics[name]?.value ?? null;
}

/** Days of the stack: whole UTC days, also for the last 24 hours. */
export function stackDays(value: Range, now: number): string[] {
  return daysOf(value, now);
}

/** Hours watched: minutes while they are few. */
export function hours(value: Maybe): string {
  if (typeof value !== "number") return NOTHING;
  return value < 1 ? `${decimal(value * 60, 1)} min` : `${decimal(value, 1)} h`;
}

export interface TimelineEntry {
  timestampMs: number;
  elapsedMs: number;
  playbackState: string;
  currentBitrate: number | null;
  networkType: string | null;
  totalDroppedFrames: number;
  bufferedDurationMs: number | null;
  rebufferCount: number;
  rebufferTimeMs: number;
}

const STATE_SIGNALS: Record<string, Signal> = {
  PLAYING: "success",
  BUFFERING: "warning",
  PAUSED: "neutral",
  IDLE: "error",
  ENDED: "neutral",
};
export const STATE_WORDS: Record<string, string> = {
  PLAYING: "Playing",
  BUFFERING: "Buffering",
  PAUSED: "Paused",
  IDLE: "Idle",
  ENDED: "Ended",
};

/** Stretches of the same state, one after the other; the last lasts until the session's end. */
export function stretches(
  timeline: readonly TimelineEntry[],
  endMs: number | null,
): { from: number; to: number; name: string; signal: Signal }[] {
  const found: { from: number; to: number; name: string; signal: Signal }[] = [];
  timeline.forEach((entry, at) => {
    const next = timeline[at + 1];
    const to = next ? next.timestampMs : Math.max(endMs ?? entry.timestampMs, entry.timestampMs);
    const name = STATE_WORDS[entry.playbackState] ?? entry.playbackState;
    const last = found.at(-1);
    if (last && last.name === name) last.to = to;
    else if (to > entry.timestampMs || !next)
      found.push({
        from: entry.timestampMs,
        to,
        name,
        signal: STATE_SIGNALS[entry.playbackState] ?? "neutral",
      });
  });
  return found;
}

/** Bitrate or buffer of a session over its time, with its states behind. */
export function sessionLine(
  timeline: readonly TimelineEntry[],
  field: "currentBitrate" | "bufferedDurationMs",
  endMs: number | null,
): ChartModel {
  const name = field === "currentBitrate" ? "Bitrate" : "Buffer";
  return lines({
    lines: [{ id: field, name, points: timeline.map((entry) => [entry.timestampMs, entry[field]]) }],
    format: field === "currentBitrate" ? bitrate : ms,
    steps: field === "currentBitrate",
    min: 0,
    zoom: "key",
    spans: stretches(timeline, endMs).filter((one) => one.signal === "warning" || one.signal === "error"),
    origin: timeline[0]?.timestampMs,
  });
}
