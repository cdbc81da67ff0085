/** How bad a running call is, which ones are shown, and in which order. Pure. */
import type { components } from "$lib/api";
import type { Signal } from "$lib/ui";
import { flag, list, oneOf, text, type ValuesOf } from "$lib/url";

import type { Figure, Figures } from "./meters";

export type Running = components["schemas"]["RunningConference"];
export type State = Running["state"];

export const spec = {
  state: list(),
  q: text(),
  sort: oneOf(["worst", "newest"]),
  /** Calls in which nothing is measured any more are shown at the end, or not at all. */
  measured: flag(),
};
export type Wanted = ValuesOf<typeof spec>;
export const FILTERS = ["state", "q", "measured"] as const;

export const STATES: Record<State, { word: string; signal: Signal }> = {
  error: { word: "Trouble now", signal: "error" },
  warning: { word: "Warning now", signal: "warning" },
  clear: { word: "Clear", signal: "success" },
};

/** From where on a figure is bad, and fair before that; as in docs/reference/figures.md. */
const LIMITS: Partial<Record<Figure, { bad: number; fair: number; low?: true }>> = {
  rtt_ms: { bad: 300, fair: 150 },
  loss_ratio: { bad: 0.03, fair: 0.01 },
  emos: { bad: 3.5, fair: 4, low: true },
};
export type Grade = "good" | "fair" | "bad";

export function grade(figure: Figure, value: number | null | undefined): Grade {
  const limit = LIMITS[figure];
  if (!limit || value === null || value === undefined) return "good";
  const beyond = (edge: number): boolean => (limit.low ? value <= edge : value >= edge);
  return beyond(limit.bad) ? "bad" : beyond(limit.fair) ? "fair" : "good";
}

const WEIGHT: Record<State, number> = { error: 100, warning: 50, clear: 0 };
const POINTS: Record<Grade, number> = { bad: 10, fair: 3, good: 0 };

/** In coarse steps, so that calls do not change places with every sample. */
export function badness(call: Running, figures: Figures | null): number {
  let points = WEIGHT[call.state] + (call.has_errors ? 2 : call.has_warnings ? 1 : 0);
  for (const name of ["rtt_ms", "loss_ratio", "emos"] as const)
    points += POINTS[grade(name, figures?.[name])];
  return points;
}

/** Text is looked for in the name, the id and the issues, whatever the case. */
export function matches(call: Running, figures: Figures | null, wanted: Wanted): boolean {
  if (wanted.state.length > 0 && !wanted.state.includes(call.state)) return false;
  if (wanted.measured && !figures) return false;
  const sought = wanted.q.trim().toLowerCase();
  if (!sought) return true;
  const texts = [call.conference_name ?? "", call.conference_id, ...call.issues.map(({ title }) => title)];
  return texts.some((one) => one.toLowerCase().includes(sought));
}

export interface Shown {
  id: string;
  call: Running;
  figures: Figures | null;
}

/** Those that are wanted, in their order: equal ones keep the newest first. */
export function arranged<T extends Shown>(cards: readonly T[], wanted: Wanted): T[] {
  const found = cards.filter(({ call, figures }) => matches(call, figures, wanted));
  const points = new Map(
    wanted.sort === "worst" ? found.map((one) => [one.id, badness(one.call, one.figures)]) : [],
  );
  return found.sort(
    (a, b) =>
      (points.get(b.id) ?? 0) - (points.get(a.id) ?? 0) ||
      b.call.created_at.localeCompare(a.call.created_at) ||
      b.id.localeCompare(a.id),
  );
}

export interface Counts {
  running: number;
  people: number;
  errors: number;
  warnings: number;
  /** Calls in which something went wrong before, or does now. */
  hadErrors: number;
}

export function counted(calls: readonly Running[], running: number): Counts {
  return {
    running,
    people: calls.reduce((all, call) => all + call.present, 0),
    errors: calls.filter((call) => call.state === "error").length,
    warnings: calls.filter((call) => call.state === "warning").length,
    hadErrors: calls.filter((call) => call.has_errors).length,
  };
}
