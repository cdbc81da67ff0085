import { describe, expect, it } from "vitest";

import { agedBy } from "./aged";

import {
  candidates,
  configuration,
  fromEvent,
  isEnd,
  pairEnds,
  serverErrors,
  socket,
  spells,
} from "./candidates";
import { at, event, GATHERED, issue } from "./samples";
import { factsOf, lastedS, merged, ranked, since } from "./evidence";
import { instant } from "./shapes";
import { stateLines, toneOf } from "./states";
import { told } from "./words";

const LINE = "candidate:7 1 udp 2122194687 192.0.2.10 50000 typ host generation 0";

describe("candidates", () => {
  it("are read from the browser's fields, else from the line", () => {
    expect(fromEvent({ candidate: LINE, sdpMid: "0" })).toMatchObject({
      type: "host",
      protocol: "udp",
      address: "192.0.2.10",
      port: 50000,
      mid: "0",
    });
    expect(fromEvent({ type: "relay", protocol: "tcp", address: "::1", port: 9 })).toMatchObject({
      type: "relay",
    });
    expect(fromEvent(null)).toBeNull();
    expect(fromEvent({ candidate: "" })).toBeNull();
  });

  it("are each told once, with the time at which they were found", () => {
    const found = candidates(
      [event("onicecandidate", 2, { candidate: LINE }), event("onicecandidate", 3, null)],
      [
        { id: "d", at: instant(at(4)), side: "local", type: "offer", sdp: GATHERED, latest: GATHERED },
        { id: "e", at: instant(at(5)), side: "remote", type: "answer", sdp: GATHERED, latest: GATHERED },
      ],
    );
    expect(found.map((one) => [one.side, one.type, one.at])).toEqual([
      ["local", "host", instant(at(2))],
      ["local", "srflx", null],
      ["remote", "host", instant(at(5))],
      ["remote", "srflx", instant(at(5))],
    ]);
    expect(found[1]?.related).toBe("192.0.2.10:50000");
  });

  it("stand with brackets where an address has colons", () => {
    expect(socket("2001:db8::1", 3478)).toBe("[2001:db8::1]:3478");
    expect(socket("192.0.2.1", null)).toBe("192.0.2.1");
    expect(socket(null, 5)).toBe("hidden:5");
  });
});

describe("pairs", () => {
  const connection = "c";
  const point = (from: number, pair: string | undefined, own = {}) => ({
    from: at(from),
    to: at(from + 5),
    pair,
    ...own,
  });
  const line = (points: Record<string, unknown>[]) => ({
    participant: "p",
    session: "s",
    peer: "q",
    connection,
    track: null,
    kind: "connection",
    direction: null,
    key: null,
    points,
  });

  it("change when a report names another one", () => {
    const found = spells(
      [
        line([
          point(0, "A", { local_type: "host", rtt_ms: 10 }),
          point(5, "A", { rtt_ms: 30 }),
          point(10, undefined),
          point(15, "B", { local_type: "relay", relay_protocol: "tcp" }),
        ]),
      ],
      connection,
    );
    expect(found).toMatchObject([
      { pair: "A", from: instant(at(0)), to: instant(at(10)), localType: "host", meanRttMs: 20 },
      { pair: "B", from: instant(at(20)), to: instant(at(20)), relayProtocol: "tcp", meanRttMs: null },
    ]);
    expect(spells([], connection)).toEqual([]);
  });

  it("have two ends, which are told apart from candidates that lost", () => {
    const report = event("stats", 5, {
      connection: {
        id: "A",
        local: { candidateType: "host", protocol: "udp", address: "192.0.2.10", port: 50000 },
        remote: { candidateType: "prflx", protocol: "udp", port: 9 },
      },
    });
    const ends = pairEnds(report);
    expect(ends).toMatchObject({ pair: "A", event: report.id, remote: { type: "prflx", address: null } });
    const [own] = candidates([event("onicecandidate", 2, { candidate: LINE })], []);
    expect(own && ends && isEnd(own, [ends])).toBe(true);
    expect(own && ends && isEnd({ ...own, key: "other" }, [ends])).toBe(false);
    expect(pairEnds(event("stats", 0, { connection: { inbound: [] } }))).toBeNull();
  });
});

describe("what a page had set up", () => {
  it("names the servers", () => {
    const servers = [{ urls: ["stun:a", "turn:b"] }, { urls: "turn:c" }, { url: "stun:old" }, null];
    const details = { peerConfiguration: { iceServers: servers, iceTransportPolicy: "relay" } };
    expect(configuration([event("peerDetails", 0, details)])).toEqual({
      servers: ["stun:a", "turn:b", "turn:c", "stun:old"],
      policy: "relay",
      bundle: null,
    });
    expect(configuration([])).toBeNull();
  });

  it("and what they refused", () => {
    const refused = [event("onicecandidateerror", 1, { errorCode: 701, url: "turn:b" }), event("x", 2)];
    expect(serverErrors(refused)).toMatchObject([{ code: 701, url: "turn:b", words: null }]);
    expect(serverErrors([event("onicecandidateerror", 1, 701)])).toMatchObject([{ code: 701 }]);
  });
});

describe("states", () => {
  const span = { from: instant(at(0)), to: instant(at(60)) };

  it("last until the next one, and are not repeated", () => {
    const [line, ...others] = stateLines(
      [
        event("onconnectionstatechange", 5, "connected"),
        event("onconnectionstatechange", 1, "connecting"),
        event("onconnectionstatechange", 6, "connected"),
        event("onconnectionstatechange", 40, "failed"),
      ],
      span,
    );
    expect(others).toEqual([]);
    expect(
      line?.stays.map(({ state, from, to }) => [state, (from - span.from) / 1000, (to - span.from) / 1000]),
    ).toEqual([
      ["new", 0, 1],
      ["connecting", 1, 5],
      ["connected", 5, 40],
      ["failed", 40, 60],
    ]);
  });

  it("of signalling are in an object; those before the connection's start are kept", () => {
    const [line] = stateLines(
      [event("onsignalingstatechange", -1, { signalingState: "have-local-offer" })],
      span,
    );
    expect(line?.kind).toBe("signalling");
    expect(line?.stays).toMatchObject([{ state: "have-local-offer", from: instant(at(-1)), to: span.to }]);
  });

  it("are good, busy, bad, or say nothing", () => {
    expect(["connected", "checking", "failed", "closed"].map(toneOf)).toEqual([
      "good",
      "busy",
      "bad",
      "calm",
    ]);
  });
});

describe("events in words", () => {
  it("tell what matters of their data", () => {
    expect(told(event("getUserMedia", 0, { error: { name: "NotFoundError" } }))).toEqual({
      title: "Media refused",
      detail: "NotFoundError",
      outcome: "failed",
    });
    expect(told(event("custom", 0, { eventName: "hand-raised", seat: 4 }))).toMatchObject({
      title: "hand-raised",
      detail: "seat: 4",
    });
    expect(told(event("custom", 0, "ping")).title).toBe("ping");
    expect(told(event("tabFocus", 0, true)).title).toBe("Tab hidden");
    expect(told(event("tabFocus", 0, { focus: false })).title).toBe("Tab visible");
    expect(told(event("onicecandidate", 0, null)).title).toBe("ICE candidates complete");
    expect(
      told(event("onicecandidate", 0, { type: "host", protocol: "udp", address: "192.0.2.1", port: 9 }))
        .detail,
    ).toBe("host, udp, 192.0.2.1 port 9");
    expect(told(event("setParameters", 0, {}))).toEqual({
      title: "setParameters",
      detail: null,
      outcome: "none",
    });
  });
});

describe("news", () => {
  it("name each part to be read again once", () => {
    expect(agedBy(["session", "session", "issue", "unknown"])).toEqual([
      "sessions",
      "participants",
      "issues",
      "conference",
    ]);
  });
});

describe("evidence", () => {
  it("is read errors first", () => {
    const late = issue({ created_at: at(9), type: "error" });
    const early = issue({ created_at: at(1) });
    expect(ranked([early, late])).toEqual([late, early]);
    expect(lastedS({ created_at: at(1), ended_at: at(3.5) })).toBe(2.5);
    expect(lastedS({ created_at: at(1), ended_at: null })).toBeNull();
  });

  it("has figures with their units, and nothing that says nothing", () => {
    const facts = (data: unknown) =>
      factsOf({ data }).map(([name, value]) => `${name} ${value.replaceAll("\u202f", " ")}`);
    expect(facts({ worst: 0.12, unit: "ratio", spells: 3, seconds: 9 })).toEqual([
      "at worst 12 %",
      "times 3",
    ]);
    expect(facts({ worst: 640, unit: "ms", spells: 1 })).toEqual(["at worst 640 ms"]);
    expect(facts({ worst: 1, unit: "", error_code: 701, name: null, more: {} })).toEqual(["error code 701"]);
    expect(facts(null)).toEqual([]);
  });

  it("of events that came later goes to where it belongs, once", () => {
    const [a, b, c] = [event("a", 1), event("b", 2), event("c", 3)];
    const again = { ...b, data: "new" };
    expect(merged([a, c], [again, b, again])).toEqual([a, again, c]);
    expect(since([a, c], 2_000)).toBe(at(1));
    expect(since([])).toBeNull();
  });
});
