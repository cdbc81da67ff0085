/** How the list of conferences asks the server. Pure. */
import { narrowed } from "$lib/narrow";
import { boundsOf, number, oneOf, text, type ValuesOf } from "$lib/url";
import { meant } from "$lib/api";

import { listSpec } from "../overview";

export const SIZE = 20;

export const spec = {
  ...listSpec,
  query: text(),
  cause: text(),
  sort: oneOf(["newest", "oldest", "worst", "longest", "largest"]),
  page: number(1, { min: 1 }),
};
export type Values = ValuesOf<typeof spec>;

/** Names of filters that can be cleared, all but the time and the order. */
export const FILTERS = [
  "query",
  "status",
  "cause",
  "issue",
  "min",
  "max",
  "ids",
  "appVersion",
  "browser",
  "os",
  "country",
  "sdk",
] as const;

const SORTS = {
  newest: { server: "newest", column: "-created_at" },
  oldest: { server: "oldest", column: "created_at" },
  worst: { server: "score", column: "score" },
  longest: { server: "duration", column: "-duration" },
  largest: { server: "participants", column: "-participants_count" },
} as const;

/** The column that the table shows as sorted. */
export function columnOf(sort: Values["sort"]): string {
  return SORTS[sort].column;
}

/** The order that a press on a column's head means; the server knows one direction for most. */
export function sortOf(column: string): Values["sort"] {
  const bare = column.replace(/^-/, "");
  if (bare === "created_at") return column === "created_at" ? "oldest" : "newest";
  if (bare === "score") return "worst";
  return bare === "duration" ? "longest" : "largest";
}

/** The query of one page of the list; `limit` and `offset` may be given for a file. */
export function asked(appId: string, values: Values, now: number, limit = SIZE, offset?: number) {
  return meant({
    appId,
    query: values.query.trim(),
    status: values.status[0] ?? "",
    cause: values.cause,
    issue_code: values.issue[0] ?? "",
    duration_gte: values.min === null ? "" : String(values.min),
    duration_lt: values.max === null ? "" : String(values.max),
    conference_ids: values.ids.join(","),
    ...boundsOf(values.range, now),
    ...narrowed(values),
    sort: SORTS[values.sort].server,
    limit: String(limit),
    offset: String(offset ?? (values.page - 1) * SIZE),
  });
}
