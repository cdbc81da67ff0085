import { expect, it } from "vitest";

import { minutesOf } from "./minutes";

it("counts whole minutes of all days together", () => {
  expect(minutesOf({ "2026-01-14": 50, "2026-01-15": 69 })).toBe(1);
  expect(minutesOf({})).toBe(0);
});
