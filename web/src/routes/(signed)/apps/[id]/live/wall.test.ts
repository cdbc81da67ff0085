import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { LiveFlow, LiveSample } from "$lib/live";

import { between, type Figures, longer, Meters, NO_HISTORY } from "./meters";
import { arranged, badness, counted, grade, type Running, type Wanted } from "./order";
import { Rereads } from "./rereads";
import { type Snapshot, Wall } from "./wall.svelte";

const T0 = Date.parse("2026-01-15T10:00:00Z");

function flow(part: Partial<LiveFlow> = {}): LiveFlow {
  return {
    track: "t",
    track_id: null,
    kind: "audio",
    direction: "inbound",
    bytes: 0,
    packets: 0,
    lost: 0,
    jitter_ms: null,
    emos: null,
    ...part,
  };
}

function sample(second: number, flows: LiveFlow[], part: Partial<LiveSample> = {}): LiveSample {
  return {
    connection: "k",
    session: "s",
    conference: "c",
    participant: "p",
    created_at: new Date(T0 + second * 1000).toISOString(),
    rtt_ms: 40,
    available_bps: null,
    local_type: null,
    flows,
    ...part,
  };
}

function running(id: string, part: Partial<Running> = {}): Running {
  return {
    id,
    app: "a",
    conference_id: `room ${id}`,
    conference_name: null,
    created_at: "2026-01-15T09:00:00.000000Z",
    began_at: "2026-01-15T09:00:00.000000Z",
    duration: 0,
    present: 2,
    participants: 3,
    state: "clear",
    has_errors: false,
    has_warnings: false,
    issues: [],
    cause: null,
    score: null,
    measured_at: null,
    figures: null,
    ...part,
  };
}

const snapshot = (calls: Running[], count = calls.length): Snapshot => ({
  at: new Date(T0).toISOString(),
  last_event_id: "1-0",
  count,
  conferences: calls,
});
const wanted: Wanted = { state: [], q: "", sort: "worst", measured: false };
const good: Figures = { rtt_ms: 20, loss_ratio: 0, sent_bps: 1e6, emos: 4.4 };

describe("figures of a connection", () => {
  it("are differences of two samples", () => {
    const before = sample(0, [
      flow({ packets: 100, lost: 0 }),
      flow({ direction: "outbound", track: "o", bytes: 1_000 }),
    ]);
    const now = sample(10, [
      flow({ packets: 190, lost: 10, emos: 3.9 }),
      flow({ direction: "outbound", track: "o", bytes: 126_000 }),
    ]);
    expect(between(now, before)).toEqual({ rtt_ms: 40, loss_ratio: 0.1, sent_bps: 100_000, emos: 3.9 });
    expect(between(now, undefined)).toEqual({ rtt_ms: 40, loss_ratio: null, sent_bps: null, emos: 3.9 });
  });

  it("do not come from counters that were started anew, long gaps or tracks that came", () => {
    const before = sample(0, [flow({ packets: 100, lost: 5 })]);
    expect(between(sample(10, [flow({ packets: 3, lost: 0 })]), before).loss_ratio).toBeNull();
    expect(between(sample(200, [flow({ packets: 300, lost: 5 })]), before).loss_ratio).toBeNull();
    expect(between(sample(10, [flow({ track: "u", packets: 300, lost: 5 })]), before).loss_ratio).toBeNull();
    // One that was counted as lost came late.
    expect(between(sample(10, [flow({ packets: 200, lost: 4 })]), before).loss_ratio).toBe(0);
  });
});

describe("figures of a call", () => {
  it("are those of its worst connection, and the sum of what is sent", () => {
    const meters = new Meters();
    const out = (bytes: number): LiveFlow => flow({ direction: "outbound", track: "o", bytes });
    for (const [connection, rtt] of [
      ["k", 40],
      ["l", 300],
    ] as const)
      for (const second of [0, 10])
        meters.take(sample(second, [out(second * 1_000)], { connection, rtt_ms: rtt }), T0 + second * 1_000);
    expect(meters.now(T0 + 10_000)).toEqual({ rtt_ms: 300, loss_ratio: null, sent_bps: 16_000, emos: null });
    meters.drop("l");
    expect(meters.now(T0 + 10_000)?.rtt_ms).toBe(40);
    expect(meters.now(T0 + 60_000)).toBeNull();
  });

  it("keep a bounded history", () => {
    let history = NO_HISTORY;
    for (let at = 0; at < 100; at += 1) history = longer(history, { ...good, rtt_ms: at });
    expect(history.rtt_ms).toHaveLength(30);
    expect(history.rtt_ms.at(-1)).toBe(99);
    expect(longer(history, null).emos.at(-1)).toBeNull();
  });
});

describe("the order", () => {
  it("goes by trouble, then by figures, then by age", () => {
    const cards = [
      { id: "calm", call: running("calm"), figures: good },
      { id: "lossy", call: running("lossy"), figures: { ...good, loss_ratio: 0.05 } },
      { id: "old", call: running("old", { created_at: "2026-01-14T09:00:00.000000Z" }), figures: good },
      { id: "error", call: running("error", { state: "error" }), figures: null },
      { id: "warning", call: running("warning", { state: "warning" }), figures: good },
    ];
    expect(arranged(cards, wanted).map(({ id }) => id)).toEqual(["error", "warning", "lossy", "calm", "old"]);
    expect(arranged(cards, { ...wanted, sort: "newest" }).at(-1)?.id).toBe("old");
    expect(arranged(cards, { ...wanted, state: ["error"] }).map(({ id }) => id)).toEqual(["error"]);
    expect(arranged(cards, { ...wanted, measured: true })).toHaveLength(4);
    expect(arranged(cards, { ...wanted, q: "ROOM loss" }).map(({ id }) => id)).toEqual(["lossy"]);
  });

  it("knows bad figures", () => {
    expect([grade("rtt_ms", 299), grade("rtt_ms", 300), grade("rtt_ms", null)]).toEqual([
      "fair",
      "bad",
      "good",
    ]);
    expect([grade("emos", 3.5), grade("emos", 4.2), grade("sent_bps", 1)]).toEqual(["bad", "good", "good"]);
    expect(badness(running("x", { has_errors: true }), null)).toBe(2);
  });

  it("counts", () => {
    const calls = [running("a", { state: "error", has_errors: true }), running("b", { state: "warning" })];
    expect(counted(calls, 1200)).toEqual({ running: 1200, people: 4, errors: 1, warnings: 1, hadErrors: 1 });
  });
});

describe("the wall", () => {
  it("takes snapshots in, and lets go of what ended after a while", () => {
    const wall = new Wall();
    wall.snapshot(snapshot([running("a"), running("b")]), T0);
    const [first] = wall.cards;
    expect(first?.isNew).toBe(false);
    wall.ended("b", T0 + 100);
    expect(wall.counts?.running).toBe(1);
    // Remembered from before it ended.
    wall.snapshot(snapshot([running("a", { present: 7 }), running("b"), running("c")]), T0 + 200);
    expect(wall.cards.map(({ id, endedMs, isNew }) => [id, endedMs, isNew])).toEqual([
      ["a", null, false],
      ["b", T0 + 100, false],
      ["c", null, true],
    ]);
    expect(wall.cards[0]).toBe(first);
    expect([first?.call.present, wall.counts?.people]).toEqual([7, 9]);
    wall.settle(T0 + 6_200);
    expect(wall.cards[1]?.leaving).toBe(true);
    wall.settle(T0 + 7_000);
    expect(wall.cards.map(({ id }) => id)).toEqual(["a", "c"]);
    wall.snapshot(snapshot([running("a")]), T0 + 8_000);
    expect(wall.counts?.running).toBe(1);
  });

  it("does not end calls that a snapshot had no room for", () => {
    const wall = new Wall();
    wall.snapshot(snapshot([running("a")]), T0);
    wall.snapshot(snapshot([running("b")], 2), T0 + 1);
    expect(wall.cards.map(({ endedMs }) => endedMs)).toEqual([null, null]);
    expect(wall.counts?.running).toBe(3);
  });

  it("brings samples to their cards", () => {
    const wall = new Wall();
    wall.snapshot(
      snapshot([running("c"), running("d", { figures: { ...good, jitter_ms: 1, freeze_ratio: 0 } })]),
      T0,
    );
    wall.samples([sample(0, []), sample(0, [], { conference: "unknown" })], T0);
    expect(wall.cards.map((card) => card.figures?.rtt_ms)).toEqual([40, 20]);
    const before = wall.cards[0]?.figures;
    wall.settle(T0 + 1_000);
    expect(wall.cards[0]?.figures).toBe(before);
  });
});

describe("reading again", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("is soon, never often, and once more when the answer may be older than the change", async () => {
    const read = vi.fn(() => Promise.resolve());
    const rereads = new Rereads(read);
    rereads.changed();
    await vi.advanceTimersByTimeAsync(250);
    expect(read).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(read).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(read).toHaveBeenCalledTimes(2);
    for (let at = 0; at < 100; at += 1) {
      rereads.changed();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(read.mock.calls.length).toBeLessThanOrEqual(7);
    rereads.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
