/** What a comparison asks for, as it stands in the address, and what is drawn of the answers. Pure. */
import type { components } from "$lib/api";
import { type ChartModel, type Line, lines, ranking } from "$lib/charts";
import { count, isNumber } from "$lib/format";
import { countryName, DIMENSIONS, narrowed, type Narrowing, NARROWING, narrowSpec } from "$lib/narrow";
import type { Option } from "$lib/ui";
import {
  boundsOf,
  type Codec,
  list,
  range,
  type Range,
  type RangeBounds,
  rangeWords,
  text,
  type ValuesOf,
} from "$lib/url";

import { figureOf, type Measured, USUAL } from "./words";

export type Comparison = components["schemas"]["FigureComparison"];
export type Group = components["schemas"]["FigureGroup"];

/** A range, or none. */
function stretch(): Codec<Range | null> {
  const inner = range();
  return {
    read: (values) => (values[0] ? inner.read(values) : null),
    write: (value) => (value === null ? [] : inner.write(value).concat("30d").slice(0, 1)),
  };
}

/** Two stretches of time instead of two values of a property. */
export const TIME = "time";
export const spec = {
  ...narrowSpec,
  by: text("app_version"),
  a: text(),
  b: text(),
  aTime: stretch(),
  bTime: stretch(),
  range: range("30d"),
  kind: list(),
  figures: list(),
  on: text("connection..rtt_ms"),
};
export type Wanted = ValuesOf<typeof spec>;
export const FILTERS = ["kind", "figures", "appVersion", "browser", "os", "country", "sdk"] as const;

const PROPERTIES: Record<string, string> = {
  app_version: "App version",
  browser: "Browser",
  os: "System",
  country: "Country",
  webrtc_sdk: "SDK",
  network_type: "Network type",
  relay: "Relay",
};

export interface Dimension {
  name: string;
  values: readonly { value: string; count: number }[];
}

/** By what can be compared: what the server knows, the tags of the app, and time. */
export function properties(dimensions: readonly Dimension[]): Option[] {
  const tags = dimensions.filter(({ name }) => name.startsWith("meta."));
  return [
    ...Object.entries(PROPERTIES).map(([value, label]) => ({ value, label })),
    ...tags.map(({ name }) => ({ value: name, label: propertyName(name) })),
    { value: TIME, label: "Two stretches of time" },
  ];
}

export function propertyName(name: string): string {
  return PROPERTIES[name] ?? (name.startsWith("meta.") ? `Tag ${name.slice(5)}` : name);
}

const WORDS: Record<string, string> = { relayed: "Relayed", direct: "Direct" };

export function sideName(by: string, value: string): string {
  if (by === "country") return countryName(value);
  return by === "relay" ? (WORDS[value] ?? value) : value;
}

/** Values to choose from: those of the sessions, else those that the figures are grouped by; most used first. */
export function choices(by: string, dimensions: readonly Dimension[], groups: readonly Group[]): Option[] {
  const known = dimensions.find(({ name }) => name === by)?.values;
  const found =
    known ??
    groups
      .filter(({ value }) => value !== null && value !== "Other")
      .map((group) => ({
        value: group.value ?? "",
        count: Math.max(0, ...group.flows.map((f) => f.sessions)),
      }));
  return found.map(({ value, count: many }) => ({ value, label: sideName(by, value), count: many }));
}

/** Both sides when they were not chosen: the two values seen most; of versions the newer one is B. */
export function usualSides(
  by: string,
  chosen: { a: string; b: string },
  options: readonly Option[],
): { a: string; b: string } {
  const free = options
    .filter(({ value }) => value !== "Unknown" && value !== chosen.a && value !== chosen.b)
    .sort((x, y) => (y.count ?? 0) - (x.count ?? 0))
    .map(({ value }) => value);
  if (chosen.a) return { a: chosen.a, b: chosen.b || (free[0] ?? "") };
  if (chosen.b) return { a: free[0] ?? "", b: chosen.b };
  const pair = free.slice(0, 2);
  if (by === "app_version") pair.sort((x, y) => x.localeCompare(y, "en", { numeric: true }));
  return { a: pair[0] ?? "", b: pair[1] ?? "" };
}

const DAY_MS = 86_400_000;
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** The last seven days, today with them, as B, and the seven before as A. */
export function usualTimes(now: number): { aTime: Range; bTime: Range } {
  return {
    aTime: { from: dayOf(now - 13 * DAY_MS), to: dayOf(now - 7 * DAY_MS) },
    bTime: { from: dayOf(now - 6 * DAY_MS), to: dayOf(now) },
  };
}

/** What must be added to the address so that it says all; null when it does. `options` are null until they are known. */
export function missing(
  wanted: Wanted,
  options: readonly Option[] | null,
  now: number,
): Partial<Wanted> | null {
  return wanted.by === TIME ? missingTimes(wanted, now) : options && missingSides(wanted, options);
}

function missingTimes({ aTime, bTime }: Wanted, now: number): Partial<Wanted> | null {
  const usual = usualTimes(now);
  return aTime && bTime ? null : { aTime: aTime ?? usual.aTime, bTime: bTime ?? usual.bTime };
}

function missingSides(wanted: Wanted, options: readonly Option[]): Partial<Wanted> | null {
  if (wanted.a && wanted.b) return null;
  const usual = usualSides(wanted.by, wanted, options);
  return usual.a === wanted.a && usual.b === wanted.b ? null : usual;
}

/** Filters on the other properties; the one that is compared by is none of them. */
export function narrowingOf(by: string): Narrowing[] {
  return NARROWING.filter((name) => DIMENSIONS[name] !== by);
}

function others(wanted: Wanted): Record<string, string> {
  const all = narrowed(wanted);
  return Object.fromEntries(Object.entries(all).filter(([name]) => name !== wanted.by));
}

function fromTo(
  { created_at_gte, created_at_lt }: RangeBounds,
  names: [string, string],
): Record<string, string> {
  return { [names[0]]: created_at_gte, ...(created_at_lt ? { [names[1]]: created_at_lt } : {}) };
}

/** Null while something is missing: a side, or two different ones. */
export function askedComparison(appId: string, wanted: Wanted, now: number): Record<string, string> | null {
  const [kind] = wanted.kind;
  const figures = wanted.figures.length > 0 ? wanted.figures : USUAL;
  const base = { appId, figures: figures.join(","), ...(kind ? { kind } : {}), ...others(wanted) };
  if (wanted.by === TIME) {
    if (!wanted.aTime || !wanted.bTime) return null;
    const a = fromTo(boundsOf(wanted.aTime, now), ["a_from", "a_to"]);
    return { ...base, ...a, ...fromTo(boundsOf(wanted.bTime, now), ["b_from", "b_to"]) };
  }
  if (!wanted.a || !wanted.b || wanted.a === wanted.b) return null;
  const bounds = fromTo(boundsOf(wanted.range, now), ["from", "to"]);
  return { ...base, ...bounds, group_by: wanted.by, a: wanted.a, b: wanted.b };
}

function ofFigure({ kind, direction, figure }: Measured): Record<string, string> {
  return { kind, figures: figure, percentiles: "50", ...(direction ? { direction } : {}) };
}

/** The chosen figure of one side, by day. Null while the side is missing. */
export function askedDays(
  appId: string,
  wanted: Wanted,
  side: "a" | "b",
  measured: Measured,
  now: number,
): Record<string, string> | null {
  const base = { appId, series: "day", ...ofFigure(measured), ...others(wanted) };
  if (wanted.by === TIME) {
    const time = side === "a" ? wanted.aTime : wanted.bTime;
    return time ? { ...base, ...fromTo(boundsOf(time, now), ["from", "to"]) } : null;
  }
  const value = wanted[side];
  const bounds = fromTo(boundsOf(wanted.range, now), ["from", "to"]);
  return value ? { ...base, ...bounds, [wanted.by]: value } : null;
}

/** The chosen figure of all values of the property; of versions where times are compared. */
export function askedRanking(
  appId: string,
  wanted: Wanted,
  measured: Measured,
  now: number,
): Record<string, string> {
  const time = wanted.by === TIME ? (wanted.bTime ?? wanted.range) : wanted.range;
  return {
    appId,
    group_by: rankedBy(wanted.by),
    ...ofFigure(measured),
    ...others(wanted),
    ...fromTo(boundsOf(time, now), ["from", "to"]),
  };
}

export function rankedBy(by: string): string {
  return by === TIME ? "app_version" : by;
}

export function sides(wanted: Wanted): { a: string; b: string } {
  if (wanted.by !== TIME) return { a: sideName(wanted.by, wanted.a), b: sideName(wanted.by, wanted.b) };
  return { a: wanted.aTime ? rangeWords(wanted.aTime) : "", b: wanted.bTime ? rangeWords(wanted.bTime) : "" };
}

function meanOf(flows: Group["flows"], measured: Measured): number | null {
  const flow = flows.find((one) => one.kind === measured.kind && one.direction === measured.direction);
  return flow?.figures[measured.figure]?.["mean"] ?? null;
}

/** Both sides by UTC day. */
export function daysModel(
  answers: { a: readonly Group[]; b: readonly Group[] },
  names: { a: string; b: string },
  measured: Measured,
): ChartModel {
  const line = (side: "a" | "b", colour: number): Line => ({
    id: side,
    name: `${side.toUpperCase()}: ${names[side]}`,
    colour,
    dashed: side === "a",
    points: (answers[side][0]?.series ?? []).map(
      ({ at, flows }) => [Date.parse(at), meanOf(flows, measured)] as const,
    ),
  });
  return lines({
    lines: [line("a", 0), line("b", 1)],
    format: figureOf(measured.figure).format,
    unit: measured.figure,
    legend: true,
  });
}

/** All values of the property, the worst first; each leads to where it is side B. */
export function rankingModel(
  groups: readonly Group[],
  by: string,
  measured: Measured,
  href: (value: string) => string | undefined,
): ChartModel {
  const figure = figureOf(measured.figure);
  const bars = groups.flatMap((group) => {
    const value = meanOf(group.flows, measured);
    const name = group.value ?? "";
    const flow = group.flows.find(
      ({ kind, direction }) => kind === measured.kind && direction === measured.direction,
    );
    if (!isNumber(value) || !flow) return [];
    const label = `${sideName(by, name)} (${count(flow.sessions)})`;
    return [{ key: name, label, value, href: name === "Other" ? undefined : href(name) }];
  });
  bars.sort((x, y) => (figure.moreIsBetter ? x.value - y.value : y.value - x.value));
  return ranking({
    bars,
    head: by,
    name: figure.label,
    format: figure.format,
    unit: measured.figure,
    share: false,
  });
}

const FIRST = ["worse", "better", "different"];

/** Rows in which there is something on one side at least; those with a difference first. */
export function told(rows: readonly Comparison[]): Comparison[] {
  const place = ({ verdict }: Comparison): number =>
    FIRST.includes(verdict) ? FIRST.indexOf(verdict) : FIRST.length;
  return rows
    .filter(({ a, b }) => a.conferences > 0 || b.conferences > 0)
    .sort((x, y) => place(x) - place(y));
}

/** How many rows have each verdict. */
export function verdicts(rows: readonly Comparison[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { verdict } of rows) found[verdict] = (found[verdict] ?? 0) + 1;
  return found;
}
