import { describe, expect, it } from "vitest";

import { cards, issueGroups, peopleByPlace, placesOf, shownPeople } from "./cast";
import { at, issue, participant, session } from "./samples";
import { instant } from "./shapes";

describe("people who are shown", () => {
  const noor = participant({ id: "noor", participant_name: "Noor" });
  const shown = (...others: ReturnType<typeof participant>[]) =>
    shownPeople([noor, ...others], [session({ participant: "noor" })]).map((one) => one.id);

  it("are those with a session, even without a name, and those with a name", () => {
    const nameless = participant({ id: "nameless" });
    const sessions = [session({ participant: "nameless" })];
    expect(shownPeople([nameless, noor], sessions).map((one) => one.id)).toEqual(["nameless", "noor"]);
  });

  it("are no media servers, and nobody without session and name", () => {
    expect(shown(participant({ id: "sfu", is_sfu: true, participant_name: "SFU" }))).toEqual(["noor"]);
    expect(shown(participant({ id: "nobody" }), participant({ id: "empty", participant_name: "" }))).toEqual([
      "noor",
    ]);
  });

  it("are not the double of somebody who has a session", () => {
    expect(shown(participant({ id: "double", participant_name: "Noor" }))).toEqual(["noor"]);
    expect(shown(participant({ id: "ravi", participant_name: "Ravi" }))).toEqual(["noor", "ravi"]);
  });
});

describe("a card", () => {
  const facts = {
    participants: [
      participant({ id: "ravi", participant_name: "Ravi" }),
      participant({ id: "noor", participant_name: "Noor" }),
    ],
    sessions: [
      session({
        participant: "noor",
        created_at: at(0),
        end_time: at(60),
        duration: 60,
        platform: { browser: { name: "Chrome", version: "156.0" }, os: { name: "Linux" } },
        devices: [
          { kind: "audioinput", label: "Desk mic" },
          { kind: "audioinput", label: "Desk mic" },
          { kind: "videoinput", label: "" },
          { kind: "audiooutput", label: "Headset" },
        ],
        metadata: { plan: "pro", seats: 3 },
        app_version: "3.1.0",
      }),
      session({
        participant: "noor",
        created_at: at(100),
        platform: { name: "Firefox", os: "Android" },
        metadata: { plan: "free" },
        app_version: "3.1.0",
        geo_ip: { city: "Oslo", country_code: "NO", latitude: 59.9, longitude: 10.7 },
      }),
      session({ participant: "ravi", created_at: at(5), end_time: at(8), duration: 3 }),
    ],
    issues: [issue({ participant: "noor" })],
    totals: [
      {
        participant: "noor",
        connection: null,
        kind: "audio",
        direction: "inbound",
        seconds: 9,
        figures: { emos: { mean: 4.1, p50: 4, p75: 4, p90: 4, p95: 4, p99: 4 } },
      },
    ],
    now: instant(at(130)),
  };
  const [first, second] = cards(facts);

  it("adds up sessions, with the one that is open up to now", () => {
    expect(first?.name).toBe("Noor");
    expect(first?.timeOnPageS).toBe(90);
    expect(first?.stillPresent).toBe(true);
    expect(second?.timeOnPageS).toBe(3);
    expect(second?.stillPresent).toBe(false);
  });

  it("tells each browser, system, device, version and place once", () => {
    expect(first?.browsers).toEqual(["Chrome 156.0", "Firefox"]);
    expect(first?.os).toEqual(["Linux", "Android"]);
    expect(first?.microphones).toEqual(["Desk mic"]);
    expect(first?.cameras).toEqual([]);
    expect(first?.outputs).toEqual(["Headset"]);
    expect(first?.appVersions).toEqual(["3.1.0"]);
    expect(first?.places).toEqual([{ name: "Oslo, NO", latitude: 59.9, longitude: 10.7 }]);
    expect(first?.meta).toEqual([
      ["plan", "pro, free"],
      ["seats", "3"],
    ]);
  });

  it("has the mean audio score of its own participant only", () => {
    expect(first?.emos).toBe(4.1);
    expect(second?.emos).toBeNull();
    expect(first?.groups.map((group) => group.code)).toEqual(["turn_used"]);
  });
});

describe("the map", () => {
  it("counts people at each place once, and leaves out what has no coordinates", () => {
    const oslo = { city: "Oslo", country_code: "NO", latitude: 59.9, longitude: 10.7 };
    const people = ["a", "b", "c"].map((id) => participant({ id }));
    const sessions = [
      session({ participant: "a", geo_ip: oslo }),
      session({ participant: "a", geo_ip: oslo }),
      session({ participant: "b", geo_ip: oslo }),
      session({ participant: "c", geo_ip: { city: null, country_code: "FI" } }),
    ];
    const all = cards({ participants: people, sessions, issues: [], totals: [], now: 0 });
    expect(peopleByPlace(all)).toEqual([
      { key: "Oslo, NO", label: "Oslo, NO", latitude: 59.9, longitude: 10.7, value: 2 },
    ]);
  });
});

describe("issues", () => {
  it("are counted by code, errors first, then the most frequent", () => {
    const groups = issueGroups([
      issue({ code: "turn_used" }),
      issue({ code: "tcp_used", count: 4 }),
      issue({ code: "turn_used" }),
      issue({ code: "connection_failed", type: "error", count: 0 }),
    ]);
    expect(groups.map(({ code, occurrences }) => [code, occurrences])).toEqual([
      ["connection_failed", 1],
      ["tcp_used", 4],
      ["turn_used", 2],
    ]);
  });
});

describe("places", () => {
  it("leave out what is not known", () => {
    const nowhere = { city: null, country_code: null };
    const country = { city: null, country_code: "FI" };
    expect(placesOf([session({ geo_ip: nowhere }), session({ geo_ip: country })])).toEqual([
      { name: "FI", latitude: null, longitude: null },
    ]);
  });
});
