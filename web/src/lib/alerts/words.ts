/** Alerts in words and charts, for every page that shows them. Pure. */
import type { components, paths } from "$lib/api";
import { type ChartModel, type Line, lines, type Point, type Span } from "$lib/charts";
import { count, decimal, type Maybe, ms, percent } from "$lib/format";
import type { Signal } from "$lib/ui/types";

export type Alert = components["schemas"]["AlertItem"];
export type AlertDetail = components["schemas"]["AlertDetail"];
export type AlertPoint = components["schemas"]["PointItem"];
type NewRule = NonNullable<paths["/v1/alerts/apps/{app_id}/rules"]["post"]["requestBody"]>;
/** What a rule says, as it is sent; what is read has the same form. */
export type Definition = NewRule["content"]["application/json"]["definition"];
export type RuleItem = Omit<components["schemas"]["RuleItem"], "definition"> & { definition: Definition };

export const SEVERITIES = [
  { value: "critical", label: "Critical" },
  { value: "warning", label: "Warning" },
] as const;

export function severityOf(severity: string): { word: string; signal: Signal } {
  return severity === "critical"
    ? { word: "Critical", signal: "error" }
    : { word: "Warning", signal: "warning" };
}

/** A figure in its unit: "ratio", "ms", "count" or "points". */
export function figureText(unit: string): (value: Maybe) => string {
  if (unit === "ratio") return (value) => percent(value, 2);
  if (unit === "ms") return ms;
  if (unit === "count") return count;
  return (value) => decimal(value, 1);
}

const PARTS: Record<string, string> = {
  all: "Everybody",
  app_version: "App version",
  browser: "Browser",
  cdn: "CDN",
  code: "Issue",
  content: "Content",
  country: "Country",
  device: "Device",
  sdk: "SDK",
  stream_type: "Stream",
};

/** A dimension by which sessions are told apart. */
export function dimensionText(dimension: string): string {
  const known = PARTS[dimension];
  if (known) return known;
  const words = dimension.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Whom an alert is about: "Everybody", or "Device: Tab X". */
export function cohortText(dimension: string, value: string): string {
  return dimension === "all" ? dimensionText("all") : `${dimensionText(dimension)}: ${value || "not told"}`;
}

/** What it was told from: "22 of 400 sessions", or "400 sessions" where none are counted; "" of a volume. */
export function evidenceText({ n, k, unit }: { n: number; k: number | null; unit: string }): string {
  if (unit === "count") return "";
  return k === null ? `${count(n)} sessions` : `${count(k)} of ${count(n)} sessions`;
}

/** Whether it was held against a value that somebody chose, so that nothing is told of what is usual. */
export function isFixed({ baseline, limit }: { baseline: number; limit: number }): boolean {
  return baseline === limit;
}

/** Address of one alert. */
export function alertHref(alert: { app: string; id: string }): string {
  return `/apps/${alert.app}/alerts/${alert.id}`;
}

/** Where a sample session of an alert is shown: playback's by its own id, a call's by its participant. */
export function sampleHref(alert: { app: string; context: string }, session: string): string | undefined {
  return alert.context === "playback"
    ? `/apps/${alert.app}/playback/session?id=${encodeURIComponent(session)}`
    : undefined;
}

/** How sure it is that chance did not do it: "1 in 200,000"; "" where nothing was tested. */
export function chanceText(probability: number | null): string {
  if (probability === null || probability >= 1) return "";
  const once = 1 / Math.max(probability, 1e-12);
  return probability < 1e-12 ? "< 1 in 10¹²" : `1 in ${count(Number(once.toPrecision(2)))}`;
}

export interface Stretch {
  from: string;
  /** Null: until the end of the chart. */
  to: string | null;
  severity: string;
}

interface Course {
  name: string;
  unit: string;
  points: readonly AlertPoint[];
  limit?: number | null;
  stretches: readonly Stretch[];
}

/** A figure over time with the band in which it usually lies, and the stretches in which an alert was open. */
export function course({ name, unit, points, limit, stretches }: Course): ChartModel {
  const of = (value: (point: AlertPoint) => number | null): Point[] =>
    points.map((point) => [Date.parse(point.at), value(point)]);
  const shown: Line[] = [{ id: "rate", name, points: of((point) => point.rate), colour: 0 }];
  if (points.some((point) => point.high !== null)) {
    shown.push({ id: "high", name: "Usually at most", points: of((p) => p.high), colour: 3, dashed: true });
    shown.push({ id: "low", name: "Usually at least", points: of((p) => p.low), colour: 3, dashed: true });
  }
  if (typeof limit === "number")
    shown.push({ id: "limit", name: "Alert from", points: of(() => limit), signal: "error", dashed: true });
  const end = points.at(-1);
  const spans: Span[] = stretches.map(({ from, to, severity }) => ({
    from: Date.parse(from),
    to: Date.parse(to ?? end?.at ?? from),
    name: "Alert open",
    signal: severityOf(severity).signal,
  }));
  return lines({
    lines: shown,
    format: figureText(unit),
    unit,
    min: 0,
    zoom: "key",
    spans,
    legend: shown.length > 1,
  });
}
