/** The things of a conference, as the interface answers them, with the loose parts read into shape. */
import type { components } from "$lib/api/schema";

type Schemas = components["schemas"];
export type Conference = Schemas["ConferenceDetail"];
export type Participant = Schemas["Participant"];
export type Session = Schemas["Session"];
export type Connection = Schemas["Connection"];
export type Issue = Schemas["Issue"];
export type CallEvent = Schemas["Event"];
export type Diagnosed = Schemas["Diagnosed"];
export type Diagnosis = Schemas["ConferenceDiagnosis"];
export type FigureTotal = Schemas["FigureTotal"];
export type FigureLine = Schemas["FigureLine"];

export type Fields = Record<string, unknown>;

/** The fields of a JSON object; none of anything else. */
export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** The items of a JSON list; none of anything else. */
export function items(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text that says something; null for anything else. */
export function text(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value : null;
}

/** A finite number; null for anything else. */
export function figure(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** Milliseconds since the epoch of an instant; null when there is none. */
export function epoch(at: string | null | undefined): number | null {
  if (!at) return null;
  const ms = Date.parse(at);
  return Number.isNaN(ms) ? null : ms;
}

/** Milliseconds since the epoch of an instant that must be there. */
export function instant(at: string): number {
  return epoch(at) ?? 0;
}

/** What a participant goes by: the name, else the application's own id. */
export function nameOf(
  participant: Pick<Participant, "participant_name" | "participant_id"> | undefined,
): string {
  return participant?.participant_name || participant?.participant_id || "Unknown participant";
}

/** Oldest first; what happened at the same moment stays in the order of its ids. */
export function inOrder<T extends { created_at: string; id: string }>(rows: Iterable<T>): T[] {
  return [...rows].sort((a, b) => compareText(a.created_at, b.created_at) || compareText(a.id, b.id));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Rows by a key, in the order in which they came. */
export function grouped<T, K>(rows: Iterable<T>, key: (row: T) => K): Map<K, T[]> {
  const found = new Map<K, T[]>();
  for (const row of rows) {
    const at = key(row);
    const group = found.get(at);
    if (group) group.push(row);
    else found.set(at, [row]);
  }
  return found;
}
