import { expect, it } from "vitest";

import { defaultWords, whole } from "./words";

it("takes whole numbers and nothing, and no other text", () => {
  expect(whole(" 30 ")).toBe(30);
  expect(whole("")).toBeNull();
  expect(whole(null)).toBeNull();
  for (const wrong of ["3.5", "-1", "ten", "1e3", "9".repeat(12)]) expect(whole(wrong)).toBeUndefined();
});

it("says for how long when nothing is set", () => {
  expect(defaultWords(null)).toBe("for ever");
  expect(defaultWords(90)).toBe("90");
});
