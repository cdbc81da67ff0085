/** What the page of a participant draws of their profile. */
import { type ChartModel, donut, histogram, type Place } from "$lib/charts";
import type { components } from "$lib/api/schema";
import { count, dayName, decimal, type Maybe, ms, percent, plural } from "$lib/format";

type Schemas = components["schemas"];
export type Profile = Schemas["ParticipantProfile"];
export type Conference = Schemas["Conference"];
export type Participant = Schemas["Participant"];
type Platform = Schemas["UsedPlatform"];
type NetworkDay = Schemas["NetworkOfDay"];

export function personName(one: Pick<Participant, "participant_name" | "participant_id">): string {
  return one.participant_name || one.participant_id || "Unknown participant";
}

/** A bar for each day; days without a value are told as such, and 0 is a value. */
function daily(
  days: readonly { date: string; value: number | null }[],
  name: string,
  format: (value: Maybe) => string,
  unit?: string,
  most?: number,
): ChartModel {
  const known = days.filter(({ value }) => value !== null);
  const model = histogram({
    bars: days.map(({ date, value }) => ({ key: date, label: dayName(date), value })),
    head: "Day (UTC)",
    name,
    format,
    unit,
    share: false,
  });
  return {
    ...model,
    ...(most === undefined ? {} : { option: upTo(model, most) }),
    empty: known.length === 0,
    summary: `${plural(known.length, "day")} with figures, the last ${format(known.at(-1)?.value)}`,
  };
}

/** The drawing with an axis that ends where values can: not shares of 120 %. */
function upTo(model: ChartModel, most: number): ChartModel["option"] {
  return (...given) => {
    const option = model.option(...given);
    return {
      ...option,
      yAxis: { ...(option["yAxis"] as object), max: most, interval: most === 1 ? 0.25 : 1 },
    };
  };
}

const inMinutes = (value: Maybe): string => `${count(value ?? 0)} min`;

export function minutesPerDay(profile: Profile): ChartModel {
  const days = profile.days.map(({ date, minutes }) => ({ date, value: minutes }));
  const total = days.reduce((sum, { value }) => sum + value, 0);
  return {
    ...daily(days, "Minutes", inMinutes, "minutes"),
    empty: profile.days.every(({ seconds }) => seconds === 0),
    summary: `${days.length} days, ${inMinutes(total)} in all`,
  };
}

export interface NetworkChart {
  id: string;
  title: string;
  hint: string;
  of: (day: NetworkDay) => number | null;
  format: (value: Maybe) => string;
  unit: string;
  /** Where the axis ends, if values have an end. */
  most?: number;
}

export const NETWORK: readonly NetworkChart[] = [
  {
    id: "participant-rtt",
    title: "Round trip time",
    hint: "Mean of all connections, by day.",
    of: ({ rtt_ms }) => rtt_ms,
    format: ms,
    unit: "ms",
  },
  {
    id: "participant-loss",
    title: "Packet loss",
    hint: "Lost of the packets that were sent to this participant.",
    of: ({ loss_ratio }) => loss_ratio,
    format: (value) => percent(value, 2),
    unit: "ratio",
  },
  {
    id: "participant-emos",
    title: "Audio eMOS",
    hint: "How the audio that was heard would be judged, from 1 (bad) to 5 (excellent).",
    of: ({ emos }) => emos,
    format: (value) => decimal(value, 2),
    unit: "1 to 5",
    most: 5,
  },
  {
    id: "participant-relay-share",
    title: "Relay share",
    hint: "Share of the time in calls that went over a TURN relay.",
    of: ({ relay_ratio }) => relay_ratio,
    format: (value) => percent(value),
    unit: "ratio",
    most: 1,
  },
];

/** Over the days of the profile, and those before them that were measured. */
export function overDays(profile: Profile, { title, of, format, unit, most }: NetworkChart): ChartModel {
  const measured = new Map(profile.network.map((day) => [day.date, of(day)]));
  const dates = [...new Set([...measured.keys(), ...profile.days.map(({ date }) => date)])].sort();
  return daily(
    dates.map((date) => ({ date, value: measured.get(date) ?? null })),
    title,
    format,
    unit,
    most,
  );
}

export type DeviceKind = keyof Profile["devices"];

export const DEVICES: readonly { kind: DeviceKind; id: string; title: string }[] = [
  { kind: "microphones", id: "top-microphones", title: "Top microphones" },
  { kind: "cameras", id: "top-cameras", title: "Top cameras" },
  { kind: "outputs", id: "top-outputs", title: "Top outputs" },
];

export interface UsedDevice {
  label: string;
  count: number;
  /** Of all sessions of the participant. */
  share: number;
}

export function topDevices(profile: Profile, kind: DeviceKind): UsedDevice[] {
  return profile.devices[kind].map(({ label, count }) => ({
    label,
    count,
    share: profile.sessions > 0 ? Math.min(1, count / profile.sessions) : 0,
  }));
}

/** Shares of browsers or systems; of one of them, its versions. `href` leads from the one to the other. */
export function platforms(
  used: readonly Platform[],
  chosen: string,
  head: string,
  href: (name: string) => string,
): ChartModel {
  const one = used.find(({ name }) => name === chosen);
  if (!one)
    return donut({
      bars: used.map(({ name, count }) => ({ key: name, label: name, value: count, href: href(name) })),
      head,
      name: "Sessions",
      middle: "sessions",
    });
  return donut({
    bars: one.versions.map(({ version, count }) => ({ key: version, label: version, value: count })),
    head: "Version",
    name: "Sessions",
    middle: one.name,
  });
}

/** Places with coordinates, each once, named "Oslo, NO". */
export function placesOf(profile: Profile): Place[] {
  return profile.places.flatMap(({ city, country, latitude, longitude, count }) => {
    if (latitude === null || longitude === null) return [];
    const label = [city, country].filter(Boolean).join(", ") || "Unknown place";
    return [{ key: city ?? label, label, latitude, longitude, value: count }];
  });
}

/** Two lists of conferences, each newest first, as one. */
export function newest(lists: readonly (readonly Conference[])[], most: number): Conference[] {
  return lists
    .flat()
    .sort((a, b) => (a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : 0))
    .slice(0, most);
}

/** Whether somebody may erase people of an organization. */
export function mayErase(
  organizations: readonly { id: string; role: string }[] | undefined,
  organization: string | undefined,
): boolean {
  return (organizations ?? []).some(({ id, role }) => id === organization && role === "owner");
}
