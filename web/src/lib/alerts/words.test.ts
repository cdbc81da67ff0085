import { describe, expect, it } from "vitest";

import {
  chanceText,
  cohortText,
  course,
  evidenceText,
  figureText,
  isFixed,
  sampleHref,
  severityOf,
} from "./words";

const point = (at: string, rate: number | null, low: number | null = null, high: number | null = null) => ({
  at,
  n: 100,
  k: 3,
  rate,
  low,
  high,
});

describe("alerts in words", () => {
  it("tells a figure in its unit", () => {
    expect(figureText("ratio")(0.0512)).toBe("5.12\u202f%");
    expect(figureText("ms")(1234)).toBe("1,234\u202fms");
    expect(figureText("count")(12_345)).toBe("12,345");
    expect(figureText("points")(71.25)).toBe("71.3");
  });

  it("tells whom an alert is about and what it was told from", () => {
    expect(cohortText("all", "")).toBe("Everybody");
    expect(cohortText("device", "Tab X")).toBe("Device: Tab X");
    expect(cohortText("os_name", "")).toBe("Os name: not told");
    expect(evidenceText({ n: 400, k: 22, unit: "ratio" })).toBe("22 of 400 sessions");
    expect(evidenceText({ n: 400, k: null, unit: "ms" })).toBe("400 sessions");
    expect(evidenceText({ n: 400, k: null, unit: "count" })).toBe("");
  });

  it("tells how rarely chance does this", () => {
    expect(chanceText(5e-6)).toBe("1 in 200,000");
    expect(chanceText(0)).toBe("< 1 in 10¹²");
    expect(chanceText(null)).toBe("");
  });

  it("leads to sessions of playback, whatever their ids are", () => {
    expect(sampleHref({ app: "a", context: "playback" }, "x/y")).toBe("/apps/a/playback/session?id=x%2Fy");
    expect(sampleHref({ app: "a", context: "monitoring" }, "x")).toBeUndefined();
    expect(isFixed({ baseline: 0.05, limit: 0.05 })).toBe(true);
    expect(isFixed({ baseline: 0.01, limit: 0.03 })).toBe(false);
    expect(severityOf("critical").signal).toBe("error");
  });
});

describe("the course of a figure", () => {
  const points = [
    point("2026-03-02T10:00:00Z", 0.01, 0, 0.03),
    point("2026-03-02T10:01:00Z", null, 0, 0.03),
    point("2026-03-02T10:02:00Z", 0.08, 0, 0.03),
  ];

  it("has the band and the limit where they are known", () => {
    const known = course({ name: "Failed", unit: "ratio", points, limit: 0.04, stretches: [] }).table();
    expect(known.series.map((one) => one.id)).toEqual(["rate", "high", "low", "limit"]);
    expect(known.rows.map((row) => row.cells["rate"]?.value)).toEqual([0.01, null, 0.08]);

    const bare = points.map((one) => ({ ...one, low: null, high: null }));
    const unknown = course({ name: "Failed", unit: "ratio", points: bare, stretches: [] }).table();
    expect(unknown.series.map((one) => one.id)).toEqual(["rate"]);
  });

  it("shades an alert that is still open until the end", () => {
    const stretches = [{ from: "2026-03-02T10:01:00Z", to: null, severity: "critical" }];
    const drawn = JSON.stringify(
      course({ name: "Failed", unit: "ratio", points, stretches }).option({
        signals: { error: "#f00" },
        series: ["#111"],
      } as never),
    );
    expect(drawn).toContain(`{"xAxis":${Date.parse("2026-03-02T10:02:00Z")}}`);
  });

  it("is empty without a figure", () => {
    expect(course({ name: "Failed", unit: "ratio", points: [], stretches: [] }).empty).toBe(true);
  });
});
