import { describe, expect, it } from "vitest";

import { definitionOf, fieldWords, formOf, KINDS, kindsFor, NEW, spansFor, unitOf } from "./words";

describe("the form of a rule", () => {
  it("writes shares in per cent and sends them as ratios", () => {
    const form = formOf({ ...NEW, title: "Errors", value: 0.035 }, "ratio");
    expect(form.numbers.value).toBe("3.5");
    expect(definitionOf(form, "ratio")).toEqual({
      definition: expect.objectContaining({ value: 0.035, clear_value: null, cohort: null }) as unknown,
      complaints: {},
    });
    expect(unitOf("value", "ratio")).toBe("%");
    expect(unitOf("fire_after", "ratio")).toBe("looks");
    expect(unitOf("least_n", "ratio")).toBe("");
  });

  it("leaves other units as they are", () => {
    const form = formOf({ ...NEW, title: "Slow", value: 2500 }, "ms");
    expect(form.numbers.value).toBe("2500");
    expect(definitionOf(form, "ms").definition.value).toBe(2500);
  });

  it("sends what the kind of rule knows, and nothing else", () => {
    const form = {
      ...formOf({ ...NEW, title: "Spike" }, "ratio"),
      kind: "spike" as const,
      direction: "below" as const,
    };
    const { definition } = definitionOf(form, "ratio");
    expect(definition).toMatchObject({ value: null, direction: "above", alpha: 1e-4, least_k: 5 });
    expect(definitionOf({ ...form, kind: "drop" }, "count").definition).not.toHaveProperty("alpha");
  });

  it("says at each field what cannot be sent", () => {
    const form = formOf({ ...NEW, value: null }, "ratio");
    const { complaints } = definitionOf(
      { ...form, windows: "soon", who: "one", numbers: { ...form.numbers, least_n: "many" } },
      "ratio",
    );
    expect(Object.keys(complaints).sort()).toEqual(["cohort", "least_n", "title", "value", "windows"]);
  });

  it("keeps whom a rule looks at", () => {
    const one = formOf({ ...NEW, title: "x", cohort: { dimension: "device", value: "Tab X" } }, "ratio");
    expect(one.who).toBe("one");
    expect(definitionOf(one, "ratio").definition.cohort).toEqual({ dimension: "device", value: "Tab X" });
    const largest = formOf({ ...NEW, title: "x", dimensions: ["device"] }, "ratio");
    expect(largest.who).toBe("largest");
    expect(definitionOf(largest, "ratio").definition.dimensions).toEqual(["device"]);
    expect(definitionOf({ ...largest, who: "all" }, "ratio").definition.dimensions).toEqual([]);
  });
});

it("offers the kinds that can look at a figure", () => {
  expect(kindsFor({ kind: "volume" }).map((one) => one.value)).toEqual(["drop", "silence", "threshold"]);
  expect(kindsFor(undefined)).toHaveLength(Object.keys(KINDS).length);
  expect(fieldWords("least_n", "silence").label).not.toBe(fieldWords("least_n", "spike").label);
});

it("looks back two days at most over single values", () => {
  expect(spansFor({ kind: "values" }).map((one) => one.value)).toEqual(["24", "48"]);
  expect(spansFor({ kind: "share" })).toHaveLength(4);
});
