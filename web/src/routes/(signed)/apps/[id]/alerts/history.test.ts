import { expect, it } from "vitest";

import { readAll } from "$lib/url/params";

import { askedHistory, spec, type Values } from "./history";

const NOW = Date.parse("2026-03-02T10:00:00Z");
const valuesOf = (search: string): Values => readAll(spec, new URLSearchParams(search)) as Values;

it("asks for the alerts of everybody in the last days when nothing is chosen", () => {
  expect(askedHistory("a", valuesOf(""), NOW)).toEqual({
    appId: "a",
    from: "2026-01-31T00:00:00.000Z",
    parts: "no",
    limit: "20",
    offset: "0",
  });
});

it("asks for what the address says", () => {
  const values = valuesOf("range=2026-02-01..2026-02-03&rule=playback_silence&state=closed&parts=yes&page=3");
  expect(askedHistory("a", values, NOW)).toMatchObject({
    from: "2026-02-01T00:00:00.000Z",
    to: "2026-02-04T00:00:00.000Z",
    rule: "playback_silence",
    state: "closed",
    parts: "yes",
    offset: "40",
  });
});
