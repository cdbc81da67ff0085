import { describe, expect, it } from "vitest";

import { readAll } from "$lib/url/params";

import { askedList, byDay, change, spec, trend, type Values } from "./explorer";

const group = {
  code: "low_emos",
  type: "warning",
  title: "Poor sound",
  count: 5,
  days: [
    { date: "2026-01-14", count: 2 },
    { date: "2026-01-15", count: 3 },
  ],
};

describe("the issue explorer", () => {
  it("fills the days without issues", () => {
    expect(trend(group, ["2026-01-13", "2026-01-14", "2026-01-15"])).toEqual([0, 2, 3]);
    const rows = byDay([group], ["2026-01-13", "2026-01-15"]).table().rows;
    expect(rows.map((row) => row.cells["warning"]?.value)).toEqual([0, 3]);
  });

  it("compares a week with the one before, when there was one", () => {
    const days = [...Array<number>(7).fill(2), ...Array<number>(7).fill(3)];
    expect(change(days)).toBe(0.5);
    expect(change([1, 2])).toBeNull();
    expect(change(Array<number>(14).fill(0))).toBeNull();
  });

  it("asks for what the address says", () => {
    const values = readAll(spec, new URLSearchParams("code=low_emos&browser=Chrome&page=2")) as Values;
    expect(askedList("a", values, 0)).toMatchObject({
      code: "low_emos",
      browser: "Chrome",
      order: "-created_at",
      offset: "20",
    });
  });
});
