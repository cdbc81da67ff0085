/** What the filters leave: who is looked at, and which lines there are. */
import type { Option } from "$lib/ui/types";

import type { Direction, Flow, Kind } from "./flows";

export interface Chosen {
  participant: string;
  peer: string;
  data: string;
  direction: string;
  track: string;
}

export interface Person {
  id: string;
  name: string;
}

/** One line of a chart: the flows of media and the connections that it is made of. */
export interface Group {
  id: string;
  name: string;
  /** Number of its colour. */
  colour: number;
  media: Flow[];
  links: Flow[];
  /** Where it is about one way only. */
  direction: Direction | null;
}

export const DATA: readonly Option[] = [
  { value: "audio", label: "Audio" },
  { value: "video", label: "Video" },
  { value: "connection", label: "Connection" },
];
export const DIRECTIONS: readonly (Option & { value: Direction })[] = [
  { value: "inbound", label: "Inbound" },
  { value: "outbound", label: "Outbound" },
];

const ORDER = ["participant", "peer", "data", "direction", "track"] as const;
export type FilterName = (typeof ORDER)[number];

/** Each filter needs the one before; of connections there are neither directions nor tracks. */
export function enabled(chosen: Chosen): Record<FilterName, boolean> {
  const media = chosen.data === "audio" || chosen.data === "video";
  const known = chosen.direction === "inbound" || chosen.direction === "outbound";
  const peer = chosen.participant !== "";
  const data = peer && chosen.peer !== "";
  const direction = data && media;
  return { participant: true, peer, data, direction, track: direction && known };
}

/** What counts of the choice: nothing behind a filter that is not set. */
export function effective(chosen: Chosen): Chosen {
  const may = enabled(chosen);
  const kept = (name: FilterName): string => (may[name] ? chosen[name] : "");
  const data = DATA.some(({ value }) => value === chosen.data) ? kept("data") : "";
  const direction = DIRECTIONS.some(({ value }) => value === chosen.direction) ? kept("direction") : "";
  return { participant: kept("participant"), peer: kept("peer"), data, direction, track: kept("track") };
}

/** A choice and nothing behind it, for the next address. */
export function choose(name: FilterName, value: string): Partial<Chosen> {
  const behind = ORDER.slice(ORDER.indexOf(name) + 1);
  return { [name]: value, ...Object.fromEntries(behind.map((one) => [one, ""])) };
}

function isMedia(flow: Flow): boolean {
  return flow.kind !== "connection";
}

/** Flows that the filters leave. Connections stay with any data, for they carry it. */
export function within(flows: readonly Flow[], chosen: Chosen): Flow[] {
  const { participant, peer, data, direction, track } = chosen;
  const fits = (wanted: string, has: string | null): boolean => wanted === "" || wanted === has;
  return flows.filter(
    (flow) =>
      fits(participant, flow.participant) &&
      fits(peer, flow.peer) &&
      (!isMedia(flow) ||
        (fits(data, flow.kind) && fits(direction, flow.direction) && fits(track, flow.track))),
  );
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** "Video 1 · 3e738be5": tracks have no names, so their place and the head of their id. */
export function trackName(kind: Kind, at: number, track: string): string {
  const word = kind === "audio" ? "Audio" : "Video";
  return `${word} ${at + 1} · ${track.slice(0, 8)}`;
}

export interface Options {
  participant: Option[];
  peer: Option[];
  data: Option[];
  direction: Option[];
  track: Option[];
}

export function optionsOf(flows: readonly Flow[], people: readonly Person[], chosen: Chosen): Options {
  const names = new Map(people.map(({ id, name }) => [id, name]));
  const named = (ids: readonly string[]): Option[] =>
    ids
      .map((id) => ({ value: id, label: names.get(id) ?? id.slice(0, 8) }))
      .sort((a, b) => a.label.localeCompare(b.label));
  const own = within(flows, { ...chosen, peer: "", data: "", direction: "", track: "" });
  const media = within(flows, { ...chosen, track: "" }).filter(isMedia);
  return {
    participant: named(unique(flows.map((flow) => flow.participant))),
    peer: chosen.participant ? named(unique(own.map((flow) => flow.peer))) : [],
    data: [...DATA],
    direction: [...DIRECTIONS],
    track: chosen.direction
      ? unique(media.map((flow) => flow.track ?? "")).map((track, at) => ({
          value: track,
          label: trackName(media[0]?.kind ?? "video", at, track),
        }))
      : [],
  };
}

function grouped(
  flows: readonly Flow[],
  by: (flow: Flow) => string,
  name: (id: string) => string,
  colour: (id: string, at: number) => number,
): Group[] {
  const found = new Map<string, Group>();
  for (const flow of flows) {
    const id = by(flow);
    let group = found.get(id);
    if (!group) {
      group = { id, name: name(id), colour: colour(id, found.size), media: [], links: [], direction: null };
      found.set(id, group);
    }
    (isMedia(flow) ? group.media : group.links).push(flow);
  }
  return [...found.values()];
}

function byDirection(flows: readonly Flow[]): Group[] {
  const links = flows.filter((flow) => !isMedia(flow));
  return DIRECTIONS.map(({ value, label }, at) => ({
    id: value,
    name: label,
    colour: at,
    media: flows.filter((flow) => flow.direction === value),
    links,
    direction: value,
  }));
}

/**
 * Lines by the filters: one for each participant; once one is chosen, for each peer; once that is, for each direction;
 * once data and direction are, for each track. Colours belong to people, however many of them are shown.
 */
export function groupsOf(flows: readonly Flow[], people: readonly Person[], chosen: Chosen): Group[] {
  const names = new Map(people.map(({ id, name }) => [id, name]));
  const places = new Map(people.map(({ id }, at) => [id, at]));
  const own = within(flows, chosen);
  const nameOf = (id: string): string => names.get(id) ?? id.slice(0, 8);
  const placeOf = (id: string, at: number): number => places.get(id) ?? at;
  if (!chosen.participant)
    return inOrder(
      grouped(own, (flow) => flow.participant, nameOf, placeOf),
      places,
    );
  if (!chosen.peer)
    return inOrder(
      grouped(own, (flow) => flow.peer, nameOf, placeOf),
      places,
    );
  if (!chosen.direction) return byDirection(own);
  const media = own.filter(isMedia);
  const tracks = unique(within(flows, { ...chosen, track: "" }).map((flow) => flow.track ?? "")).filter(
    Boolean,
  );
  const at = (track: string): number => Math.max(0, tracks.indexOf(track));
  return grouped(
    media,
    (flow) => flow.track ?? "",
    (track) => trackName(media[0]?.kind ?? "video", at(track), track),
    at,
  ).map((group) => ({ ...group, direction: chosen.direction as Direction }));
}

function inOrder(groups: Group[], places: ReadonlyMap<string, number>): Group[] {
  const place = (id: string): number => places.get(id) ?? places.size;
  return groups.sort((a, b) => place(a.id) - place(b.id));
}

/** Lines about connections as such: they end at the peer, for a connection has no directions of its own. */
export function linksOf(flows: readonly Flow[], people: readonly Person[], chosen: Chosen): Group[] {
  const whole = { ...chosen, data: "", direction: "", track: "" };
  if (!chosen.peer) return groupsOf(flows, people, whole);
  const own = within(flows, whole).filter((flow) => !isMedia(flow));
  return grouped(
    own,
    (flow) => flow.connection,
    (id) => `Connection ${id.slice(0, 8)}`,
    (_, at) => at,
  );
}
