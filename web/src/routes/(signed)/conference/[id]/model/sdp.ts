/** Session descriptions (RFC 8866, JSEP RFC 9429) read into what people look for, and what changed between two. */
import { type MediaDescription, parse, type SessionDescription } from "sdp-transform";

import { type CallEvent, fields, inOrder, instant, text } from "./shapes";

export type Side = "local" | "remote";

/** A description at the moment at which it was first seen. */
export interface Description {
  /** Of the event that first told it. */
  id: string;
  at: number;
  side: Side;
  /** offer, answer, pranswer or rollback. */
  type: string;
  sdp: string;
  /** The same with the candidates that were found later; what was told last. */
  latest: string;
}

/**
 * The descriptions that a connection went through, oldest first. Events repeat both sides every time: one counts when it differs from
 * the one before on its side in more than its candidates.
 */
export function descriptions(events: readonly CallEvent[]): Description[] {
  const found: Description[] = [];
  const last: Partial<Record<Side, Description>> = {};
  for (const event of inOrder(events)) {
    if (event.type !== "onsignalingstatechange") continue;
    for (const side of sidesOf(event)) {
      const given = fields(fields(event.data)[`${side}Description`]);
      const sdp = text(given["sdp"]);
      if (sdp === null) continue;
      const before = last[side];
      if (before && before.type === given["type"] && lasting(before.latest) === lasting(sdp)) {
        before.latest = sdp;
        continue;
      }
      const made = {
        id: event.id,
        at: instant(event.created_at),
        side,
        type: text(given["type"]) ?? "description",
        sdp,
        latest: sdp,
      };
      last[side] = made;
      found.push(made);
    }
  }
  return found;
}

/** The offer comes before its answer, also when one event tells both. */
function sidesOf(event: CallEvent): Side[] {
  const remote = fields(fields(event.data)["remoteDescription"]);
  return remote["type"] === "offer" ? ["remote", "local"] : ["local", "remote"];
}

const PASSING = /^(a=candidate:|a=end-of-candidates|c=|a=rtcp:)/;

/** A description without what gathering adds to it. */
function lasting(sdp: string): string {
  return lines(sdp)
    .filter((line) => !PASSING.test(line))
    .map((line) => line.replace(/^(m=\S+ )\d+/, (_, head: string) => `${head}9`))
    .join("\n");
}

/** The lines of a description, without the empty ones. */
export function lines(sdp: string): string[] {
  return sdp.split(/\r\n|\r|\n/).filter((line) => line !== "");
}

export interface Codec {
  payload: number;
  name: string;
  clockRate: number | null;
  channels: number | null;
  parameters: string | null;
  feedback: string[];
  /** Payload types of retransmission (RFC 4588) for this codec. */
  retransmission: number[];
}

export interface Extension {
  id: number;
  uri: string;
  direction: string | null;
}

export interface MediaLine {
  /** Place among the m-lines, from 0. */
  index: number;
  mid: string | null;
  kind: string;
  protocol: string;
  port: number;
  /** The other end does not want it: port 0 outside of a bundle. */
  rejected: boolean;
  bundled: boolean;
  direction: string | null;
  codecs: Codec[];
  extensions: Extension[];
  ssrcs: number[];
  streams: string[];
  rids: string[];
  simulcast: string | null;
  bandwidth: string | null;
  ufrag: string | null;
  password: string | null;
  iceOptions: string | null;
  fingerprint: string | null;
  setup: string | null;
  rtcpMux: boolean;
  sctpPort: number | null;
  maxMessageSize: number | null;
  candidates: number;
  complete: boolean;
}

export interface Session {
  id: string;
  version: number;
  bundles: string[];
  iceLite: boolean;
  media: MediaLine[];
}

/** What a description says. Attributes that stand above all m-lines count for each of them. */
export function read(sdp: string): Session {
  const whole = parse(sdp);
  const groups = (whole.groups ?? []).filter((group) => group.type === "BUNDLE");
  const bundled = new Set(groups.flatMap((group) => String(group.mids).split(" ")));
  return {
    id: String(whole.origin?.sessionId ?? ""),
    version: Number(whole.origin?.sessionVersion ?? 0),
    bundles: groups.map((group) => String(group.mids)),
    iceLite: Boolean(whole.icelite),
    media: whole.media.map((media, index) => mediaLine(media, index, whole, bundled)),
  };
}

function mediaLine(
  media: MediaDescription,
  index: number,
  whole: SessionDescription,
  bundled: Set<string>,
): MediaLine {
  const mid = media.mid === undefined ? null : String(media.mid);
  const inBundle = mid !== null && bundled.has(mid);
  return {
    index,
    mid,
    kind: media.type,
    protocol: media.protocol,
    port: media.port,
    rejected: media.port === 0 && !media.bundleOnly,
    bundled: inBundle,
    direction: media.direction ?? whole.direction ?? null,
    codecs: codecs(media),
    extensions: extensions(media),
    ...sources(media),
    ...transport(media, whole),
    ...gathered(media),
    ...dataChannels(media),
  };
}

function gathered(media: MediaDescription): Pick<MediaLine, "bandwidth" | "candidates" | "complete"> {
  return {
    bandwidth: media.bandwidth?.map(({ type, limit }) => `${type} ${limit}`).join(", ") ?? null,
    candidates: media.candidates?.length ?? 0,
    complete: Boolean(media.endOfCandidates),
  };
}

function dataChannels(media: MediaDescription): Pick<MediaLine, "sctpPort" | "maxMessageSize"> {
  return {
    sctpPort: media.sctpPort ?? media.sctpmap?.sctpmapNumber ?? null,
    maxMessageSize: media.maxMessageSize ?? media.sctpmap?.maxMessageSize ?? null,
  };
}

function sources(media: MediaDescription): Pick<MediaLine, "ssrcs" | "streams" | "rids" | "simulcast"> {
  const { simulcast } = media;
  return {
    ssrcs: [...new Set((media.ssrcs ?? []).map((one) => one.id))],
    streams: [...new Set(asList(media.msid).map((one) => (typeof one === "string" ? one : one.id)))],
    rids: (media.rids ?? []).map(({ id, direction, params }) =>
      [id, direction, params].filter(Boolean).join(" "),
    ),
    simulcast: simulcast
      ? [simulcast.dir1, simulcast.list1, simulcast.dir2, simulcast.list2].filter(Boolean).join(" ")
      : null,
  };
}

function asList<T>(value: T | T[] | undefined): T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

type Transport = Pick<MediaLine, "ufrag" | "password" | "iceOptions" | "fingerprint" | "setup" | "rtcpMux">;

function transport(media: MediaDescription, whole: SessionDescription): Transport {
  const print = media.fingerprint ?? whole.fingerprint;
  return {
    ufrag: told(media.iceUfrag ?? whole.iceUfrag),
    password: told(media.icePwd ?? whole.icePwd),
    iceOptions: told(media.iceOptions ?? whole.iceOptions),
    fingerprint: print ? `${print.type} ${print.hash}` : masked(media, "fingerprint"),
    setup: told(media.setup ?? whole.setup),
    rtcpMux: Boolean(media.rtcpMux),
  };
}

function told(value: string | number | undefined): string | null {
  return value === undefined || value === "" ? null : String(value);
}

/** A star for an attribute that was taken out before it was stored; null when it is not there. */
function masked(media: MediaDescription, name: string): string | null {
  return (media.invalid ?? []).some(({ value }) => value === `${name}:*`) ? "*" : null;
}

/** Codecs in the order of the m-line: the order of preference. Retransmission stands with what it repeats. */
function codecs(media: MediaDescription): Codec[] {
  const parameters = new Map((media.fmtp ?? []).map(({ payload, config }) => [Number(payload), config]));
  const known = new Map((media.rtp ?? []).map((one) => [Number(one.payload), one]));
  const repeats = new Map<number, number[]>();
  for (const [payload, { codec }] of known) {
    const of = /(?:^|;)\s*apt=(\d+)/.exec(parameters.get(payload) ?? "");
    if (codec.toLowerCase() !== "rtx" || !of) continue;
    repeats.set(Number(of[1]), [...(repeats.get(Number(of[1])) ?? []), payload]);
  }
  return String(media.payloads ?? "")
    .split(" ")
    .map(Number)
    .flatMap((payload) => {
      const one = known.get(payload);
      if (!one || one.codec.toLowerCase() === "rtx") return [];
      return [
        {
          payload,
          name: one.codec,
          clockRate: one.rate ?? null,
          channels: one.encoding === undefined ? null : Number(one.encoding),
          parameters: parameters.get(payload) ?? null,
          feedback: feedback(media, payload),
          retransmission: repeats.get(payload) ?? [],
        },
      ];
    });
}

function feedback(media: MediaDescription, payload: number): string[] {
  return (media.rtcpFb ?? [])
    .filter((one) => one.payload === "*" || Number(one.payload) === payload)
    .map(({ type, subtype }) => [type, subtype].filter(Boolean).join(" "));
}

function extensions(media: MediaDescription): Extension[] {
  return (media.ext ?? []).map(({ value, uri, direction }) => ({
    id: value,
    uri,
    direction: direction ?? null,
  }));
}

/** "audio (mid 0)" */
export function titleOf(line: Pick<MediaLine, "kind" | "mid" | "index">): string {
  return `${line.kind} (${line.mid === null ? `m-line ${line.index}` : `mid ${line.mid}`})`;
}
