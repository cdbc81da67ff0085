import { describe, expect, it } from "vitest";

import { type Drawing, METRICS, type View } from "./metrics";
import { flow, linkOf } from "./samples";

const NONE = { participant: "", peer: "", data: "", direction: "", track: "" };
const people = [{ id: "ada", name: "Ada" }];
const at = [5, 10];
const flows = [
  flow({ at, figures: () => ({ bitrate_bps: 40_000, loss_ratio: 0.01, emos: 4.2, codec: "opus" }) }),
  flow({
    kind: "video",
    key: "IV1",
    at,
    figures: (end) => ({
      bitrate_bps: 800_000,
      loss_ratio: 0.03,
      frames: 140,
      frames_passed: 150,
      width: end === 5 ? 640 : 1280,
      height: end === 5 ? 360 : 720,
      decode_ms: 4,
      codec: end === 5 ? "VP8" : "VP9",
    }),
  }),
  flow({
    kind: "video",
    key: "OV1",
    direction: "outbound",
    at,
    figures: () => ({
      frames: 150,
      frames_passed: 145,
      encode_ms: 8,
      limited_ratio: 0.75,
      cpu_limited_ratio: 0.25,
      bandwidth_limited_ratio: 0.5,
    }),
  }),
  linkOf({ at, figures: () => ({ rtt_ms: 40, sent_bps: 8_000, received_bps: 16_000, available_bps: 1e6 }) }),
];

function drawn(id: string, chosen: Partial<typeof NONE> = {}, given = flows): Drawing {
  const view: View = { flows: given, people, chosen: { ...NONE, ...chosen } };
  const metric = METRICS.find((one) => one.id === id);
  if (!metric) throw new Error(`no chart ${id}`);
  return metric.draw(view);
}
const values = (drawing: Drawing): Record<string, unknown> =>
  Object.fromEntries(drawing.lines.map(({ id, points }) => [id, points.map(([, value]) => value)]));
const both = { participant: "ada", peer: "bob" };

describe("charts of a conference", () => {
  it("have names of their own, and say what to do when they are empty", () => {
    expect(new Set(METRICS.map(({ id }) => id)).size).toBe(14);
    for (const metric of METRICS) expect(metric.none({ ...NONE, data: "connection" })).toBeTruthy();
  });

  it("tell throughput of connections, by direction once a peer is chosen, or of chosen media", () => {
    expect(values(drawn("graph-throughput"))).toEqual({ ada: [1000, 1000] });
    expect(values(drawn("graph-throughput", both))).toEqual({
      inbound: [2000, 2000],
      outbound: [1000, 1000],
    });
    expect(values(drawn("graph-throughput", { ...both, data: "audio" }))).toEqual({ inbound: [5000, 5000] });
  });

  it("add bitrates, and take means of loss", () => {
    expect(values(drawn("graph-bitrate"))).toEqual({ ada: [840_000, 840_000] });
    expect(values(drawn("graph-packet-loss"))).toEqual({ ada: [0.02, 0.02] });
  });

  it("tell round trips and bandwidth of the connection, whatever is chosen behind the peer", () => {
    const chosen = { ...both, data: "video", direction: "outbound", track: "OV1" };
    expect(values(drawn("graph-rtt", chosen))).toEqual({ "ada-bob": [40, 40] });
    expect(values(drawn("graph-available-bandwidth"))).toEqual({ ada: [1e6, 1e6] });
  });

  it("count frames that were not decoded, or not sent, each second", () => {
    expect(values(drawn("graph-frames", both))).toEqual({ inbound: [2, 2], outbound: [1, 1] });
    expect(values(drawn("graph-codec-time", both))).toEqual({ inbound: [4, 4], outbound: [8, 8] });
  });

  it("name pictures by width and height", () => {
    const drawing = drawn("graph-resolution", both);
    expect(values(drawing)).toEqual({ inbound: [230_400, 921_600] });
    expect(drawing.ticks?.map((tick) => drawing.format(tick).replace("\u202f", " "))).toEqual([
      "640 x 360 px",
      "1280 x 720 px",
    ]);
    const minutes = [flow({ kind: "video", at, figures: () => ({ height: 720 }) })];
    expect(drawn("graph-resolution", {}, minutes).format(720)).toContain("px high");
  });

  it("say what holds the quality of a single line back", () => {
    expect(values(drawn("graph-quality-limitation"))).toEqual({
      cpu: [0.25, 0.25],
      bandwidth: [0.5, 0.5],
      other: [0, 0],
    });
  });

  it("name all codecs in use at a time", () => {
    const drawing = drawn("graph-codec");
    expect(drawing.words).toBe(true);
    expect(drawing.lines[0]?.points.map(([, value]) => drawing.format(value))).toEqual([
      "opus + VP8",
      "opus + VP9",
    ]);
  });

  it("leave out what is of no kind that was chosen", () => {
    expect(values(drawn("graph-emos", { ...both, data: "video" }))).toEqual({});
    expect(values(drawn("graph-emos"))).toEqual({ ada: [4.2, 4.2] });
    expect(values(drawn("graph-fps", { ...both, data: "connection" }))).toEqual({});
  });
});
