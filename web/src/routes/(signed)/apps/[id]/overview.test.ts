import { describe, expect, it } from "vitest";

import { byDay, listHref, setupTimes, sizes, totals } from "./overview";

const day = { date: "2026-01-15", success: 3, warning: 1, error: 2, ongoing: 1, total: 7 };
const href = (values: Parameters<typeof listHref>[1]): string => listHref("a", values);

describe("the overview's charts", () => {
  it("lead from a bar to that day's conferences of that outcome", () => {
    const [, row] = byDay([day], ["2026-01-14", "2026-01-15"], href).table().rows;
    expect(row?.cells["errors"]).toEqual({
      value: 2,
      href: "/apps/a/conferences?range=2026-01-15..2026-01-15&status=error",
    });
    expect(row?.cells["successful"]?.value).toBe(3);
  });

  it("lead from a bucket to its conferences, each once", () => {
    const model = setupTimes(
      [
        { range: "< 250 ms", min_ms: 0, max_ms: 250, count: 2, conference_ids: ["x", "x", "y"] },
        { range: "> 5000 ms", min_ms: 5000, max_ms: null, count: 0, conference_ids: [] },
      ],
      href,
    );
    expect(model.table().rows.map((row) => row.cells["value"]?.href)).toEqual([
      "/apps/a/conferences?ids=x&ids=y",
      undefined,
    ]);
  });

  it("count what there is", () => {
    expect(totals([day, day])).toMatchObject({ total: 14, errors: 4, ongoing: 2, errorShare: 4 / 14 });
    expect(totals([]).errorShare).toBeNull();
    expect(sizes([{ participants: 1, conferences: 4 }]).table().rows[0]?.label).toBe("1 participant");
  });
});
