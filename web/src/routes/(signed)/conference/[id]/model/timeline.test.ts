import { describe, expect, it } from "vitest";

import { clusters, placed, stacked, ticks, zoomSteps } from "./places";
import { at, connection, event, issue, participant, session, T0 } from "./samples";
import { instant } from "./shapes";
import { axisOf, eventsWithin, timeline } from "./timeline";

const ended = { created_at: T0, end_time: at(600), ongoing: false };
const running = { created_at: T0, end_time: null, ongoing: true };

describe("the axis", () => {
  it("goes from the conference's creation to its end, whatever came later", () => {
    expect(axisOf(ended, [event("custom", 900)])).toEqual({ from: instant(T0), to: instant(at(600)) });
  });

  it("ends five minutes after the last event while there is no end", () => {
    expect(axisOf(running, [event("custom", 100), event("custom", 30)]).to).toBe(instant(at(400)));
    expect(axisOf(running, []).to).toBe(instant(at(300)));
  });

  it("has a length even when everything happened at once", () => {
    const { from, to } = axisOf({ ...ended, end_time: T0 }, []);
    expect(to - from).toBe(1000);
  });
});

describe("bars", () => {
  const noor = participant({ id: "noor", participant_name: "Noor" });
  const sfu = participant({ id: "sfu", is_sfu: true, participant_id: "janus" });
  const own = connection({
    participant: "noor",
    peer: "sfu",
    start_time: at(10),
    end_time: at(50),
    connection_info: {
      negotiations: [
        { start_time: at(10), end_time: at(11), status: "connected", type: "initial" },
        { start_time: at(20), end_time: at(21), status: "stable", type: "renegotiation" },
        { start_time: at(30), end_time: null, status: "connecting", type: "renegotiation" },
        { start_time: "soon", status: "failed" },
      ],
    },
  });
  const media = (seconds: number, data: unknown) =>
    event("getUserMedia", seconds, data, { participant: "noor" });
  const { bars } = timeline({
    conference: ended,
    people: [noor],
    participants: [noor, sfu],
    sessions: [session({ participant: "noor", created_at: at(1), end_time: at(60) })],
    connections: [own, connection({ participant: "someone else" })],
    issues: [issue({ participant: "noor", created_at: at(5), ended_at: null, type: "error" })],
    events: [
      media(1, { constraints: { audio: true } }),
      media(2, { audio: [{ label: "Desk mic" }] }),
      media(3, { error: { name: "NotAllowedError", message: "Permission denied" } }),
      event("custom", 4, { eventName: "mute" }, { participant: "noor" }),
      event("onicecandidate", 5, null, { participant: "noor" }),
    ],
  });
  const [bar] = bars;

  it("show when the page was open", () => {
    expect(bar?.presence).toMatchObject([{ kind: "presence", from: instant(at(1)), to: instant(at(60)) }]);
  });

  it("mark media requests with how they went, and custom events by their names", () => {
    expect(bar?.marks.map(({ kind, outcome, title }) => [kind, outcome, title])).toEqual([
      ["get-user-media", "pending", "Media requested"],
      ["get-user-media", "ok", "Media received"],
      ["get-user-media", "failed", "Media refused"],
      ["custom", "none", "mute"],
    ]);
  });

  it("let an issue last to the end while it is open", () => {
    expect(bar?.issues).toMatchObject([{ open: true, to: instant(at(600)), outcome: "failed" }]);
  });

  it("tell the life of each connection and its negotiations", () => {
    expect(bar?.connections).toHaveLength(1);
    expect(bar?.connections[0]).toMatchObject({ peer: "janus", isServer: true });
    expect(bar?.connections[0]?.life).toMatchObject({
      kind: "connected",
      from: instant(at(10)),
      to: instant(at(50)),
    });
    expect(
      bar?.connections[0]?.negotiations.map(({ kind, outcome, title }) => [kind, outcome, title]),
    ).toEqual([
      ["connecting", "ok", "Connecting succeeded"],
      ["renegotiation", "ok", "Renegotiation succeeded"],
      ["renegotiation", "pending", "Renegotiation under way"],
    ]);
    expect(bar?.connections[0]?.negotiations[2]).toMatchObject({ open: true, to: instant(at(50)) });
  });

  it("give the events of a connection within a period, its ends included", () => {
    const all = [9, 10, 15, 20, 21].map((seconds) => event("x", seconds, null, { connection: own.id }));
    const period = { from: instant(at(10)), to: instant(at(20)) };
    expect(eventsWithin([...all, event("x", 12)], own.id, period)).toEqual(all.slice(1, 4));
  });
});

describe("places", () => {
  const axis = { from: 0, to: 1_000_000 };
  const scale = { axis, width: 1000 };
  const mark = (id: string, atMs: number, own = {}) => ({
    id,
    kind: "custom" as const,
    at: atMs,
    outcome: "none" as const,
    title: id,
    event: event("custom", 0),
    ...own,
  });

  it("stay on the axis, are wide enough, and say where they are cut", () => {
    expect(placed({ from: 100_000, to: 200_000 }, scale)).toEqual({
      left: 100,
      width: 100,
      cutBefore: false,
      cutAfter: false,
    });
    expect(placed({ from: 999_999, to: 2_000_000 }, scale)).toMatchObject({
      left: 997,
      width: 3,
      cutAfter: true,
    });
    expect(placed({ from: -5, to: 500_000 }, scale)).toMatchObject({ left: 0, width: 500, cutBefore: true });
  });

  it("are shared by marks of one kind that are too close, with the worst outcome", () => {
    const made = clusters(
      [mark("b", 20_000, { outcome: "failed" }), mark("a", 0), mark("c", 30_000), mark("d", 53_000)],
      scale,
    );
    expect(made.clusters.map(({ marks, outcome }) => [marks.map((one) => one.id).join(""), outcome])).toEqual(
      [
        ["ab", "failed"],
        ["cd", "none"],
      ],
    );
    expect(made.lanes).toBe(1);
  });

  it("part marks of different kinds by lanes", () => {
    const made = clusters([mark("a", 0), mark("b", 5_000, { kind: "page" }), mark("c", 40_000)], scale);
    expect(made.clusters.map(({ lane }) => lane)).toEqual([0, 1, 0]);
    expect(made.lanes).toBe(2);
  });

  it("stack periods that overlap", () => {
    const periods = [
      { from: 0, to: 500_000 },
      { from: 100_000, to: 200_000 },
      { from: 600_000, to: 600_000 },
      { from: 601_000, to: 601_000 },
    ];
    expect(stacked(periods, scale).map(({ lane }) => lane)).toEqual([0, 1, 0, 1]);
  });

  it("have round ticks, also in zones with half hours", () => {
    expect(ticks(scale, 110)).toEqual({
      stepMs: 120_000,
      at: [0, 1, 2, 3, 4, 5, 6, 7, 8].map((n) => n * 120_000),
    });
    const hours = { axis: { from: 0, to: 36_000_000 }, width: 1000 };
    const { stepMs, at: shown } = ticks(hours, 110, hours.axis, 5.5 * 3_600_000);
    expect(stepMs).toBe(7_200_000);
    expect(shown[0]).toBe(0.5 * 3_600_000);
  });

  it("can be stretched until a second is 50 pixels wide", () => {
    expect(zoomSteps(axis, 1000)).toEqual([1, 2, 4, 8, 16, 32, 64]);
    expect(zoomSteps({ from: 0, to: 1000 }, 1000)).toEqual([1]);
  });

  it("take no time worth mentioning for thousands of marks", () => {
    const marks = Array.from({ length: 5_000 }, (_, index) =>
      mark(String(index), (index * 7919) % 1_000_000),
    );
    expect(clusters(marks, scale).clusters.length).toBeLessThanOrEqual(Math.ceil(1000 / 24));
  });
});
