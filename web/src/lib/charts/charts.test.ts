import { describe, expect, it } from "vitest";

import { donut, histogram, OUTCOMES, ranking, stackedDays } from "./bars";
import { lines, rowsOfLines } from "./lines";
import { radii, worldMap } from "./map";
import { cellAt, escapeHtml, fileRows, type Palette, tip } from "./model";
import { sparkPath } from "./spark";

const palette: Palette = {
  ink: "ink",
  ink2: "ink2",
  ink3: "ink3",
  line: "line",
  line2: "line2",
  surface: "surface",
  raised: "raised",
  land: "land",
  accent: "accent",
  signals: { success: "green", warning: "amber", error: "red", ongoing: "blue", neutral: "grey" },
  series: Array.from({ length: 10 }, (_, at) => `s${at}`),
  font: "font",
};
interface Drawn {
  series: { id: string; data: unknown[]; color?: string; type?: string }[];
  tooltip: { formatter: (point: unknown) => string };
}
const drawn = (model: { option: (palette: Palette) => object }): Drawn => model.option(palette) as Drawn;

describe("bars of days", () => {
  const model = stackedDays({
    days: ["2026-01-14", "2026-01-15"],
    series: OUTCOMES,
    value: (day, id) => (day === "2026-01-15" && id === "errors" ? 3 : undefined),
    href: (day, id) => `/list?day=${day}&status=${id}`,
  });

  it("show days without calls, and each signal in its colour", () => {
    const { series } = drawn(model);
    expect(series.map(({ id, color, data }) => [id, color, data])).toEqual([
      ["successful", "green", [null, null]],
      ["warnings", "amber", [null, null]],
      ["errors", "red", [null, 3]],
      ["ongoing", "blue", [null, null]],
    ]);
    expect(model.empty).toBe(false);
  });

  it("lead where the cell of the table leads", () => {
    const table = model.table();
    expect(cellAt(table, { index: 1, series: "errors" })).toEqual({
      value: 3,
      href: "/list?day=2026-01-15&status=errors",
    });
    expect(cellAt(table, { index: 7, series: "errors" })).toBeUndefined();
    expect(fileRows(table).rows[1]).toEqual(["2026-01-15", "Thu, 15 Jan 2026", 0, 0, 3, 0]);
  });

  it("tell the day in UTC", () => {
    const text = drawn(model).tooltip.formatter([{ dataIndex: 1, seriesIndex: 2, color: "red" }]);
    expect(text).toContain("Thu, 15 Jan 2026 UTC");
    expect(text).toContain("<span>Errors</span><b>3</b>");
  });

  it("are empty when nothing was counted", () => {
    expect(stackedDays({ days: ["2026-01-15"], series: OUTCOMES, value: () => 0 }).empty).toBe(true);
  });
});

describe("rankings, distributions, shares", () => {
  const bars = [
    { key: "low_emos", label: "<b>Poor</b> sound", value: 3, href: "/i?code=low_emos" },
    { key: "other_side", label: "Other", value: 1 },
  ];

  it("escape what they tell", () => {
    const text = drawn(ranking({ bars, head: "Issue", name: "Issues" })).tooltip.formatter({ dataIndex: 0 });
    expect(text).toContain("&#60;b&#62;Poor");
    expect(text).toContain("75\u202f%");
  });

  it("keep every row in the table, found by its key", () => {
    const table = histogram({ bars, head: "Bucket", name: "Count", unit: "ms" }).table();
    expect(cellAt(table, { key: "low_emos" })?.href).toBe("/i?code=low_emos");
    expect(fileRows(table).header).toEqual(["Bucket", "label", "Count (ms)"]);
  });

  it("put small shares together, but not in the table", () => {
    const many = Array.from({ length: 12 }, (_, at) => ({ key: `k${at}`, label: `L${at}`, value: 12 - at }));
    const model = donut({ bars: many, head: "Browser", name: "Sessions" });
    expect(model.legend).toHaveLength(7);
    expect(model.legend?.at(-1)).toMatchObject({ label: "Other (6)", value: "21", colour: "--series-10" });
    expect(model.table().rows).toHaveLength(12);
    expect(drawn(model).series[0]?.data).toHaveLength(7);
  });

  it("are empty without figures", () => {
    expect(donut({ bars: [{ key: "x", label: "x", value: 0 }], head: "", name: "" }).empty).toBe(true);
    expect(ranking({ bars: [], head: "", name: "" }).empty).toBe(true);
  });
});

describe("lines", () => {
  const format = (value: number | null | undefined): string => `${value ?? "–"} ms`;
  const model = lines({
    lines: [
      {
        id: "a",
        name: "Ada",
        points: [
          [1_000, 5],
          [3_000, null],
        ],
      },
      {
        id: "b",
        name: "Bob",
        points: [
          [1_000, 7],
          [2_000, 8],
        ],
        colour: 4,
      },
    ],
    format,
    unit: "ms",
  });

  it("keep their colours, and are told by the table point by point", () => {
    const { series } = drawn(model);
    expect(series.filter(({ type }) => type === "line").map(({ color }) => color)).toEqual(["s0", "s4"]);
    expect(
      rowsOfLines([
        {
          id: "a",
          name: "",
          points: [
            [2, 1],
            [1, null],
          ],
        },
      ]).map(({ key }) => key),
    ).toEqual(["1", "2"]);
    expect(fileRows(model.table())).toEqual({
      header: ["time", "label", "Ada (ms)", "Bob (ms)"],
      rows: [
        ["1000", "1970-01-01T00:00:01.000Z", 5, 7],
        ["2000", "1970-01-01T00:00:02.000Z", null, 8],
        ["3000", "1970-01-01T00:00:03.000Z", null, null],
      ],
    });
  });

  it("tell the highest first", () => {
    const point = (seriesName: string, value: number) => ({
      seriesName,
      seriesIndex: 0,
      color: "c",
      axisValue: 1_000,
      value: [1_000, value],
    });
    const text = drawn(model).tooltip.formatter([point("Ada", 5), point("Bob", 7)]);
    expect(text.indexOf("Bob")).toBeLessThan(text.indexOf("Ada"));
  });

  it("are empty when there is nothing but gaps", () => {
    expect(lines({ lines: [{ id: "a", name: "", points: [[1, null]] }], format }).empty).toBe(true);
  });
});

describe("the map", () => {
  it("has radii from 10 to 30, and 20 when all are alike", () => {
    expect(radii([1, 2, 3])).toEqual([10, 20, 30]);
    expect(radii([5, 5])).toEqual([20, 20]);
    expect(radii([5])).toEqual([20]);
  });

  it("draws the big ones first", () => {
    const place = (key: string, value: number) => ({ key, label: key, latitude: 1, longitude: 2, value });
    const model = worldMap({ places: [place("small", 1), place("big", 9)], name: "Sessions" });
    expect(drawn(model).series[0]?.data).toMatchObject([
      { key: "big", value: [2, 1, 9], symbolSize: 60 },
      { key: "small", symbolSize: 20 },
    ]);
  });
});

describe("small things", () => {
  it("draw a line that breaks where nothing was measured", () => {
    expect(sparkPath([0, 10, null, 10], 30, 13)).toBe("M0.0 11.5L10.0 1.5M30.0 1.5");
    expect(sparkPath([null], 10, 10)).toBe("");
    expect(sparkPath([4, 4], 10, 10)).toBe("M0.0 5.0L10.0 5.0");
  });

  it("escape", () => {
    expect(escapeHtml(`<a href="x">'&`)).toBe("&#60;a href=&#34;x&#34;&#62;&#39;&#38;");
    expect(tip("<i>", [{ colour: '"', name: "n", value: "<" }])).not.toMatch(/<i>|<b><</);
  });
});
