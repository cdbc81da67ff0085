import { describe, expect, it } from "vitest";

import { lines, type Point } from "./lines";
import type { Palette } from "./model";
import { lonely, thinned } from "./thin";

const values = (points: readonly Point[]): (number | null)[] => points.map(([, value]) => value);

describe("a line with more points than can be seen", () => {
  const wave = Array.from({ length: 10_000 }, (_, at): Point => [at, Math.sin(at)]);

  it("keeps its ends, its peaks and its order", () => {
    const peaks = wave.map(([at, value]): Point => [at, at === 4_321 ? 50 : at === 7_777 ? -50 : value]);
    const drawn = thinned(peaks, 400);
    expect(drawn.length).toBeLessThanOrEqual(400);
    expect([drawn[0]?.[0], drawn.at(-1)?.[0]]).toEqual([0, 9_999]);
    expect(Math.max(...values(drawn).map(Number))).toBe(50);
    expect(Math.min(...values(drawn).map(Number))).toBe(-50);
    expect(drawn.map(([at]) => at)).toEqual(drawn.map(([at]) => at).sort((a, b) => a - b));
  });

  it("keeps gaps, and what stands alone between two of them", () => {
    const broken = wave.map(([at, value]): Point => [at, at === 5_000 || at === 5_002 ? null : value]);
    const drawn = thinned(broken, 400);
    const place = drawn.findIndex(([at]) => at === 5_001);
    expect(drawn.slice(place - 1, place + 2).map(([at]) => at)).toEqual([5_000, 5_001, 5_002]);
    expect(values(drawn).filter((value) => value === null)).toHaveLength(2);
    expect(lonely(drawn)).toEqual([wave[5_001]]);
  });

  it("is left alone when there are few", () => {
    expect(thinned(wave, 10_000)).toBe(wave);
  });
});

describe("a single sample between two gaps", () => {
  const points: Point[] = [
    [1, null],
    [2, 5],
    [3, null],
    [4, 6],
    [5, 7],
    [6, null],
    [7, 8],
  ];

  it("is found", () => {
    expect(lonely(points)).toEqual([
      [2, 5],
      [7, 8],
    ]);
    expect(lonely([[1, 2]])).toEqual([[1, 2]]);
    expect(lonely([])).toEqual([]);
  });

  it("is drawn as a dot of its line, which tips do not tell twice", () => {
    const palette = { series: ["c"], signals: {} } as unknown as Palette;
    const model = lines({ lines: [{ id: "a", name: "Ada", points }], format: String });
    const { series } = model.option(palette, false) as { series: Record<string, unknown>[] };
    expect(series.map(({ id, type, color }) => [id, type, color])).toEqual([
      ["a", "line", "c"],
      ["a|dots", "scatter", "c"],
    ]);
    expect(series[1]).toMatchObject({
      data: [
        [2, 5],
        [7, 8],
      ],
      silent: true,
      tooltip: { show: false },
    });
  });
});
