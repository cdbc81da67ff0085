/** Who was there when, for the strip above the graphs. */
import type { components } from "$lib/api/schema";

import type { Stretch } from "./flows";
import type { Person } from "./scope";

type Participant = components["schemas"]["Participant"];
type Session = components["schemas"]["Session"];

export interface Stay extends Stretch {
  id: string;
  open: boolean;
}

export interface Present extends Person {
  stays: Stay[];
}

export function personName(one: Pick<Participant, "participant_name" | "participant_id">): string {
  return one.participant_name || one.participant_id || "Unknown participant";
}

/** People with their stays, who came first on top; then those without a session that others name, media servers last. */
export function presences(
  participants: readonly Participant[],
  sessions: readonly Session[],
  now: number,
): Present[] {
  const stays = new Map<string, Stay[]>();
  for (const { id, participant, created_at, end_time } of sessions) {
    const stay = {
      id,
      from: Date.parse(created_at),
      to: end_time === null ? now : Date.parse(end_time),
      open: end_time === null,
    };
    stays.set(participant, [...(stays.get(participant) ?? []), stay]);
  }
  const came = (id: string): number => Math.min(Infinity, ...(stays.get(id) ?? []).map(({ from }) => from));
  const named = (one: Participant): string =>
    one.is_sfu ? `${personName(one)} (media server)` : personName(one);
  return [...participants]
    .sort(
      (a, b) =>
        Number(a.is_sfu) - Number(b.is_sfu) ||
        compared(came(a.id), came(b.id)) ||
        named(a).localeCompare(named(b)),
    )
    .map((one) => ({ id: one.id, name: named(one), stays: stays.get(one.id) ?? [] }));
}

function compared(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Place of a stay on a strip that shows `seen`, in per cent; null when it is outside. */
export function placed(stay: Stretch, seen: Stretch): { left: number; width: number } | null {
  const length = seen.to - seen.from;
  const from = Math.max(stay.from, seen.from);
  const to = Math.min(stay.to, seen.to);
  if (length <= 0 || to < from) return null;
  return { left: ((from - seen.from) / length) * 100, width: ((to - from) / length) * 100 };
}
