import { describe, expect, it } from "vitest";

import { boundsOf, dayRange, daysOf, range, rangeWords } from "./range";

const now = Date.parse("2026-01-15T10:30:45Z");
const codec = range();

describe("ranges", () => {
  it("are read from an address, or are the usual one", () => {
    expect(codec.read(["7d"])).toEqual({ preset: "7d" });
    expect(codec.read(["2026-01-01..2026-01-02"])).toEqual({ from: "2026-01-01", to: "2026-01-02" });
    for (const wrong of [
      "",
      "8d",
      "2026-01-02..2026-01-01",
      "2026-01-01",
      "2026-99-01..2026-99-02",
      "a..b",
      "1..2..3",
    ])
      expect(codec.read([wrong])).toEqual({ preset: "30d" });
  });

  it("are written back, the usual one not at all", () => {
    expect(codec.write({ preset: "30d" })).toEqual([]);
    expect(codec.write({ preset: "24h" })).toEqual(["24h"]);
    expect(codec.write(dayRange("2026-01-01"))).toEqual(["2026-01-01..2026-01-01"]);
  });

  it("are bounds in UTC", () => {
    expect(boundsOf({ preset: "24h" }, now)).toEqual({ created_at_gte: "2026-01-14T10:30:00.000Z" });
    expect(boundsOf({ preset: "7d" }, now)).toEqual({ created_at_gte: "2026-01-08T00:00:00.000Z" });
    expect(boundsOf(dayRange("2026-01-01"), now)).toEqual({
      created_at_gte: "2026-01-01T00:00:00.000Z",
      created_at_lt: "2026-01-02T00:00:00.000Z",
    });
    expect(boundsOf({ from: "2026-01-01T10:00:00Z", to: "2026-01-01T11:00:00Z" }, now).created_at_lt).toBe(
      "2026-01-01T11:00:00.000Z",
    );
  });

  it("know their days, today with them", () => {
    expect(daysOf({ preset: "30d" }, now)).toHaveLength(31);
    expect(daysOf({ preset: "30d" }, now).at(-1)).toBe("2026-01-15");
    expect(daysOf({ from: "2025-12-31", to: "2026-01-01" }, now)).toEqual(["2025-12-31", "2026-01-01"]);
  });

  it("have words", () => {
    expect(rangeWords({ preset: "24h" })).toBe("Last 24 hours");
    expect(rangeWords(dayRange("2026-01-01"))).toBe("1 Jan 2026");
    expect(rangeWords({ from: "2026-01-01T10:00:00Z", to: "2026-01-03" })).toBe(
      "1 Jan 2026, 10:00 UTC – 3 Jan 2026",
    );
  });
});
