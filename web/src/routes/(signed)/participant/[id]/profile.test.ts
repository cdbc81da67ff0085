import { describe, expect, it } from "vitest";

import {
  type Conference,
  mayErase,
  minutesPerDay,
  NETWORK,
  newest,
  overDays,
  personName,
  placesOf,
  platforms,
  type Profile,
  topDevices,
} from "./profile";

const profile: Profile = {
  days: [
    { date: "2026-01-14", seconds: 0, minutes: 0 },
    { date: "2026-01-15", seconds: 3_700, minutes: 61 },
  ],
  sessions: 3,
  devices: { microphones: [{ label: "Headset", count: 3 }], cameras: [], outputs: [] },
  browsers: [
    { name: "Chrome", count: 2, versions: [{ version: "140.0", count: 2 }] },
    { name: "Firefox", count: 1, versions: [{ version: "149.0", count: 1 }] },
  ],
  os: [],
  places: [
    { city: "Oslo", country: "NO", latitude: 59.9, longitude: 10.7, count: 2 },
    { city: null, country: "DE", latitude: 51, longitude: 9, count: 1 },
    { city: "Nowhere", country: null, latitude: null, longitude: null, count: 1 },
  ],
  network: [
    { date: "2026-01-12", seconds: 60, rtt_ms: 80, loss_ratio: 0, emos: null, relay_ratio: 0 },
    { date: "2026-01-15", seconds: 60, rtt_ms: 40, loss_ratio: 0.01, emos: 4.2, relay_ratio: 1 },
  ],
};
const cells = (model: ReturnType<typeof minutesPerDay>): unknown[] =>
  model.table().rows.map(({ key, cells: { value } }) => [key, value?.value]);

describe("a participant", () => {
  it("goes by the name, else by the id", () => {
    expect(personName({ participant_name: null, participant_id: "ada" })).toBe("ada");
    expect(personName({ participant_name: "Ada", participant_id: "1" })).toBe("Ada");
  });

  it("has minutes by day", () => {
    const model = minutesPerDay(profile);
    expect(model.empty).toBe(false);
    expect(cells(model)).toEqual([
      ["2026-01-14", 0],
      ["2026-01-15", 61],
    ]);
    expect(minutesPerDay({ ...profile, days: profile.days.slice(0, 1) }).empty).toBe(true);
  });

  it("has a network by day, with days that were not measured as such and nothing lost as a value", () => {
    const charts = Object.fromEntries(NETWORK.map((chart) => [chart.id, overDays(profile, chart)]));
    expect(cells(charts["participant-rtt"] ?? minutesPerDay(profile))).toEqual([
      ["2026-01-12", 80],
      ["2026-01-14", null],
      ["2026-01-15", 40],
    ]);
    const calm = { ...profile, network: profile.network.slice(0, 1) };
    const [, loss, emos] = NETWORK.map((chart) => overDays(calm, chart));
    expect(loss?.empty).toBe(false);
    expect(emos?.empty).toBe(true);
  });

  it("has devices by use, and browsers with their versions", () => {
    expect(topDevices(profile, "microphones")).toEqual([{ label: "Headset", count: 3, share: 1 }]);
    expect(topDevices(profile, "cameras")).toEqual([]);
    const pie = platforms(profile.browsers, "", "Browser", (name) => `?browser=${name}`);
    expect(cells(pie)).toEqual([
      ["Chrome", 2],
      ["Firefox", 1],
    ]);
    expect(pie.table().rows[0]?.cells["value"]?.href).toBe("?browser=Chrome");
    expect(cells(platforms(profile.browsers, "Chrome", "Browser", String))).toEqual([["140.0", 2]]);
    expect(cells(platforms(profile.browsers, "Lynx", "Browser", String))).toHaveLength(2);
  });

  it("is on the map where the place is known", () => {
    expect(placesOf(profile).map(({ key, label }) => [key, label])).toEqual([
      ["Oslo", "Oslo, NO"],
      ["DE", "DE"],
    ]);
  });

  it("has conferences of several lists in one order", () => {
    const at = (created_at: string): Conference => ({ created_at }) as Conference;
    const lists = [[at("2026-01-15"), at("2026-01-10")], [at("2026-01-12")]];
    expect(newest(lists, 2).map(({ created_at }) => created_at)).toEqual(["2026-01-15", "2026-01-12"]);
  });

  it("is erased by owners of its organization", () => {
    const own = [{ id: "o", role: "owner" }];
    expect(mayErase(own, "o")).toBe(true);
    expect(mayErase(own, "other")).toBe(false);
    expect(mayErase([{ id: "o", role: "member" }], "o")).toBe(false);
    expect(mayErase(undefined, undefined)).toBe(false);
  });
});
