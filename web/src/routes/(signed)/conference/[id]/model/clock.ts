/** Times as they stand on the timeline: in the viewer's zone or in UTC. */
import { time, toDate } from "$lib/format";

/** How far the viewer's clock is ahead of UTC at an instant, in milliseconds. */
export function offsetMs(at: number): number {
  return -new Date(at).getTimezoneOffset() * 60_000;
}

/** The label of a tick: as exact as its step needs it. */
export function tickLabel(at: number, stepMs: number, utc: boolean): string {
  const zone = utc ? "UTC" : undefined;
  if (stepMs >= 86_400_000) return time(at, "day", zone);
  if (stepMs >= 60_000) return time(at, "clock", zone);
  const label = time(at, "time", zone);
  return stepMs >= 1_000 ? label : `${label}.${String(new Date(at).getMilliseconds()).padStart(3, "0")}`;
}

/** To the second, with the zone where it is not the viewer's. */
export function moment(at: number, utc: boolean): string {
  return utc ? `${time(at, "time", "UTC")} UTC` : time(at, "time");
}

/** To the millisecond: for events. */
export function exact(at: string | number, utc: boolean): string {
  const date = toDate(at);
  if (!date) return "";
  return `${moment(date.getTime(), utc).replace(" UTC", "")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
