import { describe, expect, it } from "vitest";

import { event, GATHERED, OFFER } from "./samples";
import { descriptions, read } from "./sdp";
import { lineFacts } from "./sdpFacts";
import { changes, lineDiff, shortUri } from "./sdpChanges";

const signalling = (seconds: number, local: [string, string] | null, remote: [string, string] | null) => {
  const shape = (given: [string, string] | null) => (given ? { type: given[0], sdp: given[1] } : null);
  return event("onsignalingstatechange", seconds, {
    signalingState: "stable",
    localDescription: shape(local),
    remoteDescription: shape(remote),
  });
};
const ANSWER = OFFER.replaceAll("actpass", "active").replace("3838435407330626782 2", "99 2");

describe("descriptions", () => {
  it("count once, however often they are told, and keep the candidates that came later", () => {
    const found = descriptions([
      signalling(1, ["offer", OFFER], null),
      signalling(2, ["offer", GATHERED], ["answer", ANSWER]),
      signalling(3, ["offer", GATHERED], ["answer", ANSWER]),
    ]);
    expect(found.map(({ side, type }) => [side, type])).toEqual([
      ["local", "offer"],
      ["remote", "answer"],
    ]);
    expect(found[0]?.sdp).toBe(OFFER);
    expect(found[0]?.latest).toBe(GATHERED);
  });

  it("count again when they change, or when the same words are of another kind", () => {
    const changed = OFFER.replace("a=sendonly", "a=inactive");
    const found = descriptions([
      signalling(1, ["offer", OFFER], null),
      signalling(2, ["offer", changed], null),
      signalling(3, ["answer", changed], null),
    ]);
    expect(found.map(({ type, at }) => [type, at - (found[0]?.at ?? 0)])).toEqual([
      ["offer", 0],
      ["offer", 1000],
      ["answer", 2000],
    ]);
  });

  it("stand offer first when one event tells both", () => {
    const found = descriptions([signalling(1, ["answer", ANSWER], ["offer", OFFER])]);
    expect(found.map(({ side, type }) => `${side} ${type}`)).toEqual(["remote offer", "local answer"]);
  });

  it("may be missing or nonsense", () => {
    expect(descriptions([event("onsignalingstatechange", 0, null), event("custom", 0, "x")])).toEqual([]);
    expect(read("nonsense").media).toEqual([]);
    expect(read("").media).toEqual([]);
  });
});

describe("an m-line", () => {
  const { media, bundles, id, version } = read(GATHERED);
  const [audio, video, data] = media;

  it("belongs to a session and its bundle", () => {
    expect([id, version, bundles]).toEqual(["3838435407330626782", 2, ["0 1 2"]]);
    expect(media.map(({ kind, mid, bundled }) => [kind, mid, bundled])).toEqual([
      ["audio", "0", true],
      ["video", "1", true],
      ["application", "2", true],
    ]);
  });

  it("has codecs in order of preference, retransmission beside what it repeats", () => {
    expect(audio?.codecs.map(({ name, clockRate, channels }) => [name, clockRate, channels])).toEqual([
      ["opus", 48000, 2],
      ["PCMU", 8000, null],
    ]);
    expect(audio?.codecs[0]).toMatchObject({
      parameters: "minptime=10;useinbandfec=1",
      feedback: ["transport-cc"],
    });
    expect(video?.codecs).toMatchObject([
      { name: "VP8", payload: 96, retransmission: [97], feedback: ["goog-remb", "nack pli"] },
    ]);
  });

  it("has its transport", () => {
    expect(audio).toMatchObject({
      direction: "sendrecv",
      ufrag: "IhtN",
      setup: "actpass",
      fingerprint: "sha-256 D7:E4:56",
      rtcpMux: true,
      candidates: 2,
      complete: true,
      streams: ["stream-1"],
      ssrcs: [28472762],
    });
    expect(video).toMatchObject({ direction: "sendonly", rids: ["hi send"], simulcast: "send hi" });
    expect(data).toMatchObject({ sctpPort: 5000, maxMessageSize: 262144 });
  });

  it("takes from the session what it does not say itself, and sees what was masked", () => {
    const above = OFFER.replaceAll(/a=(setup|fingerprint):.*\r\n/g, "").replace(
      "t=0 0\r\n",
      "t=0 0\r\na=setup:passive\r\na=fingerprint:sha-256 AA:BB\r\n",
    );
    expect(read(above).media[1]).toMatchObject({ setup: "passive", fingerprint: "sha-256 AA:BB" });
    const hidden = OFFER.replaceAll(/a=(fingerprint|ice-ufrag):.*\r\n/g, "a=$1:*\r\n");
    expect(read(hidden).media[0]).toMatchObject({ ufrag: "*", fingerprint: "*" });
  });

  it("tells what it has, by name, and what was masked", () => {
    const told = Object.fromEntries(audio ? lineFacts(audio) : []);
    expect(told).toMatchObject({
      Transport: "UDP/TLS/RTP/SAVPF, port 50000, in the bundle",
      Candidates: "2, complete",
      RTCP: "multiplexed with RTP",
      "Header extensions": "1 ssrc-audio-level",
    });
    expect(told).not.toHaveProperty("SCTP port");
    expect(Object.fromEntries(data ? lineFacts(data) : [])).toMatchObject({ "SCTP port": "5000" });
    const hidden = read(OFFER.replaceAll(/a=ice-pwd:.*\r\n/g, "a=ice-pwd:*\r\n")).media[0];
    expect(Object.fromEntries(hidden ? lineFacts(hidden) : [])["ICE password"]).toContain("masked");
  });

  it("is rejected by port 0, but not when it only lives in the bundle", () => {
    const zero = OFFER.replace("m=video 9", "m=video 0");
    expect(read(zero).media[1]?.rejected).toBe(true);
    expect(read(zero.replace("a=mid:1", "a=mid:1\r\na=bundle-only")).media[1]?.rejected).toBe(false);
  });
});

describe("changes", () => {
  const told = (after: string) =>
    changes(read(OFFER), read(after)).map(({ where, what, before, after: now }) => [
      where,
      what,
      before,
      now,
    ]);

  it("are none between a description and itself with candidates", () => {
    expect(told(OFFER)).toEqual([]);
    expect(told(GATHERED)).toEqual([]);
  });

  it("name what changed in which m-line", () => {
    expect(told(OFFER.replace("a=sendonly", "a=inactive"))).toEqual([
      ["video (mid 1)", "direction", "sendonly", "inactive"],
    ]);
    expect(told(OFFER.replaceAll("IhtN", "new1"))).toContainEqual([
      "audio (mid 0)",
      "ICE user fragment (a restart of ICE)",
      "IhtN",
      "new1",
    ]);
    expect(told(OFFER.replace("useinbandfec=1", "useinbandfec=0"))).toEqual([
      ["audio (mid 0)", "opus (111) parameters", "minptime=10;useinbandfec=1", "minptime=10;useinbandfec=0"],
    ]);
  });

  it("name m-lines that came or went", () => {
    const without = OFFER.slice(0, OFFER.indexOf("m=application"));
    expect(told(without)).toEqual([["application (mid 2)", "m-line", "present", null]]);
  });

  it("can be read line by line", () => {
    const diff = lineDiff("a\nb\nm=x\nc", "a\nm=x\nd\nc");
    expect(diff.map(({ sign, line }) => sign + line)).toEqual([" a", "-b", " m=x", "+d", " c"]);
    expect(diff.find(({ heading }) => heading)?.line).toBe("m=x");
    expect(lineDiff("", "a").map(({ sign }) => sign)).toEqual(["+"]);
  });

  it("call extensions by the last part of their URI", () => {
    expect(shortUri("urn:ietf:params:rtp-hdrext:sdes:mid")).toBe("mid");
    expect(shortUri("http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time")).toBe("abs-send-time");
  });
});
