/** The states that a connection went through: RTCPeerConnection's, ICE's, of signalling and of gathering. */
import { type CallEvent, fields, inOrder, instant, text } from "./shapes";

export type StateKind = "connection" | "ice" | "signalling" | "gathering";

export interface Stay {
  state: string;
  from: number;
  to: number;
  /** The event that began it; null for the state before any was told. */
  event: string | null;
}

export interface StateLine {
  kind: StateKind;
  title: string;
  stays: Stay[];
}

const LINES: readonly [StateKind, string, string, string][] = [
  ["connection", "Connection", "onconnectionstatechange", "new"],
  ["ice", "ICE", "oniceconnectionstatechange", "new"],
  ["signalling", "Signalling", "onsignalingstatechange", "stable"],
  ["gathering", "Gathering", "onicegatheringstatechange", "new"],
];

/** One line for each kind of state, from the connection's start to its end; kinds of which nothing was told are left out. */
export function stateLines(events: readonly CallEvent[], span: { from: number; to: number }): StateLine[] {
  const ordered = inOrder(events);
  return LINES.flatMap(([kind, title, type, first]) => {
    const changes = ordered.filter((event) => event.type === type);
    return changes.length ? [{ kind, title, stays: staysOf(changes, first, span) }] : [];
  });
}

function stateIn(event: CallEvent): string | null {
  return text(event.data) ?? text(fields(event.data)["signalingState"]);
}

function staysOf(changes: CallEvent[], first: string, span: { from: number; to: number }): Stay[] {
  const begin = Math.min(span.from, ...changes.map((event) => instant(event.created_at)));
  const stays: Stay[] = [{ state: first, from: begin, to: begin, event: null }];
  for (const event of changes) {
    const state = stateIn(event);
    const last = stays.at(-1);
    if (state === null || !last || state === last.state) continue;
    const at = instant(event.created_at);
    last.to = at;
    stays.push({ state, from: at, to: at, event: event.id });
  }
  const last = stays.at(-1);
  if (last) last.to = Math.max(span.to, last.from);
  return stays.filter((stay) => stay.to > stay.from || stay.event !== null);
}

export type Tone = "good" | "busy" | "bad" | "calm";

const TONES: Record<string, Tone> = {
  connected: "good",
  completed: "good",
  complete: "good",
  stable: "good",
  connecting: "busy",
  checking: "busy",
  gathering: "busy",
  "have-local-offer": "busy",
  "have-remote-offer": "busy",
  "have-local-pranswer": "busy",
  "have-remote-pranswer": "busy",
  failed: "bad",
  disconnected: "bad",
};

/** How a state is to be taken; `calm` for those that say nothing either way. */
export function toneOf(state: string): Tone {
  return TONES[state] ?? "calm";
}
