import { describe, expect, it } from "vitest";

import { figureOf, rank, refined, reportsIn } from "./flows";
import { flow, linkOf, T0 } from "./samples";

const s = (seconds: number): number => T0 + seconds * 1000;

describe("flows", () => {
  it("have their times as columns, in milliseconds", () => {
    const read = flow({ at: [5, 10], figures: () => ({ rtt_ms: 3 }) });
    expect([...read.from]).toEqual([s(0), s(5)]);
    expect([...read.to]).toEqual([s(5), s(10)]);
    expect(figureOf(read, 0, "rtt_ms")).toBe(3);
    expect(figureOf(read, 0, "jitter_ms")).toBeNaN();
    expect(figureOf(flow({ at: [5], figures: () => ({ rtt_ms: null }) }), 0, "rtt_ms")).toBeNaN();
  });

  it("name their track by what the browser calls them, when there is no other name", () => {
    expect(flow({ at: [5], figures: () => ({}) }).track).toBe("IA1");
    expect(flow({ at: [5], track: "uuid", figures: () => ({}) }).track).toBe("uuid");
    expect(linkOf({ at: [5], figures: () => ({}) }).track).toBeNull();
  });

  it("are found by time", () => {
    const times = Float64Array.of(10, 20, 30);
    expect([5, 10, 15, 30, 31].map((at) => rank(times, at))).toEqual([0, 0, 1, 2, 3]);
  });
});

describe("a refined overview", () => {
  const coarse = flow({ at: [60, 120, 180, 240], figures: (at) => ({ minute: at }) });
  const fine = flow({ begin: 60, at: [70, 80, 120], figures: (at) => ({ report: at }) });

  it("has the finer points in place of the minutes that they cover", () => {
    const [joined] = refined([coarse], [fine]);
    expect([...(joined?.to ?? [])]).toEqual([60, 70, 80, 120, 180, 240].map(s));
    expect(joined?.figures["minute"]).toEqual([60, null, null, null, 180, 240]);
    expect(joined?.figures["report"]).toEqual([null, 70, 80, 120, null, null]);
  });

  it("drops minutes that the finer points cover in part", () => {
    const odd = flow({ begin: 65, at: [75, 130], figures: () => ({}) });
    expect([...(refined([coarse], [odd])[0]?.to ?? [])]).toEqual([60, 75, 130, 240].map(s));
  });

  it("keeps flows that are only in one of both", () => {
    const other = flow({ connection: "other", at: [10], figures: () => ({}) });
    expect(refined([coarse], [other]).map(({ connection }) => connection)).toEqual(["ada-bob", "other"]);
    expect(refined([coarse], [])).toEqual([coarse]);
  });
});

describe("reports in a stretch", () => {
  it("are counted by the time that connections were looked at", () => {
    const flows = [
      linkOf({ at: [60, 120], figures: () => ({}) }),
      linkOf({ connection: "b", begin: 60, at: [120], figures: () => ({}) }),
      flow({ at: [60, 120], figures: () => ({}) }),
    ];
    expect(reportsIn(flows, { from: s(0), to: s(600) }, 5_000)).toBe(36);
    expect(reportsIn(flows, { from: s(90), to: s(120) }, 5_000)).toBe(12);
  });
});
