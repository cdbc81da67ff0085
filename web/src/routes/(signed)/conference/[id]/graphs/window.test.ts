import { describe, expect, it } from "vitest";

import { linkOf, T0 } from "./samples";
import { detailOf, moved, partOf, seen, stretch, zoomed } from "./window";

const whole = { from: 0, to: 100_000 };

describe("the part that is seen", () => {
  it("stands in the address as two times", () => {
    const codec = stretch();
    const part = { from: 1_763_740_800_000, to: 1_763_741_100_000 };
    expect(codec.write(part)).toEqual(["1763740800000-1763741100000"]);
    expect(codec.read(codec.write(part))).toEqual(part);
    expect(codec.write(null)).toEqual([]);
    for (const odd of ["", "x", "1763741100000-1763740800000", "1-2"]) expect(codec.read([odd])).toBeNull();
  });

  it("is nothing special when it is all of it, or none of it", () => {
    expect(partOf(whole, 0, 1)).toBeNull();
    expect(partOf(whole, 0.25, 0.5)).toEqual({ from: 25_000, to: 50_000 });
    expect(seen(whole, null)).toBe(whole);
    expect(seen(whole, { from: -5, to: 50 })).toEqual({ from: 0, to: 50 });
    expect(seen(whole, { from: 200_000, to: 300_000 })).toBe(whole);
  });

  it("is zoomed around its middle and moved within the whole", () => {
    expect(zoomed(whole, null, 0.5)).toEqual({ from: 25_000, to: 75_000 });
    expect(zoomed(whole, { from: 25_000, to: 75_000 }, 2)).toBeNull();
    expect(zoomed(whole, { from: 0, to: 20_000 }, 2)).toEqual({ from: 0, to: 40_000 });
    expect(zoomed(whole, { from: 10_000, to: 16_000 }, 0.5)).toEqual({ from: 10_500, to: 15_500 });
    expect(moved(whole, { from: 80_000, to: 100_000 }, 0.5)).toEqual({ from: 80_000, to: 100_000 });
    expect(moved(whole, { from: 40_000, to: 60_000 }, -0.5)).toEqual({ from: 30_000, to: 50_000 });
    expect(moved(whole, null, 0.5)).toBeNull();
  });
});

describe("what is asked for report by report", () => {
  const hour = { from: T0, to: T0 + 3_600_000 };
  const minutes = Array.from({ length: 60 }, (_, at) => (at + 1) * 60);
  const people = (many: number): ReturnType<typeof linkOf>[] =>
    Array.from({ length: many }, (_, at) =>
      linkOf({ participant: `p${at}`, connection: `c${at}`, at: minutes, figures: () => ({}) }),
    );

  it("is everything of small calls", () => {
    expect(detailOf(people(2), hour, null, "", 5_000)).toEqual({});
  });

  it("is nothing of large ones, until somebody is chosen or a part is", () => {
    const twenty = people(20);
    expect(detailOf(twenty, hour, null, "", 5_000)).toBeNull();
    expect(detailOf(twenty, hour, null, "p3", 5_000)).toEqual({ participantId: "p3" });
    expect(detailOf(twenty, hour, { from: T0 + 600_000, to: T0 + 900_000 }, "", 5_000)).toEqual({
      from: "2026-01-15T10:07:00.000Z",
      to: "2026-01-15T10:18:00.000Z",
    });
  });

  it("has less around it when that is as much as the server gives", () => {
    const part = { from: T0 + 600_000, to: T0 + 1_680_000 };
    expect(detailOf(people(20), hour, part, "", 5_000)).toEqual({
      from: "2026-01-15T10:08:00.000Z",
      to: "2026-01-15T10:30:00.000Z",
    });
    expect(detailOf(people(20), hour, { from: T0, to: T0 + 3_000_000 }, "", 5_000)).toBeNull();
  });
});
