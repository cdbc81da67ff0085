import { describe, expect, it } from "vitest";

import { labels, otherEnd, pick } from "./pick";
import { at, connection, issue } from "./samples";
import { instant } from "./shapes";

describe("the connection that is looked at", () => {
  const quiet = connection({ id: "quiet" });
  const poor = connection({ id: "poor" });
  const broken = connection({ id: "broken" });
  const all = [quiet, poor, broken];
  const issues = [
    issue({ connection: "poor" }),
    issue({ connection: "poor" }),
    issue({ connection: "broken", type: "error" }),
  ];

  it("is the one that is asked for, else the one with the worst issues, else the first", () => {
    expect(pick(all, issues, "quiet")).toBe(quiet);
    expect(pick(all, issues, "gone")).toBe(broken);
    expect(pick([quiet, poor], issues, "")).toBe(poor);
    expect(pick(all, [], "")).toBe(quiet);
    expect(pick([], issues, "")).toBeUndefined();
  });

  it("is called by its ends, with a number when there are several", () => {
    const names = new Map([["someone", "Noor"]]);
    expect([...labels([quiet, poor], names).values()]).toEqual(["Noor to unknown", "Noor to unknown (2)"]);
  });

  it("has another end: the longest of those that overlap", () => {
    const own = connection({ participant: "a", peer: "b", start_time: at(10), end_time: at(60) });
    const back = { participant: "b", peer: "a" };
    const short = connection({ ...back, start_time: at(0), end_time: at(12) });
    const long = connection({ ...back, start_time: at(20) });
    const before = connection({ ...back, start_time: at(0), end_time: at(9) });
    expect(otherEnd(own, [own, before, short, long], instant(at(90)))).toBe(long);
    expect(otherEnd(own, [own, before], instant(at(90)))).toBeUndefined();
  });
});
