/** The calls on the wall. Each card has state of its own: a sample of one call draws nothing of the others. */
/* eslint-disable svelte/prefer-svelte-reactivity -- what is known is nobody's to watch: `cards` and the cards are */
import type { components } from "$lib/api";
import type { LiveSample } from "$lib/live";

import { FIGURES, type Figures, type History, longer, Meters, NO_HISTORY, POINT_MS } from "./meters";
import { type Counts, counted, type Running } from "./order";

export type Snapshot = components["schemas"]["LiveNow"];

/** How long an ended call stays, and then fades. */
export const STAYS_MS = 6_000;
const FADES_MS = 600;
/** The server may answer with what it knew some seconds ago. */
const STALE_MS = 5_000;

function alike(a: Figures | null, b: Figures | null): boolean {
  return a === b || (a !== null && b !== null && FIGURES.every((name) => a[name] === b[name]));
}

export class Card {
  readonly id: string;
  call: Running = $state.raw() as Running;
  figures = $state.raw<Figures | null>(null);
  history = $state.raw<History>(NO_HISTORY);
  /** When it ended, by our clock. */
  endedMs = $state<number | null>(null);
  leaving = $state(false);
  /** Came while somebody looked. */
  readonly isNew: boolean;
  readonly meters = new Meters();
  pointMs = 0;

  constructor(call: Running, isNew: boolean) {
    this.id = call.id;
    this.call = call;
    this.isNew = isNew;
  }

  show(nowMs: number): void {
    const figures = this.meters.now(nowMs) ?? this.call.figures;
    if (!alike(this.figures, figures)) this.figures = figures;
    if (nowMs - this.pointMs < POINT_MS || this.endedMs !== null) return;
    if (this.figures || this.history !== NO_HISTORY) this.history = longer(this.history, this.figures);
    this.pointMs = nowMs;
  }
}

const same = (a: Running, b: Running): boolean => JSON.stringify(a) === JSON.stringify(b);

export class Wall {
  cards = $state.raw<readonly Card[]>([]);
  counts = $state.raw<Counts | null>(null);
  /** Goes up when the order may be another one. */
  version = $state(0);
  /** How far our clock is ahead of the server's. */
  skewMs = $state(0);

  readonly #known = new Map<string, Card>();
  #begun = false;
  #running = 0;

  /** What runs now. Calls that are not in it have ended. */
  snapshot(data: Snapshot, nowMs: number): void {
    const seen = new Set<string>();
    const skew = nowMs - Date.parse(data.at);
    // An answer that waited says less of the clock than one that came at once.
    if (!this.#begun || skew < this.skewMs) this.skewMs = skew;
    for (const call of data.conferences) {
      seen.add(call.id);
      this.#put(call, nowMs);
    }
    const whole = data.count <= data.conferences.length;
    if (whole) for (const card of this.#known.values()) if (!seen.has(card.id)) this.#end(card, nowMs);
    this.#running = Math.max(data.count - data.conferences.length, 0);
    this.#begun = true;
    this.#changed();
  }

  ended(id: string, nowMs: number): void {
    const card = this.#known.get(id);
    if (!card || card.endedMs !== null) return;
    this.#end(card, nowMs);
    this.#count();
  }

  connectionEnded(id: string, connection: string): void {
    this.#known.get(id)?.meters.drop(connection);
  }

  samples(samples: readonly LiveSample[], nowMs: number): void {
    const touched = new Set<Card>();
    for (const sample of samples) {
      const card = this.#known.get(sample.conference);
      if (!card || card.endedMs !== null) continue;
      card.meters.take(sample, nowMs);
      touched.add(card);
    }
    for (const card of touched) card.show(nowMs);
  }

  /** Every few seconds: what ended goes, figures that grew old go, and the order is looked at again. */
  settle(nowMs: number): void {
    let gone = false;
    for (const card of this.#known.values()) {
      if (card.endedMs === null) {
        card.show(nowMs);
      } else if (nowMs - card.endedMs >= STAYS_MS + FADES_MS) {
        this.#known.delete(card.id);
        gone = true;
      } else {
        card.leaving = nowMs - card.endedMs >= STAYS_MS;
      }
    }
    if (gone) this.cards = [...this.#known.values()];
  }

  /** The order may be looked at again. */
  sort(): void {
    this.version += 1;
  }

  #put(call: Running, nowMs: number): void {
    const card = this.#known.get(call.id);
    if (!card) {
      const made = new Card(call, this.#begun);
      this.#known.set(call.id, made);
      made.show(nowMs);
    } else if (card.endedMs !== null) {
      if (nowMs - card.endedMs > STALE_MS) {
        card.endedMs = null;
        card.leaving = false;
        card.call = call;
      }
    } else if (!same(card.call, call)) {
      card.call = call;
    }
  }

  #end(card: Card, nowMs: number): void {
    card.endedMs ??= nowMs;
  }

  #changed(): void {
    const cards = [...this.#known.values()];
    if (cards.length !== this.cards.length || cards.some((card, at) => card !== this.cards[at]))
      this.cards = cards;
    this.#count();
  }

  #count(): void {
    const calls = [...this.#known.values()].filter((card) => card.endedMs === null).map((card) => card.call);
    this.counts = counted(calls, calls.length + this.#running);
  }
}
