/** The charts of a conference: what each is made of. */
import type { Line } from "$lib/charts";
import { bitrate, bytes, decimal, GAP, type Maybe, ms, percent, withUnit } from "$lib/format";

import { combine, type How, type Pick } from "./combine";
import { figureOf, type Flow, type Kind } from "./flows";
import { type Chosen, type Group, groupsOf, linksOf, type Person } from "./scope";

export interface View {
  flows: readonly Flow[];
  people: readonly Person[];
  /** Filters that count: see `effective`. */
  chosen: Chosen;
}

export interface Drawing {
  lines: Line[];
  format: (value: Maybe) => string;
  /** Only these have names on the axis. */
  ticks?: readonly number[];
  /** Values stand for words, in files too. */
  words?: boolean;
}

export interface Metric {
  id: string;
  title: string;
  hint: string;
  /** Of the figures in files. */
  unit: string;
  steps?: boolean;
  min?: number;
  max?: number;
  /** Values from 0 to 1: an axis up to 1 when all are 0. */
  ratio?: boolean;
  draw: (view: View) => Drawing;
  /** What to do when there is nothing. */
  none: (chosen: Chosen) => string;
}

const REPORTS = "Minutes do not tell it: choose a participant or zoom in, so that every report is read.";

function media(groups: readonly Group[], wants: (flow: Flow) => boolean, how: How, pick: Pick): Line[] {
  return groups.flatMap(({ id, name, colour, media: flows }) => {
    const points = combine(flows.filter(wants), how, pick);
    return points.some(([, value]) => value !== null) ? [{ id, name, colour, points }] : [];
  });
}

function links(groups: readonly Group[], how: How, pick: Pick): Line[] {
  return groups.flatMap(({ id, name, colour, links: flows }) => {
    const points = combine(flows, how, pick);
    return points.some(([, value]) => value !== null) ? [{ id, name, colour, points }] : [];
  });
}

const of =
  (name: string): Pick =>
  (flow, at) =>
    figureOf(flow, at, name);
const isVideo = (flow: Flow): boolean => flow.kind === "video";
const anyFlow = (): boolean => true;

function seconds(flow: Flow, at: number): number {
  const length = figureOf(flow, at, "seconds");
  return length > 0 ? length : Number.NaN;
}

/** Frames that came (or were encoded) each second and were not decoded (or not sent). */
const notPassed: Pick = (flow, at) => {
  const [done, passed] = [figureOf(flow, at, "frames"), figureOf(flow, at, "frames_passed")];
  return (flow.direction === "inbound" ? passed - done : done - passed) / seconds(flow, at);
};

const perFrame: Pick = (flow, at) =>
  figureOf(flow, at, flow.direction === "inbound" ? "decode_ms" : "encode_ms");

/** Without a choice what connections send; of one direction that one; of chosen data its own bytes. */
function throughput({ flows, people, chosen }: View): Line[] {
  const each =
    (name: string): Pick =>
    (flow, at) =>
      figureOf(flow, at, name) / 8;
  if (chosen.data === "audio" || chosen.data === "video")
    return media(groupsOf(flows, people, chosen), anyFlow, "sum", each("bitrate_bps"));
  const groups = groupsOf(flows, people, chosen);
  return groups.flatMap((group) =>
    links([group], "sum", each(group.direction === "inbound" ? "received_bps" : "sent_bps")),
  );
}

const WHY = [
  { id: "cpu", name: "CPU", pick: of("cpu_limited_ratio") },
  { id: "bandwidth", name: "Bandwidth", pick: of("bandwidth_limited_ratio") },
  {
    id: "other",
    name: "Other reasons",
    pick: ((flow, at) =>
      Math.max(
        0,
        figureOf(flow, at, "limited_ratio") -
          figureOf(flow, at, "cpu_limited_ratio") -
          figureOf(flow, at, "bandwidth_limited_ratio"),
      )) satisfies Pick,
  },
];

/** Of several people how much; of one line also why. */
function limited(view: View): Line[] {
  const groups = groupsOf(view.flows, view.people, view.chosen);
  const lines = media(groups, isVideo, "mean", of("limited_ratio"));
  const [only] = lines;
  if (lines.length !== 1 || !only) return lines;
  const own = groups.filter(({ id }) => id === only.id);
  return WHY.flatMap(({ id, name, pick }, colour) =>
    media(own, isVideo, "mean", pick).map((line) => ({ ...line, id, name, colour })),
  );
}

/** The biggest picture, by its width and height where those are known; minutes have only heights. */
function resolution(view: View): Drawing {
  const groups = groupsOf(view.flows, view.people, view.chosen);
  const names = new Map<number, string>();
  const area: Pick = (flow, at) => {
    const [width, height] = [figureOf(flow, at, "width"), figureOf(flow, at, "height")];
    const pixels = width * height;
    if (!Number.isNaN(pixels)) names.set(pixels, `${width} x ${height}${GAP}px`);
    return pixels;
  };
  const lines = media(groups, isVideo, "max", area);
  if (lines.length === 0)
    return {
      lines: media(groups, isVideo, "max", of("height")),
      format: (value) => withUnit(value, "px high", 0),
    };
  return {
    lines,
    format: (value) => names.get(value ?? -1) ?? "",
    ticks: [...names.keys()].sort((a, b) => a - b),
  };
}

/** Values as places in a list of those that there are, the first at the bottom. */
function asLevels(lines: readonly Line[], known: readonly (readonly [number, string])[]): Drawing {
  const place = new Map(known.map(([value], at) => [value, at]));
  const levels = known.map(([, name]) => name);
  return {
    ticks: levels.map((_, at) => at),
    words: true,
    format: (value) => levels[value ?? -1] ?? "",
    lines: lines.map((line) => ({
      ...line,
      points: line.points.map(
        ([at, value]) => [at, value === null ? null : (place.get(value) ?? null)] as const,
      ),
    })),
  };
}

const MOST_CODECS = 30;

/** Codecs in use at a time, as one level: "opus + VP8". */
function codecs(view: View): Drawing {
  const known: string[] = [];
  const bit: Pick = (flow, at) => {
    const codec = flow.figures["codec"]?.[at];
    if (typeof codec !== "string") return Number.NaN;
    let place = known.indexOf(codec);
    if (place < 0) place = known.push(codec) - 1;
    return 1 << Math.min(place, MOST_CODECS);
  };
  const lines = media(groupsOf(view.flows, view.people, view.chosen), anyFlow, "union", bit);
  const sets = [...new Set(lines.flatMap((line) => line.points.flatMap(([, value]) => value ?? [])))];
  const said = (set: number): string =>
    known
      .filter((_, at) => set & (1 << at))
      .sort((a, b) => a.localeCompare(b))
      .join(" + ");
  return asLevels(
    lines,
    sets.map((set) => [set, said(set)] as const).sort(([, a], [, b]) => a.localeCompare(b)),
  );
}

function other(chosen: Chosen, kind: Kind): string | null {
  if (!chosen.data || chosen.data === kind) return null;
  return `Only ${kind} has this. Choose ${kind}, or all data.`;
}

const NOTHING_MEASURED = "Nothing of this kind was measured under these filters.";
const mediaOnly = (chosen: Chosen): string =>
  chosen.data === "connection"
    ? "Flows of media have this. Choose audio or video, or all data."
    : NOTHING_MEASURED;

const groupsIn = (view: View): Group[] => groupsOf(view.flows, view.people, view.chosen);
const linksIn = (view: View): Group[] => linksOf(view.flows, view.people, view.chosen);

export const METRICS: readonly Metric[] = [
  {
    id: "graph-throughput",
    title: "Media throughput",
    hint: "Bytes per second that connections send; of chosen audio or video its payload.",
    unit: "bytes/s",
    draw: (view) => ({
      lines: throughput(view),
      format: (value) => `${bytes(value)}/s`,
    }),
    none: () => NOTHING_MEASURED,
  },
  {
    id: "graph-rtt",
    title: "Round trip time",
    hint: "Of the connection, mean of the checks in each interval.",
    unit: "ms",
    draw: (view) => ({ lines: links(linksIn(view), "mean", of("rtt_ms")), format: ms }),
    none: () => NOTHING_MEASURED,
  },
  {
    id: "graph-packet-loss",
    title: "Packet loss",
    hint: "Lost of all packets in each interval; mean of the tracks.",
    unit: "ratio",
    ratio: true,
    draw: (view) => ({
      lines: media(groupsIn(view), anyFlow, "mean", of("loss_ratio")),
      format: (value) => percent(value, 2),
    }),
    none: mediaOnly,
  },
  {
    id: "graph-jitter",
    title: "Jitter",
    hint: "Variation of the time packets take; mean of the tracks.",
    unit: "ms",
    draw: (view) => ({
      lines: media(groupsIn(view), anyFlow, "mean", of("jitter_ms")),
      format: (value) => withUnit(value, "ms", 1),
    }),
    none: mediaOnly,
  },
  {
    id: "graph-emos",
    title: "Audio eMOS",
    hint: "How received audio would be judged by listeners, from 1 (bad) to 5 (excellent).",
    unit: "1 to 5",
    min: 1,
    max: 5,
    draw: (view) => ({
      lines: media(
        groupsIn(view),
        (flow) => flow.kind === "audio" && flow.direction === "inbound",
        "mean",
        of("emos"),
      ),
      format: (value) => decimal(value, 2),
    }),
    none: (chosen) =>
      other(chosen, "audio") ??
      (chosen.direction === "outbound" ? "Only received audio has this. Choose inbound." : NOTHING_MEASURED),
  },
  {
    id: "graph-bitrate",
    title: "Bitrate of media",
    hint: "Payload of audio and video, sent and received together until a direction is chosen.",
    unit: "bit/s",
    draw: (view) => ({ lines: media(groupsIn(view), anyFlow, "sum", of("bitrate_bps")), format: bitrate }),
    none: mediaOnly,
  },
  {
    id: "graph-available-bandwidth",
    title: "Available bandwidth",
    hint: "What the browser estimates that a connection can send; mean of the connections.",
    unit: "bit/s",
    draw: (view) => ({ lines: links(linksIn(view), "mean", of("available_bps")), format: bitrate }),
    none: () => "Browsers tell it only while they send media.",
  },
  {
    id: "graph-resolution",
    title: "Video resolution",
    hint: "The biggest picture of the line at a time.",
    unit: "pixels",
    steps: true,
    draw: resolution,
    none: (chosen) => other(chosen, "video") ?? NOTHING_MEASURED,
  },
  {
    id: "graph-fps",
    title: "Frames per second",
    hint: "Decoded or encoded pictures of video; mean of the tracks.",
    unit: "fps",
    draw: (view) => ({
      lines: media(groupsIn(view), isVideo, "mean", of("fps")),
      format: (value) => withUnit(value, "fps", 1),
    }),
    none: (chosen) => other(chosen, "video") ?? NOTHING_MEASURED,
  },
  {
    id: "graph-frames",
    title: "Frames left out",
    hint: "Received and not decoded, or encoded and not sent, per second.",
    unit: "frames/s",
    draw: (view) => ({
      lines: media(groupsIn(view), isVideo, "sum", notPassed),
      format: (value) => withUnit(value, "/s", (value ?? 0) < 1 ? 3 : 1),
    }),
    none: (chosen) => other(chosen, "video") ?? REPORTS,
  },
  {
    id: "graph-codec-time",
    title: "Average decode / encode time",
    hint: "Time for one picture: to decode what is received, to encode what is sent.",
    unit: "ms",
    draw: (view) => ({
      lines: media(groupsIn(view), isVideo, "mean", perFrame),
      format: (value) => withUnit(value, "ms", 1),
    }),
    none: (chosen) => other(chosen, "video") ?? NOTHING_MEASURED,
  },
  {
    id: "graph-freezes",
    title: "Freezes",
    hint: "Share of the time in which received video stood still.",
    unit: "ratio",
    ratio: true,
    draw: (view) => ({
      lines: media(groupsIn(view), isVideo, "mean", of("freeze_ratio")),
      format: (value) => percent(value),
    }),
    none: (chosen) =>
      other(chosen, "video") ??
      (chosen.direction === "outbound" ? "Only received video freezes. Choose inbound." : NOTHING_MEASURED),
  },
  {
    id: "graph-quality-limitation",
    title: "Quality limitation",
    hint: "Share of the time in which sent video was held back; of one line also by what.",
    unit: "ratio",
    max: 1,
    draw: (view) => ({ lines: limited(view), format: (value) => percent(value) }),
    none: (chosen) =>
      other(chosen, "video") ??
      (chosen.direction === "inbound" ? "Only sent video is held back. Choose outbound." : NOTHING_MEASURED),
  },
  {
    id: "graph-codec",
    title: "Codec",
    hint: "Codecs in use at a time.",
    unit: "level",
    steps: true,
    draw: codecs,
    none: (chosen) => (chosen.data === "connection" ? mediaOnly(chosen) : REPORTS),
  },
];
