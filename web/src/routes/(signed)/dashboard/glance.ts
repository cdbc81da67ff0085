/** What the dashboard says of apps: pure, from what the server answers. */
import type { components } from "$lib/api";

export type Day = components["schemas"]["DayItem"];
export type Conference = components["schemas"]["Conference"];

export interface Glance {
  today: number;
  errorsToday: number;
  running: number;
  /** Conferences of each day, oldest first, those without, too. */
  week: number[];
  total: number;
}

const DAY_MS = 86_400_000;

export function utcDays(now: number, count: number): string[] {
  return Array.from({ length: count }, (_, at) =>
    new Date(now - (count - 1 - at) * DAY_MS).toISOString().slice(0, 10),
  );
}

/** From the days of the last week; a call that began yesterday may still run. */
export function glanceOf(days: readonly Day[], now: number): Glance {
  const wanted = utcDays(now, 7);
  const found = new Map(days.map((day) => [day.date.slice(0, 10), day]));
  const today = found.get(wanted[6] ?? "");
  const week = wanted.map((day) => found.get(day)?.total ?? 0);
  return {
    today: today?.total ?? 0,
    errorsToday: today?.error ?? 0,
    running: days.reduce((sum, day) => sum + day.ongoing, 0),
    week,
    total: week.reduce((sum, day) => sum + day, 0),
  };
}

/** The worst of several apps' worst calls; what has no score is not among them, nor what was good. */
export function worstOf(lists: readonly (readonly Conference[] | undefined)[], most: number): Conference[] {
  return lists
    .flatMap((list) => list ?? [])
    .filter((one) => one.score !== null && one.score < 85)
    .sort((a, b) => (a.score ?? 0) - (b.score ?? 0))
    .slice(0, most);
}
