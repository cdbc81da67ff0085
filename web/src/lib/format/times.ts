/** Instants and durations for people. Instants come as the server sends them: ISO 8601 in UTC. */
import { GAP, isNumber, type Maybe, NOTHING } from "./numbers";

export type Instant = string | number | Date | null | undefined;

const LOCALE = "en-GB";

/** Null for what is no instant. */
export function toDate(at: Instant): Date | null {
  if (at === null || at === undefined || at === "") return null;
  const date = at instanceof Date ? at : new Date(at);
  return Number.isNaN(date.getTime()) ? null : date;
}

export type TimeStyle = "full" | "short" | "time" | "clock" | "day";

const STYLES: Record<TimeStyle, Intl.DateTimeFormatOptions> = {
  full: {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  },
  short: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  time: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  clock: { hour: "2-digit", minute: "2-digit" },
  day: { weekday: "short", day: "numeric", month: "short", year: "numeric" },
};

/** In the viewer's zone, unless one is named. */
export function time(at: Instant, style: TimeStyle = "full", zone?: string): string {
  const date = toDate(at);
  if (!date) return NOTHING;
  return formatter(style, zone).format(date);
}

// Making one takes longer than hundreds of uses, and pages show thousands of times.
const made = new Map<string, Intl.DateTimeFormat>();

function formatter(style: TimeStyle, zone = ""): Intl.DateTimeFormat {
  const name = `${style} ${zone}`;
  let found = made.get(name);
  if (!found) {
    const options = zone ? { ...STYLES[style], timeZone: zone } : STYLES[style];
    found = new Intl.DateTimeFormat(LOCALE, { ...options, hourCycle: "h23" });
    made.set(name, found);
  }
  return found;
}

/** 2026-01-15 10:30:00 UTC */
export function utc(at: Instant): string {
  const date = toDate(at);
  return date ? `${date.toISOString().slice(0, 19).replace("T", " ")} UTC` : NOTHING;
}

/** The UTC day of an instant, as 2026-01-15. */
export function utcDay(at: Instant): string {
  return toDate(at)?.toISOString().slice(0, 10) ?? NOTHING;
}

/** A UTC day in words that no zone can move: 15 Jan, or Thu, 15 Jan 2026 */
export function dayName(day: string, style: "short" | "full" = "short"): string {
  const date = toDate(`${day}T12:00:00Z`);
  if (!date) return NOTHING;
  const options: Intl.DateTimeFormatOptions =
    style === "short" ? { day: "numeric", month: "short" } : STYLES.day;
  return new Intl.DateTimeFormat(LOCALE, { ...options, timeZone: "UTC" }).format(date);
}

/** Seconds as hours, minutes and seconds: 1h 2m 3s, 45s. Two parts of it at most when `brief`. */
export function duration(seconds: Maybe, brief = false): string {
  if (!isNumber(seconds)) return NOTHING;
  const whole = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(whole / 3600), "h"],
    [Math.floor((whole % 3600) / 60), "m"],
    [whole % 60, "s"],
  ] as const;
  const told = parts.filter(([value]) => value > 0).map(([value, unit]) => `${value}${unit}`);
  if (told.length === 0) return "0s";
  return (brief ? told.slice(0, 2) : told).join(" ");
}

/** Seconds as a clock: 2:03, 1:02:03. For axes. */
export function clock(seconds: Maybe): string {
  if (!isNumber(seconds)) return NOTHING;
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Whole minutes of people's time: 1,234 min */
export function minutes(seconds: Maybe): string {
  return isNumber(seconds) ? `${Math.floor(seconds / 60).toLocaleString("en")}${GAP}min` : NOTHING;
}

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 30.44],
  ["month", 12],
  ["year", Number.POSITIVE_INFINITY],
];

/** "3 minutes ago", "in 2 days"; seconds are not counted out. */
export function relative(at: Instant, now: number | Date): string {
  const date = toDate(at);
  if (!date) return NOTHING;
  let distance = (date.getTime() - new Date(now).getTime()) / 1000;
  if (Math.abs(distance) < 10) return "just now";
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  for (const [unit, size] of STEPS) {
    if (Math.abs(distance) < size) return words.format(Math.trunc(distance), unit);
    distance /= size;
  }
  return NOTHING;
}
