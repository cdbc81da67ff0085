/** Findings with their evidence, in the order in which a person should read them. */
import { bitrate, decimal, ms, percent, withUnit } from "$lib/format";

import { type CallEvent, fields, figure, inOrder, instant, type Issue } from "./shapes";

/** Errors first, then as they came. */
export function ranked(issues: readonly Issue[]): Issue[] {
  return inOrder(issues).sort((a, b) => Number(a.type !== "error") - Number(b.type !== "error"));
}

/** Seconds that an issue lasted; null while it lasts, 0 for what was over at once. */
export function lastedS(issue: Pick<Issue, "created_at" | "ended_at">): number | null {
  if (issue.ended_at === null) return null;
  return Math.max(0, (instant(issue.ended_at) - instant(issue.created_at)) / 1000);
}

/** Events known so far and those that came, each once, oldest first; the later answer wins. */
export function merged(known: readonly CallEvent[], come: readonly CallEvent[]): CallEvent[] {
  if (come.length === 0) return [...known];
  const all = new Map(known.map((event) => [event.id, event]));
  for (const event of come) all.set(event.id, event);
  return inOrder(all.values());
}

/** From where to ask for what came since: late events are entered up to `overlapMs` before the newest one. */
export function since(known: readonly CallEvent[], overlapMs = 120_000): string | null {
  const newest = known.at(-1);
  return newest ? new Date(instant(newest.created_at) - overlapMs).toISOString() : null;
}

const UNITS: Record<string, (value: number) => string> = { ratio: percent, ms, bps: bitrate };
// Told in other words, or of no use to people.
const SILENT = new Set(["seconds", "unit", "worst", "spells"]);

/** What is known beside the words: how bad it was at its worst, how often, and what else its data says. */
export function factsOf(issue: Pick<Issue, "data">): [name: string, value: string][] {
  const data = fields(issue.data);
  const others = Object.entries(data).flatMap(([name, value]): [string, string][] => {
    const said = SILENT.has(name) ? null : spokenValue(value);
    return said === null ? [] : [[name.replaceAll("_", " "), said]];
  });
  return [...measured(data), ...others];
}

function measured(data: Record<string, unknown>): [string, string][] {
  const [worst, unit, spells] = [figure(data["worst"]), data["unit"], figure(data["spells"])];
  const found: [string, string][] = [];
  if (worst !== null && typeof unit === "string" && unit !== "") {
    found.push(["at worst", UNITS[unit]?.(worst) ?? withUnit(worst, unit)]);
  }
  if (spells !== null && spells > 1) found.push(["times", decimal(spells, 0)]);
  return found;
}

function spokenValue(value: unknown): string | null {
  if (typeof value === "number") return decimal(value, 2);
  return typeof value === "string" && value !== ""
    ? value
    : typeof value === "boolean"
      ? String(value)
      : null;
}
