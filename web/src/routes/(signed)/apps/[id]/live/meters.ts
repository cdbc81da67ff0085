/** Figures of one running call, worked out from the samples of its connections. */
import type { LiveFlow, LiveSample } from "$lib/live";

export const FIGURES = ["rtt_ms", "loss_ratio", "sent_bps", "emos"] as const;
export type Figure = (typeof FIGURES)[number];
/** Of all connections the longest round trip, the largest loss and the lowest score, and the sum of what they send. */
export type Figures = Record<Figure, number | null>;
export type History = Record<Figure, readonly (number | null)[]>;

/** What was not heard of for so long says nothing of now. */
const FRESH_MS = 45_000;
/** A gap longer than this is no interval. */
const GAP_MS = 180_000;
/** Of a sparkline: 30 points, one in ten seconds. */
const POINTS = 30;
export const POINT_MS = 10_000;

interface Heard {
  figures: Figures;
  /** By our clock. */
  heardMs: number;
  sample: LiveSample;
}

const least = (values: readonly number[]): number | null => (values.length ? Math.min(...values) : null);
const most = (values: readonly number[]): number | null => (values.length ? Math.max(...values) : null);
const sum = (values: readonly number[]): number | null =>
  values.length ? values.reduce((all, one) => all + one, 0) : null;
const isThere = (value: number | null): value is number => value !== null;

/** How far a counter went; null where it is missing or was started anew. */
function grown(now: number | null, before: number | null | undefined): number | null {
  return now === null || before === null || before === undefined || now < before ? null : now - before;
}

interface Pair {
  now: LiveFlow;
  before: LiveFlow;
}

/** The flows of both samples; tracks that came or went have no interval. */
function pairs(now: LiveSample, before: LiveSample): Pair[] {
  const name = (flow: LiveFlow): string =>
    `${flow.kind} ${flow.direction} ${flow.track ?? flow.track_id ?? ""}`;
  const known = new Map(before.flows.map((flow) => [name(flow), flow]));
  return now.flows.flatMap((flow) => {
    const old = known.get(name(flow));
    return old ? [{ now: flow, before: old }] : [];
  });
}

/** Of the packets that were expected the share that was lost, of audio or of video. */
function lossOf(flows: readonly Pair[]): number | null {
  let lost = 0;
  let expected = 0;
  for (const { now, before } of flows) {
    const came = grown(now.packets, before.packets);
    if (came === null || now.lost === null || before.lost === null) continue;
    // A packet that was counted as lost may come late: then the counter falls.
    const gone = Math.max(0, now.lost - before.lost);
    lost += gone;
    expected += gone + came;
  }
  return expected > 0 ? lost / expected : null;
}

/** Figures of one connection between two of its samples; without a usable one before only what needs none. */
export function between(now: LiveSample, before: LiveSample | undefined): Figures {
  const inbound = now.flows.filter((flow) => flow.kind === "audio" && flow.direction === "inbound");
  const figures: Figures = {
    rtt_ms: now.rtt_ms,
    loss_ratio: null,
    sent_bps: null,
    emos: least(inbound.map((flow) => flow.emos).filter(isThere)),
  };
  const length = before ? Date.parse(now.created_at) - Date.parse(before.created_at) : 0;
  if (!before || !(length > 0 && length <= GAP_MS)) return figures;
  const flows = pairs(now, before);
  const got = flows.filter((flow) => flow.now.direction === "inbound");
  const losses = (["audio", "video"] as const).map((kind) =>
    lossOf(got.filter((one) => one.now.kind === kind)),
  );
  const sent = flows
    .filter((flow) => flow.now.direction === "outbound")
    .map((flow) => grown(flow.now.bytes, flow.before.bytes))
    .filter(isThere);
  const bytes = sum(sent);
  figures.loss_ratio = most(losses.filter(isThere));
  figures.sent_bps = bytes === null ? null : (bytes * 8_000) / length;
  return figures;
}

/** The connections of one call. */
export class Meters {
  readonly #heard = new Map<string, Heard>();

  take(sample: LiveSample, nowMs: number): void {
    const before = this.#heard.get(sample.connection)?.sample;
    if (before && Date.parse(before.created_at) >= Date.parse(sample.created_at)) return;
    this.#heard.set(sample.connection, { figures: between(sample, before), heardMs: nowMs, sample });
  }

  drop(connection: string): void {
    this.#heard.delete(connection);
  }

  /** Null when nothing was heard lately. Forgets connections that fell silent. */
  now(nowMs: number): Figures | null {
    const fresh: Figures[] = [];
    for (const [connection, { figures, heardMs }] of this.#heard) {
      if (nowMs - heardMs <= FRESH_MS) fresh.push(figures);
      else if (nowMs - heardMs > GAP_MS) this.#heard.delete(connection);
    }
    if (fresh.length === 0) return null;
    const all = (name: Figure): number[] => fresh.map((figures) => figures[name]).filter(isThere);
    return {
      rtt_ms: most(all("rtt_ms")),
      loss_ratio: most(all("loss_ratio")),
      sent_bps: sum(all("sent_bps")),
      emos: least(all("emos")),
    };
  }
}

export const NO_HISTORY: History = { rtt_ms: [], loss_ratio: [], sent_bps: [], emos: [] };

/** With one more point; the oldest ones go. */
export function longer(history: History, figures: Figures | null): History {
  const add = (name: Figure): (number | null)[] => [
    ...history[name].slice(1 - POINTS),
    figures?.[name] ?? null,
  ];
  return {
    rtt_ms: add("rtt_ms"),
    loss_ratio: add("loss_ratio"),
    sent_bps: add("sent_bps"),
    emos: add("emos"),
  };
}
