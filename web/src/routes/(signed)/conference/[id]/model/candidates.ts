/** ICE candidates of a connection (RFC 8839), its servers, and the pairs that carried it. */
import { type MediaDescription, parse } from "sdp-transform";

import { type Description, read } from "./sdp";
import { type CallEvent, type FigureLine, fields, figure, inOrder, instant, items, text } from "./shapes";

export interface Candidate {
  key: string;
  side: "local" | "remote";
  /** host, srflx, prflx or relay. */
  type: string;
  protocol: string;
  address: string | null;
  port: number | null;
  /** Of a candidate that stands for another one: the address it was found from. */
  related: string | null;
  priority: number | null;
  /** How the relay is reached: udp, tcp or tls. */
  relayProtocol: string | null;
  /** The server that it was found with. */
  url: string | null;
  networkType: string | null;
  mid: string | null;
  ufrag: string | null;
  /** When it was first seen, and in which event. */
  at: number | null;
  event: string | null;
}

type Parts = Omit<Candidate, "key" | "side" | "at" | "event">;

/** All candidates, each once, in the order in which they were seen. */
export function candidates(events: readonly CallEvent[], all: readonly Description[]): Candidate[] {
  const found = new Map<string, Candidate>();
  const add = (
    side: Candidate["side"],
    parts: Parts | null,
    at: number | null,
    event: string | null,
  ): void => {
    if (!parts) return;
    const key = keyOf(side, parts);
    if (!found.has(key)) found.set(key, { key, side, ...parts, at, event });
  };
  for (const event of inOrder(events)) {
    if (event.type === "onicecandidate") {
      add("local", fromEvent(event.data), instant(event.created_at), event.id);
    }
  }
  for (const description of all) {
    for (const parts of inDescription(description.latest)) {
      add(description.side, parts, description.side === "remote" ? description.at : null, description.id);
    }
  }
  return [...found.values()];
}

function keyOf(side: string, { type, protocol, address, port }: Parts): string {
  return [side, type, protocol, (address ?? "").replace(/^\[|\]$/g, ""), port].join(" ");
}

/** The fields that the browser gave, else those of the candidate line; null for the sign that all were found. */
export function fromEvent(data: unknown): Parts | null {
  const given = fields(data);
  const line = text(given["candidate"]);
  const [parsed] = line ? fromLines(`a=${line.replace(/^a=/, "")}`) : [];
  const own = {
    type: text(given["type"]),
    protocol: text(given["protocol"]),
    address: text(given["address"]),
    port: figure(given["port"]),
    related: related(given["relatedAddress"], given["relatedPort"]),
    priority: figure(given["priority"]),
    relayProtocol: text(given["relayProtocol"]),
    url: text(given["url"]),
    mid: text(given["sdpMid"]),
    ufrag: text(given["usernameFragment"]),
  };
  const both = { ...UNKNOWN, ...parsed, ...known(own) };
  return both.type === "" ? null : both;
}

const UNKNOWN: Parts = {
  type: "",
  protocol: "udp",
  address: null,
  port: null,
  related: null,
  priority: null,
  relayProtocol: null,
  url: null,
  networkType: null,
  mid: null,
  ufrag: null,
};

function known<T extends object>(parts: T): { [K in keyof T]?: Exclude<T[K], null> } {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== null)) as {
    [K in keyof T]?: Exclude<T[K], null>;
  };
}

function related(address: unknown, port: unknown): string | null {
  const where = text(address);
  return where === null ? null : socket(where, figure(port));
}

/** "192.0.2.1:3478", "[2001:db8::1]:3478"; what is not known is left out. */
export function socket(address: string | null, port: number | null): string {
  if (address === null) return port === null ? "hidden" : `hidden:${port}`;
  const host = address.includes(":") && !address.startsWith("[") ? `[${address}]` : address;
  return port === null ? host : `${host}:${port}`;
}

function inDescription(sdp: string): Parts[] {
  return read(sdp).media.length === 0 ? [] : fromLines(sdp);
}

type Listed = Pick<MediaDescription, "candidates" | "mid">;

function fromLines(sdp: string): Parts[] {
  const whole = parse(sdp);
  // A lone candidate line stands above all m-lines.
  const alone: Listed = whole as Listed;
  return [alone, ...whole.media].flatMap(({ candidates: listed, mid }) =>
    (listed ?? []).map((one) => ({
      ...UNKNOWN,
      type: one.type,
      protocol: one.transport.toLowerCase(),
      address: one.ip,
      port: one.port,
      related: related(one.raddr, one.rport),
      priority: Number(one.priority),
      mid: mid === undefined ? null : String(mid),
    })),
  );
}

export interface ServerError {
  id: string;
  at: number;
  code: number | null;
  words: string | null;
  url: string | null;
}

/** What STUN and TURN servers refused. */
export function serverErrors(events: readonly CallEvent[]): ServerError[] {
  return inOrder(events)
    .filter((event) => event.type === "onicecandidateerror")
    .map((event) => {
      const given = fields(event.data);
      return {
        id: event.id,
        at: instant(event.created_at),
        code: figure(given["errorCode"]) ?? figure(event.data),
        words: text(given["errorText"]),
        url: text(given["url"]) ?? text(given["hostCandidate"]),
      };
    });
}

export interface Configuration {
  servers: string[];
  policy: string | null;
  bundle: string | null;
}

/** How the page had configured the connection; null when it did not tell. */
export function configuration(events: readonly CallEvent[]): Configuration | null {
  const told = events.find((event) => event.type === "peerDetails");
  if (!told) return null;
  const given = fields(fields(told.data)["peerConfiguration"]);
  const urls = items(given["iceServers"]).flatMap((server) => {
    const { urls: several, url } = fields(server);
    return Array.isArray(several) ? several : [several ?? url];
  });
  return {
    servers: [...new Set(urls.flatMap((url) => text(url) ?? []))],
    policy: text(given["iceTransportPolicy"]),
    bundle: text(given["bundlePolicy"]),
  };
}

/** When which pair carried the connection. */
export interface Spell {
  pair: string;
  from: number;
  /** Of the last report that named it. */
  to: number;
  localType: string | null;
  remoteType: string | null;
  protocol: string | null;
  relayProtocol: string | null;
  networkType: string | null;
  meanRttMs: number | null;
}

type Point = Record<string, unknown>;

/** Which pair was selected, from the figures of the connection between its reports; a new spell at every change. */
export function spells(lines: readonly FigureLine[], connection: string): Spell[] {
  const line = lines.find((one) => one.connection === connection && one.kind === "connection");
  const found: { spell: Spell; rtts: number[] }[] = [];
  for (const point of line?.points ?? []) {
    const pair = text(point["pair"]);
    if (pair === null) continue;
    const current = found.at(-1);
    if (current?.spell.pair === pair) {
      current.spell.to = end(point) ?? current.spell.to;
      current.rtts.push(...rttOf(point));
    } else {
      found.push({ spell: spellOf(pair, point, current?.spell), rtts: rttOf(point) });
    }
  }
  return found.map(({ spell, rtts }) => ({ ...spell, meanRttMs: mean(rtts) }));
}

function end(point: Point): number | null {
  const at = Date.parse(String(point["to"]));
  return Number.isNaN(at) ? null : at;
}

function rttOf(point: Point): number[] {
  const rtt = figure(point["rtt_ms"]);
  return rtt === null ? [] : [rtt];
}

function mean(values: readonly number[]): number | null {
  return values.length ? values.reduce((sum, one) => sum + one, 0) / values.length : null;
}

function spellOf(pair: string, point: Point, before: Spell | undefined): Spell {
  const began = Date.parse(String(point["from"]));
  const to = end(point) ?? began;
  return {
    pair,
    from: before ? to : began,
    to,
    localType: text(point["local_type"]),
    remoteType: text(point["remote_type"]),
    protocol: text(point["protocol"]),
    relayProtocol: text(point["relay_protocol"]),
    networkType: text(point["network_type"]),
    meanRttMs: null,
  };
}

export interface PairEnds {
  pair: string;
  event: string;
  local: Candidate;
  remote: Candidate;
}

/** Both ends of the selected pair, from a report; null when it names none. */
export function pairEnds(report: Pick<CallEvent, "id" | "data" | "created_at">): PairEnds | null {
  const connection = fields(fields(report.data)["connection"]);
  const pair = text(connection["id"]);
  if (pair === null) return null;
  const end = (side: Candidate["side"]): Candidate => reported(side, fields(connection[side]), report);
  return { pair, event: report.id, local: end("local"), remote: end("remote") };
}

function reported(
  side: Candidate["side"],
  given: Record<string, unknown>,
  report: Pick<CallEvent, "id" | "created_at">,
): Candidate {
  const parts: Parts = {
    type: text(given["candidateType"]) ?? "unknown",
    protocol: text(given["protocol"]) ?? "unknown",
    address: text(given["address"]) ?? text(given["ip"]),
    port: figure(given["port"]),
    related: related(given["relatedAddress"], given["relatedPort"]),
    priority: figure(given["priority"]),
    relayProtocol: text(given["relayProtocol"]),
    url: text(given["url"]),
    networkType: text(given["networkType"]),
    mid: null,
    ufrag: text(given["usernameFragment"]),
  };
  return { key: keyOf(side, parts), side, ...parts, at: instant(report.created_at), event: report.id };
}

/** Whether a candidate that was found is the end of a pair. */
export function isEnd(candidate: Candidate, ends: readonly PairEnds[]): boolean {
  return ends.some((pair) => pair[candidate.side].key === candidate.key);
}
