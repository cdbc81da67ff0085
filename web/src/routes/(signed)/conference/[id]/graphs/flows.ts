/** Figures of a conference as columns, as the server sends them: read once, whatever is drawn of them. */
import type { components } from "$lib/api/schema";

export type FigureColumns = components["schemas"]["FigureColumns"];
export type Figures = FigureColumns["figures"];
export type Kind = "audio" | "video" | "connection";
export type Direction = "inbound" | "outbound";

/** A flow of media at one end of a connection, or the connection itself. Points are in order and do not overlap. */
export interface Flow {
  id: string;
  participant: string;
  peer: string;
  connection: string;
  /** Names the track in filters: its id, or what the browser calls the flow. Null for connections. */
  track: string | null;
  kind: Kind;
  direction: Direction | null;
  /** Milliseconds since 1970 at which each point begins and ends. */
  from: Float64Array;
  to: Float64Array;
  /** A value, or null, for each point. */
  figures: Figures;
}

/** The figure of a point; NaN where there is none. */
export function figureOf(flow: Flow, at: number, name: string): number {
  const value = flow.figures[name]?.[at];
  return typeof value === "number" ? value : Number.NaN;
}

/** `begin`: milliseconds since 1970 from which the times of the line count. */
export function flowOf(line: FigureColumns, begin: number): Flow {
  const since = (ms: number): number => begin + ms;
  const track = line.kind === "connection" ? null : (line.track ?? line.key ?? "unnamed");
  return {
    id: [line.connection, line.kind, line.direction ?? "", track ?? ""].join("|"),
    participant: line.participant,
    peer: line.peer,
    connection: line.connection,
    track,
    kind: line.kind as Kind,
    direction: line.direction as Direction | null,
    from: Float64Array.from(line.begins_ms, since),
    to: Float64Array.from(line.ends_ms, since),
    figures: line.figures,
  };
}

/** Where a time stands among ascending ones: how many are smaller. */
export function rank(times: Float64Array, at: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function filled(flow: Flow, name: string): Figures[string] {
  return flow.figures[name] ?? Array.from(flow.to, () => null);
}

function spliced(coarse: Flow, fine: Flow): Flow {
  const [first] = fine.from;
  const last = fine.to.at(-1);
  if (first === undefined || last === undefined) return coarse;
  // The coarse points that end before the fine ones begin, and those that begin after them.
  let before = rank(coarse.to, first);
  if (coarse.to[before] === first) before += 1;
  const after = rank(coarse.from, last);
  const joined = (name: "from" | "to"): Float64Array => {
    const [head, middle, tail] = [coarse[name].subarray(0, before), fine[name], coarse[name].subarray(after)];
    const all = new Float64Array(head.length + middle.length + tail.length);
    all.set(head);
    all.set(middle, head.length);
    all.set(tail, head.length + middle.length);
    return all;
  };
  const names = [...new Set([...Object.keys(coarse.figures), ...Object.keys(fine.figures)])];
  const values = (name: string): Figures[string] => {
    const [rough, sharp] = [filled(coarse, name), filled(fine, name)];
    return [...rough.slice(0, before), ...sharp, ...rough.slice(after)];
  };
  return {
    ...coarse,
    from: joined("from"),
    to: joined("to"),
    figures: Object.fromEntries(names.map((name) => [name, values(name)])),
  };
}

/** The overview with the finer points of a part of it in their place. */
export function refined(coarse: readonly Flow[], fine: readonly Flow[]): Flow[] {
  if (fine.length === 0) return [...coarse];
  const finer = new Map(fine.map((flow) => [flow.id, flow]));
  const all = coarse.map((flow) => {
    const found = finer.get(flow.id);
    finer.delete(flow.id);
    return found ? spliced(flow, found) : flow;
  });
  return [...all, ...finer.values()];
}

export interface Stretch {
  from: number;
  to: number;
}

/** About how many reports the connections have sent in a stretch of time. */
export function reportsIn(flows: readonly Flow[], { from, to }: Stretch, intervalMs: number): number {
  let covered = 0;
  for (const flow of flows) {
    if (flow.kind !== "connection") continue;
    for (let at = 0; at < flow.to.length; at += 1) {
      const overlap = Math.min(to, flow.to[at] ?? 0) - Math.max(from, flow.from[at] ?? 0);
      if (overlap > 0) covered += overlap;
    }
  }
  return covered / Math.max(1_000, intervalMs);
}
