import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { addressOf, backOffMs, gathered } from "./events";
import { LiveStream, type Source } from "./stream.svelte";

class FakeSource implements Source {
  onerror: ((event: Event) => void) | null = null;
  closed = false;
  readonly listeners = new Map<string, (event: MessageEvent<string>) => void>();

  constructor(readonly address: string) {}

  addEventListener(kind: string, act: (event: MessageEvent<string>) => void): void {
    this.listeners.set(kind, act);
  }

  close(): void {
    this.closed = true;
  }

  say(kind: string, data: unknown = {}, lastEventId = ""): void {
    this.listeners.get(kind)?.(new MessageEvent(kind, { data: JSON.stringify(data), lastEventId }));
  }
}

let sources: FakeSource[] = [];
let hidden = false;
const whoAmI = vi.fn(() => Promise.resolve({}));
const last = (): FakeSource => sources.at(-1) as FakeSource;

function stream(handlers = {}, since: string | null = null): LiveStream {
  const open = (address: string): FakeSource => {
    sources.push(new FakeSource(address));
    return last();
  };
  return new LiveStream({ appId: "a" }, handlers, { open, whoAmI, chance: () => 0.5, since });
}

function look(away: boolean): void {
  hidden = away;
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers();
  sources = [];
  hidden = false;
  whoAmI.mockClear();
  vi.spyOn(document, "hidden", "get").mockImplementation(() => hidden);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("a live stream", () => {
  it("tells what comes, with its type", () => {
    const conference = vi.fn();
    const one = stream({ conference });
    one.start();
    expect(last().address).toBe("/v1/live?appId=a");
    expect(one.state).toBe("connecting");
    last().say("ready");
    expect(one.state).toBe("live");
    last().say("conference", { change: "began", data: { id: "c" } }, "7-0");
    expect(conference).toHaveBeenCalledWith({ change: "began", data: { id: "c" } });
    one.stop();
    expect([one.state, last().closed]).toEqual(["off", true]);
  });

  it("comes back where it was, waiting longer each time", async () => {
    const one = stream();
    one.start();
    last().say("ready", {}, "5-1");
    last().onerror?.(new Event("error"));
    expect(one.state).toBe("connecting");
    await vi.advanceTimersByTimeAsync(999);
    expect(sources).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(last().address).toBe("/v1/live?appId=a&lastEventId=5-1");
    last().onerror?.(new Event("error"));
    await vi.advanceTimersByTimeAsync(1_999);
    expect(sources).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(sources).toHaveLength(3);
    expect(whoAmI).toHaveBeenCalledOnce();
    one.stop();
  });

  it("goes on from a snapshot", () => {
    const one = stream({}, "3-1");
    one.start();
    expect(last().address).toBe("/v1/live?appId=a&lastEventId=3-1");
    one.stop();
  });

  it("does not trust a silent stream", async () => {
    const one = stream();
    one.start();
    last().say("ready");
    await vi.advanceTimersByTimeAsync(40_000);
    last().say("heartbeat");
    await vi.advanceTimersByTimeAsync(40_000);
    expect(one.state).toBe("live");
    await vi.advanceTimersByTimeAsync(12_000);
    expect(sources).toHaveLength(2);
    one.stop();
  });

  it("rests while nobody looks, but not for a glance away", async () => {
    const one = stream();
    one.start();
    last().say("ready", {}, "9-0");
    look(true);
    await vi.advanceTimersByTimeAsync(10_000);
    look(false);
    expect(sources).toHaveLength(1);
    look(true);
    await vi.advanceTimersByTimeAsync(30_000);
    expect([one.state, last().closed]).toEqual(["paused", true]);
    look(false);
    expect(last().address).toContain("lastEventId=9-0");
    one.stop();
  });

  it("says when events are held up, and when some were missed", () => {
    const reset = vi.fn();
    const one = stream({ reset });
    one.start();
    last().say("degraded");
    expect(one.degraded).toBe(true);
    last().say("recovered");
    expect(one.degraded).toBe(false);
    last().say("reset");
    expect(reset).toHaveBeenCalledOnce();
    one.stop();
  });

  it("listens to nothing that comes from a stream it left", () => {
    const reset = vi.fn();
    const one = stream({ reset });
    one.start();
    const old = last();
    one.stop();
    old.say("reset");
    expect(reset).not.toHaveBeenCalled();
  });
});

it("waits at most half a minute, never all at once", () => {
  expect([1, 2, 3, 6, 20].map((tries) => backOffMs(tries, 0.5))).toEqual([
    1_000, 2_000, 4_000, 30_000, 30_000,
  ]);
  expect(backOffMs(1, 0)).toBe(750);
  expect(backOffMs(1, 1)).toBe(1_250);
});

it("asks for one thing", () => {
  expect(addressOf({ conferenceId: "c" }, null)).toBe("/v1/live?conferenceId=c");
});

it("gathers bursts", async () => {
  const apply = vi.fn();
  const burst = gathered<number>(apply, 250);
  burst.add(1);
  burst.add(2);
  await vi.advanceTimersByTimeAsync(250);
  burst.add(3);
  burst.stop();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(apply.mock.calls).toEqual([[[1, 2]]]);
});
