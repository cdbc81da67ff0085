import { expect, it } from "vitest";

import { localPath } from "./paths";

it("stays here", () => {
  expect(localPath("/apps/1?range=7d#x")).toBe("/apps/1?range=7d#x");
  for (const away of [
    null,
    "",
    "apps",
    "//evil.example",
    "/\\evil.example",
    "https://evil.example/",
    "/\t/evil.example",
  ])
    expect(localPath(away)).toBe("/");
});
