import { describe, expect, it } from "vitest";

import { readAll } from "$lib/url/params";

import { asked, columnOf, sortOf, spec, type Values } from "./listing";

const NOW = Date.parse("2026-01-15T10:30:00Z");
const read = (search: string): Values => readAll(spec, new URLSearchParams(search)) as Values;

describe("the list of conferences", () => {
  it("asks for the last 30 days, the newest first, when the address says nothing", () => {
    expect(asked("a", read(""), NOW)).toEqual({
      appId: "a",
      created_at_gte: "2025-12-16T00:00:00.000Z",
      sort: "newest",
      limit: "20",
      offset: "0",
    });
  });

  it("asks for what a bar of a chart leads to", () => {
    const values = read("range=2026-01-10..2026-01-10&status=error&issue=low_emos&min=60&max=180&page=3");
    expect(asked("a", values, NOW)).toMatchObject({
      created_at_gte: "2026-01-10T00:00:00.000Z",
      created_at_lt: "2026-01-11T00:00:00.000Z",
      status: "error",
      issue_code: "low_emos",
      duration_gte: "60",
      duration_lt: "180",
      offset: "40",
    });
    expect(asked("a", read("min=0"), NOW)).toMatchObject({ duration_gte: "0" });
  });

  it("sorts by columns", () => {
    for (const sort of ["newest", "oldest", "worst", "longest", "largest"] as const)
      expect(sortOf(columnOf(sort))).toBe(sort);
    expect(asked("a", read("sort=worst"), NOW)).toMatchObject({ sort: "score" });
  });
});
