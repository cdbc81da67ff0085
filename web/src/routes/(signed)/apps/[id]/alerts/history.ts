/** What the list of an app's alerts asks for. Pure. */
import { meant } from "$lib/api";
import { boundsOf, number, oneOf, range, text, type ValuesOf } from "$lib/url";

export const SIZE = 20;
export const FILTERS = ["rule", "severity", "context", "state", "parts"] as const;
export const spec = {
  range: range("30d"),
  rule: text(),
  severity: text(),
  context: text(),
  state: text(),
  parts: oneOf(["no", "yes"]),
  page: number(1, { min: 1 }),
};
export type Values = ValuesOf<typeof spec>;

/** The query of one page of the list. */
export function askedHistory(appId: string, values: Values, now: number, limit = SIZE, offset?: number) {
  const { created_at_gte: from, created_at_lt: to } = boundsOf(values.range, now);
  return meant({
    appId,
    from,
    to: to ?? "",
    rule: values.rule,
    severity: values.severity,
    context: values.context,
    state: values.state,
    parts: values.parts,
    limit: String(limit),
    offset: String(offset ?? (values.page - 1) * SIZE),
  });
}
