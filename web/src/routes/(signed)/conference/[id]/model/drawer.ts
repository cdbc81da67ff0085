/** Which events the drawer lists, and under which title. */
import type { Shown } from "../address";
import { type CallEvent, type Connection, instant } from "./shapes";
import { eventsWithin, type PeriodKind } from "./timeline";
import { type MarkKind, markOf } from "./words";

/** To either side of an event that was reached without a period: what happened around it. */
export const AROUND_MS = 10_000;

const TITLES: Record<PeriodKind | MarkKind | "all", string> = {
  presence: "While on the page",
  connected: "Connection",
  connecting: "Connecting",
  renegotiation: "Renegotiation",
  issue: "While the issue lasted",
  "get-user-media": "Media requests",
  custom: "Custom events",
  page: "Page events",
  track: "Track events",
  all: "While on the page",
};

export function titleOf(show: Shown | null): string {
  if (!show) return "Around an event";
  return TITLES[show.kind as PeriodKind] ?? "Events";
}

/** The events of what was pressed, oldest first. */
export function listed(events: readonly CallEvent[], show: Shown): CallEvent[] {
  if (show.of === "connection") return eventsWithin(events, show.id, show);
  return events.filter((event) => {
    if (event.participant !== show.id) return false;
    if (show.kind !== "all" && markOf(event) !== show.kind) return false;
    const at = instant(event.created_at);
    return at >= Math.floor(show.from) && at <= Math.ceil(show.to);
  });
}

/** The surroundings of an event: of its connection, or of its participant when it belongs to none. */
export function around(event: CallEvent): Shown {
  const at = instant(event.created_at);
  const span = { from: at - AROUND_MS, to: at + AROUND_MS };
  return event.connection
    ? { of: "connection", id: event.connection, kind: "around", ...span }
    : { of: "participant", id: event.participant, kind: "all", ...span };
}

/** Whose events they are, in words. */
export function whose(
  show: Shown,
  connections: readonly Connection[],
  names: ReadonlyMap<string, string>,
): string {
  if (show.of === "participant") return names.get(show.id) ?? "Unknown participant";
  const connection = connections.find((one) => one.id === show.id);
  const end = (id: string | undefined): string => names.get(id ?? "") ?? "unknown";
  return `${end(connection?.participant)} to ${end(connection?.peer)}`;
}
