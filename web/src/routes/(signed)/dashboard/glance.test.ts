import { expect, it } from "vitest";

import { type Conference, type Day, glanceOf, utcDays, worstOf } from "./glance";

const now = Date.parse("2026-01-15T00:30:00Z");
const day = (date: string, total: number, error = 0, ongoing = 0): Day => ({
  date,
  total,
  error,
  ongoing,
  warning: 0,
  success: total - error - ongoing,
});
const call = (id: string, score: number | null): Conference => ({ id, score }) as Conference;

it("counts today by the UTC day, and what still runs from before", () => {
  const glance = glanceOf(
    [day("2026-01-09", 4), day("2026-01-14", 3, 1, 1), day("2026-01-15", 2, 1, 1)],
    now,
  );
  expect(glance).toEqual({ today: 2, errorsToday: 1, running: 2, week: [4, 0, 0, 0, 0, 3, 2], total: 9 });
  expect(glanceOf([], now)).toMatchObject({ today: 0, week: [0, 0, 0, 0, 0, 0, 0] });
  expect(utcDays(now, 2)).toEqual(["2026-01-14", "2026-01-15"]);
});

it("finds the worst of all apps", () => {
  const lists = [[call("a", 70), call("b", 20)], undefined, [call("c", null), call("d", 5), call("e", 96)]];
  expect(worstOf(lists, 2).map(({ id }) => id)).toEqual(["d", "b"]);
  expect(worstOf(lists, 9)).toHaveLength(3);
});
