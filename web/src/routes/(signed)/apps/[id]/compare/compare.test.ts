import { describe, expect, it } from "vitest";

import { GAP } from "$lib/format";
import { link, readAll } from "$lib/url";

import {
  askedComparison,
  askedDays,
  askedRanking,
  choices,
  daysModel,
  type Group,
  missing,
  properties,
  rankingModel,
  spec,
  TIME,
  told,
  usualSides,
  usualTimes,
} from "./asked";
import { plotted } from "./plot";
import { difference, idOf, measuredOf, plusMinus, shareDifference, USUAL } from "./words";

const NOW = Date.parse("2026-01-15T10:30:00Z");
const RTT = measuredOf("connection..rtt_ms");
const wanted = (search: string) => readAll(spec, new URLSearchParams(search));

describe("what is asked", () => {
  it("stands in the address", () => {
    const asked = askedComparison(
      "app",
      wanted("by=browser&a=Chrome&b=Firefox&range=7d&browser=Edge&country=DE&kind=audio"),
      NOW,
    );
    expect(asked).toEqual({
      appId: "app",
      figures: USUAL.join(","),
      kind: "audio",
      country: "DE",
      from: "2026-01-08T00:00:00.000Z",
      group_by: "browser",
      a: "Chrome",
      b: "Firefox",
    });
    expect(askedComparison("app", wanted("by=browser&a=Chrome"), NOW)).toBeNull();
    expect(askedComparison("app", wanted("by=browser&a=Chrome&b=Chrome"), NOW)).toBeNull();
  });

  it("may be two stretches of time", () => {
    const times = usualTimes(NOW);
    const address = link("/", spec, { by: TIME, figures: ["emos"], ...times });
    const asked = askedComparison("app", wanted(address.slice(2)), NOW);
    expect(asked).toEqual({
      appId: "app",
      figures: "emos",
      a_from: "2026-01-02T00:00:00.000Z",
      a_to: "2026-01-09T00:00:00.000Z",
      b_from: "2026-01-09T00:00:00.000Z",
      b_to: "2026-01-16T00:00:00.000Z",
    });
    expect(askedComparison("app", wanted("by=time"), NOW)).toBeNull();
    expect(wanted("by=time&aTime=30d").aTime).toEqual({ preset: "30d" });
    expect(link("/", spec, { aTime: { preset: "30d" } })).toBe("/?aTime=30d");
  });

  it("is one figure of a side by day, and of all values", () => {
    const values = wanted("by=meta.plan&a=free&b=pro&range=2026-01-01..2026-01-02");
    expect(askedDays("app", values, "b", measuredOf("audio.inbound.emos"), NOW)).toEqual({
      appId: "app",
      series: "day",
      kind: "audio",
      direction: "inbound",
      figures: "emos",
      percentiles: "50",
      from: "2026-01-01T00:00:00.000Z",
      to: "2026-01-03T00:00:00.000Z",
      "meta.plan": "pro",
    });
    expect(askedRanking("app", values, RTT, NOW)).toMatchObject({
      group_by: "meta.plan",
      kind: "connection",
    });
    expect(askedRanking("app", wanted("by=time"), RTT, NOW)).toMatchObject({ group_by: "app_version" });
  });
});

describe("the choice", () => {
  const dimensions = [
    {
      name: "app_version",
      values: [
        { value: "3.9.0", count: 9 },
        { value: "3.10.0", count: 50 },
        { value: "Unknown", count: 99 },
      ],
    },
    { name: "meta.plan", values: [{ value: "free", count: 3 }] },
  ];

  it("knows the tags of the app", () => {
    expect(properties(dimensions).map(({ label }) => label)).toContain("Tag plan");
  });

  it("begins with what is seen most; the newer version is B", () => {
    const options = choices("app_version", dimensions, []);
    expect(usualSides("app_version", { a: "", b: "" }, options)).toEqual({ a: "3.9.0", b: "3.10.0" });
    expect(usualSides("app_version", { a: "3.10.0", b: "" }, options)).toEqual({ a: "3.10.0", b: "3.9.0" });
    expect(missing(wanted(""), options, NOW)).toEqual({ a: "3.9.0", b: "3.10.0" });
    expect(missing(wanted(""), null, NOW)).toBeNull();
    expect(missing(wanted("a=1&b=2"), options, NOW)).toBeNull();
    expect(missing(wanted("by=time&bTime=24h"), null, NOW)?.bTime).toEqual({ preset: "24h" });
    expect(usualSides("x", { a: "", b: "" }, [])).toEqual({ a: "", b: "" });
  });
});

function group(value: string, mean: number, sessions = 4): Group {
  const flows = [
    { kind: "connection", direction: null, sessions, seconds: 60, figures: { rtt_ms: { mean, p50: mean } } },
  ];
  return { value, flows, series: [{ at: "2026-01-01T00:00:00Z", flows }] };
}

describe("the charts", () => {
  it("show both sides by day", () => {
    const model = daysModel({ a: [group("x", 10)], b: [group("x", 20)] }, { a: "3.0", b: "3.1" }, RTT);
    expect(model.table().rows[0]?.cells).toEqual({ a: { value: 10 }, b: { value: 20 } });
    expect(model.table().series.map(({ name }) => name)).toEqual(["A: 3.0", "B: 3.1"]);
  });

  it("rank the worst first, and lead to a comparison with it", () => {
    const model = rankingModel(
      [group("direct", 10), group("relayed", 90), group("Other", 50)],
      "relay",
      RTT,
      (value) => `?b=${value}`,
    );
    const rows = model.table().rows;
    expect(rows.map(({ key }) => key)).toEqual(["relayed", "Other", "direct"]);
    expect(rows.map(({ cells }) => cells["value"]?.href)).toEqual(["?b=relayed", undefined, "?b=direct"]);
    expect(rows[0]?.label).toBe("Relayed (4)");
    expect(choices("relay", [], [group("relayed", 1), group("Other", 1)])).toEqual([
      { value: "relayed", label: "Relayed", count: 4 },
    ]);
  });
});

describe("the table", () => {
  it("leaves out what neither side has", () => {
    const none = { mean: null, median: null, bad: null };
    const row = (a: number, b: number) => ({
      kind: "audio",
      direction: "inbound",
      figure: "rtt_ms",
      bad_limit: 300,
      a: { conferences: a, ...none },
      b: { conferences: b, ...none },
      difference: none,
      verdict: "not_enough_data",
    });
    const worse = { ...row(9, 9), verdict: "worse" };
    expect(told([row(0, 0), row(0, 1), worse])).toEqual([worse, row(0, 1)]);
  });

  it("tells differences with sign and unit", () => {
    expect(difference("rtt_ms", 12)).toBe(`+12${GAP}ms`);
    expect(difference("loss_ratio", -0.021)).toBe(`−2.1${GAP}pp`);
    expect(difference("loss_ratio", -0.0004)).toBe(`−0.04${GAP}pp`);
    expect(difference("fps", -0.01)).toBe(`0${GAP}fps`);
    expect(difference("emos", 0)).toBe("0.00");
    expect(shareDifference(null)).toBe("–");
    expect(plusMinus("rtt_ms", 90, 110)).toBe(`±${GAP}10${GAP}ms`);
  });

  it("names figures in the address", () => {
    expect(idOf(measuredOf("video.inbound.fps"))).toBe("video.inbound.fps");
    expect(idOf(measuredOf("nonsense"))).toBe("connection..rtt_ms");
  });

  it("draws both intervals on one scale", () => {
    const plot = plotted({ value: 10, low: 5, high: 15 }, { value: 20, low: 18, high: 25 }, 1000, 100);
    expect(plot?.limit).toBeNull();
    expect(plot?.a?.from).toBeCloseTo(5.36, 1);
    expect(plot?.b?.to).toBeCloseTo(94.64, 1);
    expect(plotted({ value: 10, low: 5, high: 15 }, null, 20, 100)?.limit).toBeGreaterThan(90);
    expect(plotted(null, null, 3, 100)).toBeNull();
    expect(plotted({ value: 0, low: 0, high: 0 }, null, null, 100)?.a?.at).toBe(50);
  });
});
