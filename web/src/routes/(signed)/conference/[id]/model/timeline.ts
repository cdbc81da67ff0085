/** The timeline: who was there when, and how each connection fared, all on one axis. */
import {
  type CallEvent,
  type Conference,
  type Connection,
  epoch,
  fields,
  grouped,
  instant,
  type Issue,
  items,
  nameOf,
  type Participant,
  type Session,
  text,
} from "./shapes";
import { type MarkKind, markOf, type Outcome, told } from "./words";

/** Milliseconds since the epoch. */
export interface Axis {
  from: number;
  to: number;
}

export type PeriodKind = "presence" | "connected" | "connecting" | "renegotiation" | "issue";

export interface Period extends Axis {
  id: string;
  kind: PeriodKind;
  outcome: Outcome;
  title: string;
  /** It goes on; `to` is where the axis ends. */
  open: boolean;
}

export interface Mark {
  id: string;
  kind: MarkKind;
  at: number;
  outcome: Outcome;
  title: string;
  event: CallEvent;
}

export interface ConnectionBar {
  connection: Connection;
  peer: string;
  /** The peer is a media server. */
  isServer: boolean;
  /** `connected`: from the connection's start to its end. */
  life: Period;
  negotiations: Period[];
}

export interface ParticipantBar {
  participant: Participant;
  name: string;
  presence: Period[];
  marks: Mark[];
  issues: IssuePeriod[];
  connections: ConnectionBar[];
}

export interface IssuePeriod extends Period {
  issue: Issue;
}

export interface Timeline {
  axis: Axis;
  bars: ParticipantBar[];
}

export interface TimelineFacts {
  conference: Pick<Conference, "created_at" | "end_time" | "ongoing">;
  /** Those to show, in the order in which to show them. */
  people: readonly Participant[];
  /** All, also media servers: peers of connections are named by them. */
  participants: readonly Participant[];
  sessions: readonly Session[];
  connections: readonly Connection[];
  issues: readonly Issue[];
  events: readonly CallEvent[];
}

const AFTER_LAST_MS = 5 * 60_000;
const LEAST_MS = 1_000;

/** From the conference's creation to its end; while it has none, to five minutes after the last event. */
export function axisOf(
  conference: TimelineFacts["conference"],
  events: readonly Pick<CallEvent, "created_at">[],
): Axis {
  const from = instant(conference.created_at);
  const last = events.reduce((latest, event) => Math.max(latest, instant(event.created_at)), from);
  const to = epoch(conference.end_time) ?? last + AFTER_LAST_MS;
  return { from, to: Math.max(to, from + LEAST_MS) };
}

/** All bars. */
export function timeline(facts: TimelineFacts): Timeline {
  const axis = axisOf(facts.conference, facts.events);
  const by = {
    participant: new Map(facts.participants.map((one) => [one.id, one])),
    sessions: grouped(facts.sessions, (one) => one.participant),
    connections: grouped(facts.connections, (one) => one.participant),
    issues: grouped(facts.issues, (one) => one.participant),
    events: grouped(facts.events, (one) => one.participant),
  };
  const bars = facts.people.map((participant) => ({
    participant,
    name: nameOf(participant),
    presence: (by.sessions.get(participant.id) ?? []).map((session) => presenceOf(session, axis)),
    marks: marksOf(by.events.get(participant.id) ?? []),
    issues: (by.issues.get(participant.id) ?? []).map((issue) => issueOf(issue, axis)),
    connections: (by.connections.get(participant.id) ?? []).map((connection) =>
      connectionBar(connection, by.participant.get(connection.peer), axis),
    ),
  }));
  return { axis, bars };
}

function span(from: number, to: number | null, axis: Axis): Pick<Period, "from" | "to" | "open"> {
  return { from, to: Math.max(from, to ?? axis.to), open: to === null };
}

function presenceOf(session: Session, axis: Axis): Period {
  return {
    id: session.id,
    kind: "presence",
    outcome: "none",
    title: "On the page",
    ...span(instant(session.created_at), epoch(session.end_time), axis),
  };
}

function issueOf(issue: Issue, axis: Axis): IssuePeriod {
  return {
    id: issue.id,
    kind: "issue",
    outcome: issue.type === "error" ? "failed" : "pending",
    title: issue.title,
    issue,
    ...span(instant(issue.created_at), epoch(issue.ended_at), axis),
  };
}

function marksOf(events: readonly CallEvent[]): Mark[] {
  return events.flatMap((event) => {
    const kind = markOf(event);
    if (!kind) return [];
    const { title, outcome } = told(event);
    return [{ id: event.id, kind, at: instant(event.created_at), outcome, title, event }];
  });
}

function connectionBar(connection: Connection, peer: Participant | undefined, axis: Axis): ConnectionBar {
  const life: Period = {
    id: `${connection.id}:life`,
    kind: "connected",
    outcome: connection.state === "failed" ? "failed" : "ok",
    title: "Connection",
    ...span(instant(connection.start_time), epoch(connection.end_time), axis),
  };
  return {
    connection,
    peer: nameOf(peer),
    isServer: peer?.is_sfu ?? false,
    life,
    negotiations: negotiationsOf(connection, life),
  };
}

const OUTCOMES: Record<string, Outcome> = { connected: "ok", stable: "ok", failed: "failed" };
const NEGOTIATIONS: Record<string, [kind: PeriodKind, words: string]> = {
  initial: ["connecting", "Connecting"],
  renegotiation: ["renegotiation", "Renegotiation"],
  recovery: ["renegotiation", "Recovery"],
};
const ENDINGS: Record<Outcome, string> = {
  ok: "succeeded",
  failed: "failed",
  pending: "under way",
  none: "",
};

/** The connection's log of negotiations. The first connects it; the others change or mend it. */
function negotiationsOf(connection: Connection, life: Period): Period[] {
  return items(fields(connection.connection_info)["negotiations"]).flatMap((entry, index) => {
    const { start_time, end_time, status, type } = fields(entry);
    const from = epoch(text(start_time));
    if (from === null) return [];
    const [kind, words] = NEGOTIATIONS[String(type)] ?? ["renegotiation", "Renegotiation"];
    const outcome = OUTCOMES[String(status)] ?? "pending";
    const period = span(from, epoch(text(end_time)), { from: life.from, to: life.to });
    return [
      { id: `${connection.id}:${index}`, kind, outcome, title: `${words} ${ENDINGS[outcome]}`, ...period },
    ];
  });
}

/** Events of a connection within a period, its ends included: what is behind a bar that was clicked. */
export function eventsWithin(
  events: readonly CallEvent[],
  connection: string,
  { from, to }: Axis,
): CallEvent[] {
  return events.filter((event) => {
    if (event.connection !== connection) return false;
    const at = instant(event.created_at);
    return at >= Math.floor(from) && at <= Math.ceil(to);
  });
}
