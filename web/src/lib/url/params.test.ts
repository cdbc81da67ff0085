import { describe, expect, it } from "vitest";

import { changed, date, flag, link, list, number, oneOf, readAll, text } from "./params";

const spec = {
  q: text(),
  issue: list(),
  page: number(1, { min: 1 }),
  least: number(),
  sort: oneOf(["newest", "worst"]),
  errors: flag(),
  from: date(),
};

const read = (search: string) => readAll(spec, new URLSearchParams(search));

describe("parameters of an address", () => {
  it("are at rest when absent", () => {
    expect(read("")).toEqual({
      q: "",
      issue: [],
      page: 1,
      least: null,
      sort: "newest",
      errors: false,
      from: null,
    });
  });

  it("are read with their types", () => {
    expect(read("q=a+b&issue=x&issue=y&issue=x&page=3&least=0&sort=worst&errors=1&from=2026-01-15")).toEqual({
      q: "a b",
      issue: ["x", "y"],
      page: 3,
      least: 0,
      sort: "worst",
      errors: true,
      from: new Date("2026-01-15T00:00:00Z"),
    });
  });

  it("fall back to rest when they make no sense", () => {
    expect(read("page=0&least=many&sort=best&from=tomorrow")).toMatchObject({
      page: 1,
      least: null,
      sort: "newest",
      from: null,
    });
  });

  it("are written shortly, and leave those of others alone", () => {
    const before = new URLSearchParams("tab=graphs&q=old&page=4");
    const after = changed(spec, before, { q: "", issue: ["x", "y"], page: 1, errors: true });
    expect(after.toString()).toBe("tab=graphs&issue=x&issue=y&errors=1");
    expect(before.toString()).toBe("tab=graphs&q=old&page=4");
  });

  it("survive the way there and back", () => {
    const values = {
      q: "ä & b",
      issue: ["one,two"],
      page: 2,
      least: -1.5,
      sort: "worst" as const,
      errors: true,
      from: new Date("2026-01-15T10:30:00Z"),
    };
    const address = link("/x", spec, values);
    expect(readAll(spec, new URL(address, "http://h").searchParams)).toEqual(values);
    expect(link("/x", spec, { q: "" })).toBe("/x");
  });
});
