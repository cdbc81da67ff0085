/** What of a page grows old by what the live stream tells. */
type Part =
  "conference" | "sessions" | "connections" | "issues" | "participants" | "diagnosis" | "heard" | "path";

/** By the kind of the change. */
export const AGED: Record<string, readonly Part[]> = {
  conference: ["conference", "participants", "diagnosis", "heard"],
  session: ["sessions", "participants"],
  connection: ["connections", "participants", "path"],
  issue: ["issues", "conference"],
  sample: ["heard"],
};

/** Each part once, however many changes came. */
export function agedBy(kinds: readonly string[]): Part[] {
  return [...new Set(kinds.flatMap((kind) => AGED[kind] ?? []))];
}
