/** Which connection the explorer begins with, what each is called, and which is the same one seen from the other end. */
import { type Connection, epoch, instant, type Issue } from "./shapes";

/** The one that is asked for, else the one with most errors and warnings, else the first. */
export function pick(
  connections: readonly Connection[],
  issues: readonly Issue[],
  asked: string,
): Connection | undefined {
  const named = connections.find((one) => one.id === asked);
  if (named) return named;
  const weight = (one: Connection): number =>
    issues
      .filter((issue) => issue.connection === one.id)
      .reduce((sum, issue) => sum + (issue.type === "error" ? 100 : 1), 0);
  return [...connections].sort((a, b) => weight(b) - weight(a))[0];
}

/** "Noor to Ravi": with a number where several have the same ends. */
export function labels(
  connections: readonly Connection[],
  names: ReadonlyMap<string, string>,
): Map<string, string> {
  const seen = new Map<string, number>();
  return new Map(
    connections.map((one) => {
      const ends = `${names.get(one.participant) ?? "unknown"} to ${names.get(one.peer) ?? "unknown"}`;
      const number = (seen.get(ends) ?? 0) + 1;
      seen.set(ends, number);
      return [one.id, number > 1 ? `${ends} (${number})` : ends];
    }),
  );
}

/** The peer's connection to this end that overlaps longest; undefined when the peer reported none. */
export function otherEnd(
  connection: Connection,
  connections: readonly Connection[],
  now: number,
): Connection | undefined {
  const overlap = (one: Connection): number =>
    Math.min(epoch(one.end_time) ?? now, epoch(connection.end_time) ?? now) -
    Math.max(instant(one.start_time), instant(connection.start_time));
  return connections
    .filter((one) => one.participant === connection.peer && one.peer === connection.participant)
    .filter((one) => overlap(one) > 0)
    .sort((a, b) => overlap(b) - overlap(a))[0];
}
