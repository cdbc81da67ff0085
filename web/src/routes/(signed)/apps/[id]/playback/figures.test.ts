import { describe, expect, it } from "vitest";

import {
  askedSessions,
  gradeBy,
  hours,
  outcomeOf,
  outcomeStack,
  sessionHref,
  sessionsHref,
  shareHint,
  stepOf,
  stretches,
  type TimelineEntry,
} from "./figures";

const NOW = Date.parse("2026-03-10T12:30:00Z");
const point = (value: number | null, n: number) => ({ t: "2026-03-09T00:00:00.000Z", value, n });

describe("spans", () => {
  it("have steps that show spikes and can still be read", () => {
    expect(stepOf({ preset: "24h" }, NOW)).toBe("5m");
    expect(stepOf({ preset: "7d" }, NOW)).toBe("1h");
    expect(stepOf({ preset: "30d" }, NOW)).toBe("1d");
    expect(stepOf({ from: "2026-03-01", to: "2026-03-01" }, NOW)).toBe("5m");
  });
});

describe("how sessions ended", () => {
  const stack = outcomeStack(
    ["2026-03-08", "2026-03-09"],
    [point(0.2, 10)],
    [point(0.1, 10)],
    [point(2 / 7, 7)],
    (values) => sessionsHref("a", values),
  );

  it("is counted back from the shares", () => {
    const [empty, day] = stack.table().rows;
    expect(Object.values(empty?.cells ?? {}).map(({ value }) => value)).toEqual([0, 0, 0, 0]);
    expect(
      Object.fromEntries(Object.entries(day?.cells ?? {}).map(([id, cell]) => [id, cell.value])),
    ).toEqual({
      played: 5,
      ebvs: 1,
      playback_failure: 2,
      start_failure: 2,
    });
  });

  it("leads to the sessions of that day", () => {
    expect(stack.table().rows[1]?.cells["ebvs"]?.href).toBe(
      "/apps/a/playback/sessions?range=2026-03-09..2026-03-09&outcome=ebvs",
    );
  });

  it("has words for everything", () => {
    expect(outcomeOf("start_failure").signal).toBe("error");
    expect(outcomeOf("of tomorrow").word).toBe("Unknown");
  });
});

describe("figures in words", () => {
  it("tell the interval of a share", () => {
    expect(shareHint({ value: 0.4, n: 5, low: 0.1176, high: 0.7693 })).toBe(
      "11.8\u202f% to 76.9\u202f%, of 5 sessions",
    );
    expect(shareHint({ value: 0.4, n: 5 })).toBe("of 5 sessions");
    expect(shareHint({ value: null, n: 0 })).toBeUndefined();
  });

  it("say when it begins to hurt", () => {
    expect([0.5, 1, 5, null].map((value) => gradeBy(value, 1, 5))).toEqual([
      "success",
      "warning",
      "error",
      "neutral",
    ]);
  });

  it("count minutes while hours are few", () => {
    expect([0.5, 12.34, null].map(hours)).toEqual(["30 min", "12.3 h", "–"]);
  });
});

describe("the list", () => {
  it("asks only for what is chosen", () => {
    const rest = { contentId: "", streamType: "", deviceModel: "", sdkVersion: "", connectionType: "" };
    const values = { ...rest, range: { preset: "24h" as const }, outcome: "", page: [], startup: null };
    expect(askedSessions("a", { ...values, errors: "any" }, NOW)).toEqual({
      appId: "a",
      from: "2026-03-09T12:30:00.000Z",
      limit: "50",
    });
    expect(
      askedSessions("a", { ...values, errors: "without", startup: 4000, deviceModel: "Tab X" }, NOW),
    ).toMatchObject({
      hasErrors: "false",
      minStartupMs: "4000",
      deviceModel: "Tab X",
    });
  });

  it("leads to sessions of any name", () => {
    expect(sessionHref("a", "x/y ?")).toBe("/apps/a/playback/session?id=x%2Fy%20%3F");
  });
});

describe("states of a session", () => {
  const entry = (timestampMs: number, playbackState: string): TimelineEntry => ({
    timestampMs,
    playbackState,
    elapsedMs: timestampMs,
    currentBitrate: null,
    networkType: null,
    totalDroppedFrames: 0,
    bufferedDurationMs: null,
    rebufferCount: 0,
    rebufferTimeMs: 0,
  });

  it("are stretches until the next one, the last until the end", () => {
    const found = stretches([entry(0, "BUFFERING"), entry(400, "PLAYING"), entry(900, "PLAYING")], 2000);
    expect(found.map(({ from, to, name }) => [from, to, name])).toEqual([
      [0, 400, "Buffering"],
      [400, 2000, "Playing"],
    ]);
  });

  it("are none without a timeline", () => {
    expect(stretches([], 10)).toEqual([]);
  });
});
