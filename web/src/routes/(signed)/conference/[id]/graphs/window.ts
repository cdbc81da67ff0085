/** Which part of the call is looked at, and how finely it must be read for that. */
import type { Codec } from "$lib/url";

import { type Flow, reportsIn, type Stretch } from "./flows";

const FORM = /^(\d{12,14})-(\d{12,14})$/;
const MINUTE = 60_000;
/** The server works out the figures of at most 6000 reports for one answer. */
const MOST_REPORTS = 5_500;
/** Without being asked for more: about two megabytes. */
const FREE_REPORTS = 2_000;
const SHORTEST_MS = 5_000;

/** In an address: two times in milliseconds since 1970, as `1763740800000-1763741100000`. */
export function stretch(): Codec<Stretch | null> {
  return {
    read: ([value]) => {
      const parts = FORM.exec(value ?? "");
      if (!parts) return null;
      const [from, to] = [Number(parts[1]), Number(parts[2])];
      return from < to ? { from, to } : null;
    },
    write: (value) => (value ? [`${Math.floor(value.from)}-${Math.ceil(value.to)}`] : []),
  };
}

/** A part of the whole in shares of it; null when it is about all of it, or none of it. */
export function partOf(whole: Stretch, start: number, end: number): Stretch | null {
  const length = whole.to - whole.from;
  if (length <= 0 || (start <= 0.001 && end >= 0.999)) return null;
  return { from: Math.round(whole.from + length * start), to: Math.round(whole.from + length * end) };
}

/** What is seen: the part that was chosen, as far as it lies in the whole. */
export function seen(whole: Stretch, part: Stretch | null): Stretch {
  if (!part) return whole;
  const from = Math.max(whole.from, part.from);
  const to = Math.min(whole.to, part.to);
  return to > from ? { from, to } : whole;
}

/** Nearer by half, or twice as far, around the middle; null when that is the whole. */
export function zoomed(whole: Stretch, part: Stretch | null, factor: number): Stretch | null {
  const { from, to } = seen(whole, part);
  const length = Math.max(SHORTEST_MS, (to - from) * factor);
  if (length >= whole.to - whole.from) return null;
  const begin = Math.min(Math.max(whole.from, (from + to - length) / 2), whole.to - length);
  return { from: Math.round(begin), to: Math.round(begin + length) };
}

/** Sideways by a share of what is seen. */
export function moved(whole: Stretch, part: Stretch | null, share: number): Stretch | null {
  if (!part) return null;
  const { from, to } = seen(whole, part);
  const begin = Math.min(Math.max(whole.from, from + (to - from) * share), whole.to - (to - from));
  return { from: Math.round(begin), to: Math.round(begin + (to - from)) };
}

export interface Detail {
  participantId?: string;
  from?: string;
  to?: string;
}

/**
 * What to ask for report by report, when the overview comes in minutes; null when that would be too much. A part that was
 * zoomed into is asked for with as much again around it, so that a little panning needs nothing new.
 */
export function detailOf(
  flows: readonly Flow[],
  whole: Stretch,
  part: Stretch | null,
  participant: string,
  intervalMs: number,
): Detail | null {
  const own = participant ? flows.filter((flow) => flow.participant === participant) : flows;
  const base: Detail = participant ? { participantId: participant } : {};
  if (reportsIn(own, whole, intervalMs) <= (participant ? MOST_REPORTS : FREE_REPORTS)) return base;
  if (!part) return null;
  const { from, to } = seen(whole, part);
  for (const more of [0.5, 0.1]) {
    const around = (to - from) * more;
    const asked = {
      from: Math.floor((from - around) / MINUTE) * MINUTE,
      to: Math.ceil((to + around) / MINUTE) * MINUTE,
    };
    if (reportsIn(own, asked, intervalMs) <= MOST_REPORTS)
      return { ...base, from: new Date(asked.from).toISOString(), to: new Date(asked.to).toISOString() };
  }
  return null;
}
