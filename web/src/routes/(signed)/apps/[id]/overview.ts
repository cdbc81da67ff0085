/** What the charts of an app's overview say, made from the answers of the server. Pure. */
import { type ChartModel, donut, histogram, OUTCOMES, ranking, stackedDays, worldMap } from "$lib/charts";
import type { components } from "$lib/api";
import { plural } from "$lib/format";
import { dayRange, link, list, number, range, type ValuesOf } from "$lib/url";
import { type Narrowing, narrowSpec } from "$lib/narrow";

type Schemas = components["schemas"];
export type DayItem = Schemas["DayItem"];
export type Narrow = Record<Narrowing, string[]>;

/** What the list of conferences understands in its address, as far as charts lead there. */
export const listSpec = {
  ...narrowSpec,
  range: range("30d"),
  status: list(),
  issue: list(),
  min: number(),
  max: number(),
  ids: list(),
};
export type ListValues = Partial<ValuesOf<typeof listSpec>>;

/** Address of the list of an app's conferences. */
export function listHref(appId: string, values: ListValues): string {
  return link(`/apps/${appId}/conferences`, listSpec, values);
}

const STATUS: Record<string, "success" | "warning" | "error" | "ongoing"> = {
  successful: "success",
  warnings: "warning",
  errors: "error",
  ongoing: "ongoing",
};

/** Conferences by UTC day and outcome; a bar leads to the conferences of that day and outcome. */
export function byDay(
  answer: readonly DayItem[],
  days: readonly string[],
  href: (values: ListValues) => string,
): ChartModel {
  const known = new Map(answer.map((item) => [item.date, item]));
  return stackedDays({
    days,
    series: OUTCOMES,
    value: (day, id) => {
      const status = STATUS[id];
      return status && known.get(day)?.[status];
    },
    href: (day, id) => href({ range: dayRange(day), status: [STATUS[id] ?? ""] }),
  });
}

export function commonIssues(
  answer: readonly Schemas["CodeItem"][],
  href: (values: ListValues) => string,
): ChartModel {
  return ranking({
    head: "Issue",
    name: "Issues",
    bars: answer.slice(0, 12).map(({ code, title, count }) => ({
      key: code,
      label: title,
      value: count,
      href: href({ issue: [code] }),
    })),
  });
}

export function mediaErrors(answer: Schemas["MediaErrorChart"]): ChartModel {
  return donut({
    head: "Error",
    name: "Requests",
    middle: "refused",
    bars: answer.data.map(({ name, message, count }) => ({
      key: name,
      label: message ? message : name,
      value: count,
    })),
  });
}

export function relayed(answer: readonly { name: string; count: number }[]): ChartModel {
  return donut({
    head: "Path",
    name: "Connections",
    middle: "connections",
    bars: answer.map(({ name, count }) => ({ key: name.toLowerCase(), label: name, value: count })),
  });
}

export function durations(
  answer: readonly Schemas["DurationItem"][],
  href: (values: ListValues) => string,
): ChartModel {
  return histogram({
    head: "Duration",
    name: "Conferences",
    bars: answer.map(({ range: label, min_sec, max_sec, count }) => ({
      key: String(min_sec),
      label: label.replaceAll(" m", " min"),
      value: count,
      href: href({ min: min_sec, max: max_sec }),
    })),
  });
}

export function setupTimes(
  answer: readonly Schemas["SetupItem"][],
  href: (values: ListValues) => string,
): ChartModel {
  return histogram({
    head: "Set-up time",
    name: "Connections",
    bars: answer.map(({ range: label, min_ms, count, conference_ids }) => ({
      key: String(min_ms),
      label,
      value: count,
      ...(conference_ids.length > 0 ? { href: href({ ids: [...new Set(conference_ids)] }) } : {}),
    })),
  });
}

export function sizes(answer: readonly { participants: number; conferences: number }[]): ChartModel {
  return donut({
    head: "Participants",
    name: "Conferences",
    middle: "conferences",
    bars: answer.map(({ participants, conferences }) => ({
      key: String(participants),
      label: participants === 0 ? "Nobody" : plural(participants, "participant"),
      value: conferences,
    })),
  });
}

/** Browsers or systems; a slice narrows the page to it. */
export function shares(
  answer: readonly { name: string; count: number }[],
  head: string,
  href: (name: string) => string,
): ChartModel {
  return donut({
    head,
    name: "Sessions",
    middle: "sessions",
    bars: answer.map(({ name, count }) => ({ key: name, label: name, value: count, href: href(name) })),
  });
}

export function places(answer: readonly Schemas["CityItem"][]): ChartModel {
  return worldMap({
    name: "Sessions",
    places: answer.flatMap(({ city, latitude, longitude, count }) =>
      latitude === null || longitude === null
        ? []
        : [{ key: city, label: city, latitude, longitude, value: count }],
    ),
  });
}

/** The figures over the charts: how many, how bad. */
export function totals(answer: readonly DayItem[]): {
  total: number;
  errors: number;
  warnings: number;
  ongoing: number;
  /** Ratios of all; null without any. */
  errorShare: number | null;
  warningShare: number | null;
} {
  const sum = (pick: (item: DayItem) => number): number =>
    answer.reduce((most, item) => most + pick(item), 0);
  const total = sum((item) => item.total);
  const errors = sum((item) => item.error);
  const warnings = sum((item) => item.warning);
  return {
    total,
    errors,
    warnings,
    ongoing: sum((item) => item.ongoing),
    errorShare: total > 0 ? errors / total : null,
    warningShare: total > 0 ? warnings / total : null,
  };
}
