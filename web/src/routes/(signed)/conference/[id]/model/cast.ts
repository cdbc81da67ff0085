/** Who took part: which participants are shown, and what stands on the card of each. */
import {
  epoch,
  fields,
  figure,
  type FigureTotal,
  grouped,
  type Issue,
  items,
  nameOf,
  type Participant,
  type Session,
  text,
} from "./shapes";

/**
 * People to show: no media servers; nobody who neither has a session nor a name; and nobody without a session who is
 * called like somebody with one, for some applications connect the same person twice.
 */
export function shownPeople(
  participants: readonly Participant[],
  sessions: readonly Session[],
): Participant[] {
  const present = new Set(sessions.map((session) => session.participant));
  const names = new Set(
    participants.filter((one) => present.has(one.id)).map((one) => one.participant_name ?? ""),
  );
  return participants.filter((one) => {
    if (one.is_sfu) return false;
    if (present.has(one.id)) return true;
    const name = one.participant_name ?? "";
    return name !== "" && !names.has(name);
  });
}

export interface IssueGroup {
  code: string;
  type: "error" | "warning";
  title: string;
  explanation: string;
  occurrences: number;
  issues: Issue[];
}

/** Issues by code: errors first, then what occurred most. */
export function issueGroups(issues: readonly Issue[]): IssueGroup[] {
  return [...grouped(issues, (issue) => issue.code).values()]
    .flatMap((group) => {
      const [first] = group;
      return first ? [groupOf(first, group)] : [];
    })
    .sort((a, b) => Number(a.type !== "error") - Number(b.type !== "error") || b.occurrences - a.occurrences);
}

function groupOf(first: Issue, issues: Issue[]): IssueGroup {
  return {
    code: first.code,
    type: first.type === "error" ? "error" : "warning",
    title: first.title,
    explanation: first.explanation,
    occurrences: issues.reduce((sum, issue) => sum + Math.max(1, issue.count), 0),
    issues,
  };
}

export interface Place {
  name: string;
  latitude: number | null;
  longitude: number | null;
}

export interface Card {
  participant: Participant;
  name: string;
  sessions: Session[];
  /** Whole seconds over all sessions; of one that is open, up to now. */
  timeOnPageS: number;
  stillPresent: boolean;
  meta: [string, string][];
  os: string[];
  browsers: string[];
  microphones: string[];
  cameras: string[];
  outputs: string[];
  appVersions: string[];
  sdks: string[];
  places: Place[];
  groups: IssueGroup[];
  /** Mean audio score, 1 to 5; null when nothing was heard. */
  emos: number | null;
}

export interface CastFacts {
  participants: readonly Participant[];
  sessions: readonly Session[];
  issues: readonly Issue[];
  totals: readonly FigureTotal[];
  /** Milliseconds since the epoch; for sessions that are open while the conference goes on. */
  now: number;
}

/** A card for everybody who is shown: who was there first comes first, then who was only named. */
export function cards({ participants, sessions, issues, totals, now }: CastFacts): Card[] {
  const sessionsOf = grouped(sessions, (session) => session.participant);
  const issuesOf = grouped(issues, (issue) => issue.participant);
  return shownPeople(participants, sessions)
    .map((participant) => {
      const own = sessionsOf.get(participant.id) ?? [];
      return {
        participant,
        name: nameOf(participant),
        sessions: own,
        ...presence(own, now),
        ...equipment(own),
        groups: issueGroups(issuesOf.get(participant.id) ?? []),
        emos: emosOf(totals, participant.id),
      };
    })
    .sort((a, b) => arrival(a) - arrival(b) || a.name.localeCompare(b.name));
}

function arrival(card: Card): number {
  return Math.min(Number.POSITIVE_INFINITY, ...card.sessions.map((one) => epoch(one.created_at) ?? 0));
}

function presence(sessions: readonly Session[], now: number): Pick<Card, "timeOnPageS" | "stillPresent"> {
  const seconds = sessions.map((session) =>
    session.end_time === null
      ? Math.max(0, Math.floor((now - (epoch(session.created_at) ?? now)) / 1000))
      : session.duration,
  );
  return {
    timeOnPageS: seconds.reduce((sum, one) => sum + one, 0),
    stillPresent: sessions.some((session) => session.end_time === null),
  };
}

function distinct(values: Iterable<string | null>): string[] {
  return [...new Set([...values].filter((value): value is string => value !== null))];
}

function equipment(
  sessions: readonly Session[],
): Pick<
  Card,
  "meta" | "os" | "browsers" | "microphones" | "cameras" | "outputs" | "appVersions" | "sdks" | "places"
> {
  const devices = sessions.flatMap((session) => items(session.devices).map(fields));
  const labels = (kind: string): string[] =>
    distinct(devices.filter((one) => one["kind"] === kind).map((one) => text(one["label"])));
  return {
    meta: metaOf(sessions),
    os: distinct(sessions.map((session) => namedWithVersion(fields(session.platform)["os"]))),
    browsers: distinct(sessions.map(browserOf)),
    microphones: labels("audioinput"),
    cameras: labels("videoinput"),
    outputs: labels("audiooutput"),
    appVersions: distinct(sessions.map((session) => text(session.app_version))),
    sdks: distinct(sessions.map((session) => text(session.webrtc_sdk))),
    places: placesOf(sessions),
  };
}

/** Each key once, with all values that its sessions had. */
function metaOf(sessions: readonly Session[]): [string, string][] {
  const found = new Map<string, Set<string>>();
  for (const session of sessions) {
    for (const [key, value] of Object.entries(fields(session.metadata))) {
      if (value === null || value === undefined) continue;
      const told = typeof value === "string" ? value : JSON.stringify(value);
      found.set(key, (found.get(key) ?? new Set()).add(told));
    }
  }
  return [...found].map(([key, values]) => [key, [...values].join(", ")]);
}

/** `{"name": "Linux", "version": "x86_64"}`, or text, as some clients send. */
function namedWithVersion(value: unknown): string | null {
  if (typeof value === "string") return text(value);
  const name = text(fields(value)["name"]);
  const version = text(fields(value)["version"]);
  return name && version ? `${name} ${version}` : name;
}

function browserOf(session: Session): string | null {
  const platform = fields(session.platform);
  return namedWithVersion(platform["browser"]) ?? namedWithVersion(platform);
}

/** Cities with their country, each once: "Oslo, NO". */
export function placesOf(sessions: readonly Session[]): Place[] {
  const found = new Map<string, Place>();
  for (const session of sessions) {
    const place = placeOf(fields(session.geo_ip));
    if (place && !found.has(place.name)) found.set(place.name, place);
  }
  return [...found.values()];
}

function placeOf(geo: Record<string, unknown>): Place | null {
  const parts = [text(geo["city"]), text(geo["country_code"]) ?? text(geo["country"])];
  const name = parts.filter((part) => part !== null).join(", ");
  if (!name) return null;
  return { name, latitude: figure(geo["latitude"]), longitude: figure(geo["longitude"]) };
}

function emosOf(totals: readonly FigureTotal[], participant: string): number | null {
  const total = totals.find(
    (one) =>
      one.participant === participant &&
      one.connection === null &&
      one.kind === "audio" &&
      one.direction === "inbound",
  );
  return total?.figures["emos"]?.mean ?? null;
}

export interface Spot {
  key: string;
  label: string;
  latitude: number;
  longitude: number;
  /** People who were there. */
  value: number;
}

/** Places whose coordinates are known, with the number of people at each. */
export function peopleByPlace(all: readonly Card[]): Spot[] {
  const found = new Map<string, Spot>();
  for (const { name, latitude, longitude } of all.flatMap((card) => card.places)) {
    if (latitude === null || longitude === null) continue;
    const spot = found.get(name) ?? { key: name, label: name, latitude, longitude, value: 0 };
    spot.value += 1;
    found.set(name, spot);
  }
  return [...found.values()];
}
