import { expect, it } from "vitest";

import { addressOf, otherApp, placeOf } from "./shell.svelte";

it("knows which place of an app an address is in", () => {
  expect(placeOf("/apps/1")).toBe("");
  expect(placeOf("/apps/1/live")).toBe("live");
  expect(placeOf("/apps/1/playback/sessions")).toBe("playback");
  expect(placeOf("/apps/1/alerts/7c1e-5")).toBe("alerts");
  expect(placeOf("/conference/1")).toBe("conferences");
  expect(placeOf("/dashboard")).toBeNull();
});

it("goes to the same place of another app", () => {
  expect(otherApp("/apps/1/issues", "2")).toBe("/apps/2/issues");
  expect(otherApp("/apps/1", "2")).toBe("/apps/2");
  expect(otherApp("/conference/1", "2")).toBe("/apps/2");
  expect(otherApp("/dashboard", "2")).toBe("/apps/2");
  expect(addressOf("1", "usage")).toBe("/apps/1/usage");
});
