/** Sorting of tables: by a key, or by a key with a minus for the biggest first. */
import type { Column } from "./types";

export type Direction = "ascending" | "descending" | "none";

export function directionOf(sort: string, key: string): Direction {
  if (sort === key) return "ascending";
  return sort === `-${key}` ? "descending" : "none";
}

/** What a press on a header makes of the sorting. */
export function pressed(sort: string, column: Pick<Column<never>, "key" | "descending">): string {
  const now = directionOf(sort, column.key);
  if (now === "none") return column.descending ? `-${column.key}` : column.key;
  return now === "ascending" ? `-${column.key}` : column.key;
}

type Value = string | number | boolean | Date | null | undefined;

const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function present(a: Value, b: Value): number {
  if (typeof a === "string" && typeof b === "string") return words.compare(a, b);
  return Number(a) - Number(b);
}

/** The rows in order; what has no value comes last, whichever the direction. */
export function sorted<Row>(rows: readonly Row[], columns: readonly Column<Row>[], sort: string): Row[] {
  const key = sort.startsWith("-") ? sort.slice(1) : sort;
  const value = columns.find((column) => column.key === key)?.value;
  if (!value) return [...rows];
  const sign = sort.startsWith("-") ? -1 : 1;
  const missing = (one: Value): boolean =>
    one === null || one === undefined || (typeof one === "number" && Number.isNaN(one));
  return rows.toSorted((left, right) => {
    const [a, b] = [value(left), value(right)];
    if (missing(a) || missing(b)) return Number(missing(a)) - Number(missing(b));
    return sign * present(a, b);
  });
}
