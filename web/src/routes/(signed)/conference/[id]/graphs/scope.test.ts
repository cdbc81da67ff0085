import { describe, expect, it } from "vitest";

import { flow, linkOf } from "./samples";
import { choose, effective, enabled, groupsOf, linksOf, optionsOf } from "./scope";

const NONE = { participant: "", peer: "", data: "", direction: "", track: "" };
const people = [
  { id: "ada", name: "Ada" },
  { id: "bob", name: "Bob" },
  { id: "cy", name: "Cy" },
];
const figures = (): Record<string, number> => ({});
const at = [5];
const flows = [
  flow({ participant: "cy", peer: "ada", connection: "ca", at, figures }),
  linkOf({ participant: "cy", peer: "ada", connection: "ca", at, figures }),
  flow({ at, figures }),
  flow({ kind: "video", key: "IV1", at, figures }),
  flow({ kind: "video", key: "OV1", direction: "outbound", at, figures }),
  flow({ kind: "video", key: "OV2", direction: "outbound", at, figures }),
  linkOf({ at, figures }),
  flow({ peer: "cy", connection: "ac", at, figures }),
  linkOf({ peer: "cy", connection: "ac", at, figures }),
];
const shown = (chosen: Partial<typeof NONE>): string[] =>
  groupsOf(flows, people, { ...NONE, ...chosen }).map(
    ({ name, media, links }) => `${name} ${media.length}+${links.length}`,
  );

describe("filters", () => {
  it("are enabled one after the other", () => {
    const count = (chosen: Partial<typeof NONE>): number =>
      Object.values(enabled({ ...NONE, ...chosen })).filter(Boolean).length;
    expect(count({})).toBe(1);
    expect(count({ peer: "bob", data: "video" })).toBe(1);
    expect(count({ participant: "ada" })).toBe(2);
    expect(count({ participant: "ada", peer: "bob" })).toBe(3);
    expect(count({ participant: "ada", peer: "bob", data: "connection" })).toBe(3);
    expect(count({ participant: "ada", peer: "bob", data: "video" })).toBe(4);
    expect(count({ participant: "ada", peer: "bob", data: "video", direction: "inbound" })).toBe(5);
  });

  it("do not count without the one before, nor with odd words", () => {
    expect(effective({ ...NONE, data: "video", track: "x" })).toEqual(NONE);
    expect(
      effective({ participant: "ada", peer: "bob", data: "smell", direction: "inbound", track: "x" }),
    ).toEqual({
      ...NONE,
      participant: "ada",
      peer: "bob",
    });
  });

  it("take those behind them back", () => {
    expect(choose("data", "audio")).toEqual({ data: "audio", direction: "", track: "" });
  });

  it("offer what was measured", () => {
    const chosen = { ...NONE, participant: "ada", peer: "bob", data: "video", direction: "outbound" };
    const options = optionsOf(flows, people, chosen);
    expect(options.participant.map(({ label }) => label)).toEqual(["Ada", "Cy"]);
    expect(options.peer.map(({ label }) => label)).toEqual(["Bob", "Cy"]);
    expect(options.track.map(({ value, label }) => [value, label])).toEqual([
      ["OV1", "Video 1 · OV1"],
      ["OV2", "Video 2 · OV2"],
    ]);
    expect(optionsOf(flows, people, NONE).peer).toEqual([]);
  });
});

describe("lines", () => {
  it("are people, then peers, then directions, then tracks", () => {
    expect(shown({})).toEqual(["Ada 5+2", "Cy 1+1"]);
    expect(shown({ participant: "ada" })).toEqual(["Bob 4+1", "Cy 1+1"]);
    expect(shown({ participant: "ada", peer: "bob" })).toEqual(["Inbound 2+1", "Outbound 2+1"]);
    expect(shown({ participant: "ada", peer: "bob", data: "audio" })).toEqual([
      "Inbound 1+1",
      "Outbound 0+1",
    ]);
    const tracks = { participant: "ada", peer: "bob", data: "video", direction: "outbound" };
    expect(shown(tracks)).toEqual(["Video 1 · OV1 1+0", "Video 2 · OV2 1+0"]);
    expect(shown({ ...tracks, track: "OV2" })).toEqual(["Video 2 · OV2 1+0"]);
  });

  it("keep the colours of people", () => {
    expect(groupsOf(flows, people, NONE).map(({ colour }) => colour)).toEqual([0, 2]);
  });

  it("of connections end at the peer", () => {
    const chosen = { participant: "ada", peer: "bob", data: "video", direction: "outbound", track: "OV2" };
    expect(linksOf(flows, people, chosen).map(({ name }) => name)).toEqual(["Connection ada-bob"]);
    expect(linksOf(flows, people, NONE).map(({ name, links }) => [name, links.length])).toEqual([
      ["Ada", 2],
      ["Cy", 1],
    ]);
  });
});
