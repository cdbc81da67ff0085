/** What the issue explorer asks and shows. Pure. */
import { meant } from "$lib/api";
import { type ChartModel, stackedDays } from "$lib/charts";
import { narrowed, narrowSpec } from "$lib/narrow";
import { boundsOf, number, range, text, type ValuesOf } from "$lib/url";

export const SIZE = 20;
export const spec = {
  ...narrowSpec,
  range: range("30d"),
  code: text(),
  kind: text(),
  page: number(1, { min: 1 }),
};
export type Values = ValuesOf<typeof spec>;
export const FILTERS = ["code", "kind", "appVersion", "browser", "os", "country", "sdk"] as const;

/** One kind of issue, as far as it is shown. */
export interface Group {
  code: string;
  type: string;
  title: string;
  count: number;
  days: readonly { date: string; count: number }[];
}

/** How often it was on each of the days; 0 where it was not. */
export function trend(group: Group, days: readonly string[]): number[] {
  const known = new Map(group.days.map(({ date, count }) => [date, count]));
  return days.map((day) => known.get(day) ?? 0);
}

/** Change of the last seven days against the seven before, as a ratio; null when there is nothing to compare with. */
export function change(counts: readonly number[]): number | null {
  const sum = (part: readonly number[]): number => part.reduce((all, one) => all + one, 0);
  const last = sum(counts.slice(-7));
  const before = sum(counts.slice(-14, -7));
  return counts.length < 14 || before === 0 ? null : (last - before) / before;
}

/** Issues of all kinds shown, by day and severity. */
export function byDay(groups: readonly Group[], days: readonly string[]): ChartModel {
  const sums = new Map<string, number>();
  for (const group of groups)
    for (const { date, count } of group.days) {
      const at = `${date} ${group.type}`;
      sums.set(at, (sums.get(at) ?? 0) + count);
    }
  return stackedDays({
    days,
    series: [
      { id: "error", name: "Errors", signal: "error" },
      { id: "warning", name: "Warnings", signal: "warning" },
    ],
    value: (day, type) => sums.get(`${day} ${type}`),
  });
}

/** The query of one page of the issues of one code. */
export function askedList(appId: string, values: Values, now: number, limit = SIZE, offset?: number) {
  return meant({
    appId,
    code: values.code,
    type: values.kind,
    ...boundsOf(values.range, now),
    ...narrowed(values),
    order: "-created_at",
    limit: String(limit),
    offset: String(offset ?? (values.page - 1) * SIZE),
  });
}
