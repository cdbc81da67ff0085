/**
 * Keys of queries: resource first, then what it is asked for. `invalidateQueries({ queryKey: key("apps") })`
 * takes all that begins alike. Filters without a value do not count, so that absent and empty are one.
 */

export type Filters = Record<string, unknown>;

export function key(resource: string, ...parts: (string | number | Filters | null | undefined)[]): unknown[] {
  return [resource, ...parts.map((part) => (isFilters(part) ? meant(part) : (part ?? null)))];
}

function isFilters(part: unknown): part is Filters {
  return typeof part === "object" && part !== null;
}

/** Filters that say something: no null, no empty text, no empty list. For keys and for query strings alike. */
export function meant<T extends object>(filters: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(filters).filter(
      ([, value]) =>
        value !== null &&
        value !== undefined &&
        value !== "" &&
        !(Array.isArray(value) && value.length === 0),
    ),
  ) as Partial<T>;
}
