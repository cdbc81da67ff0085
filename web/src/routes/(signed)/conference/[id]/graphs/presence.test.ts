import { describe, expect, it } from "vitest";

import { placed, presences } from "./presence";

const person = (id: string, more = {}) => ({
  id,
  app: "app",
  created_at: "2026-01-15T10:00:00Z",
  participant_id: id,
  participant_name: null,
  is_sfu: false,
  ...more,
});
const session = (participant: string, created_at: string, end_time: string | null) =>
  ({ id: `${participant}${created_at}`, participant, created_at, end_time }) as Parameters<
    typeof presences
  >[1][number];

describe("presence", () => {
  it("has who came first on top, and media servers last", () => {
    const now = Date.parse("2026-01-15T11:00:00Z");
    const people = presences(
      [
        person("sfu", { is_sfu: true }),
        person("late", { participant_name: "Late" }),
        person("early"),
        person("named"),
      ],
      [
        session("late", "2026-01-15T10:30:00Z", null),
        session("early", "2026-01-15T10:00:00Z", "2026-01-15T10:10:00Z"),
        session("early", "2026-01-15T10:40:00Z", "2026-01-15T10:50:00Z"),
      ],
      now,
    );
    expect(people.map(({ name, stays }) => [name, stays.length])).toEqual([
      ["early", 2],
      ["Late", 1],
      ["named", 0],
      ["sfu (media server)", 0],
    ]);
    expect(people[1]?.stays[0]).toMatchObject({ to: now, open: true });
  });

  it("is placed on what is seen of it", () => {
    const seen = { from: 100, to: 200 };
    expect(placed({ from: 50, to: 150 }, seen)).toEqual({ left: 0, width: 50 });
    expect(placed({ from: 175, to: 500 }, seen)).toEqual({ left: 75, width: 25 });
    expect(placed({ from: 0, to: 50 }, seen)).toBeNull();
  });
});
