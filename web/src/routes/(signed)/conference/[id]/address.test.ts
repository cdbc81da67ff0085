import { describe, expect, it } from "vitest";

import { changed, readAll } from "$lib/url/params";

import { SPEC } from "./address";

const ID = "3e91f1f0-5b0e-4526-a34e-3d7afdd481e9";

describe("the address of a conference's page", () => {
  it("names the events that are looked at", () => {
    const show = { of: "connection", id: ID, kind: "connected", from: 1000.7, to: 2000.2 } as const;
    const search = changed(SPEC, new URLSearchParams("peer=x"), { show, event: "e" });
    expect(search.toString()).toBe(`peer=x&show=c.${ID}.connected.1000.2001&event=e`);
    expect(readAll(SPEC, search).show).toEqual({ ...show, from: 1000, to: 2001 });
  });

  it("names none when it is cut or made up", () => {
    for (const told of ["", "c.1.x.1.2", `x.${ID}.all.1.2`, `c.${ID}.all.1`]) {
      expect(readAll(SPEC, new URLSearchParams({ show: told })).show).toBeNull();
    }
  });
});
