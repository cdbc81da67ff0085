/** Figures with their units. Nothing (null, undefined, not a number) is a dash everywhere. */

export type Maybe = number | null | undefined;

export const NOTHING = "–";
/** Between a figure and its unit: narrow, and no line breaks there. */
export const GAP = "\u202f";

const LOCALE = "en";

export function isNumber(value: Maybe): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** `digits` after the point at most; trailing zeros are left out unless `fixed`. */
export function decimal(value: Maybe, digits = 1, fixed = false): string {
  if (!isNumber(value)) return NOTHING;
  const text = value.toLocaleString(LOCALE, {
    maximumFractionDigits: digits,
    minimumFractionDigits: fixed ? digits : 0,
  });
  return text === "-0" ? "0" : text;
}

/** 12,345 */
export function count(value: Maybe): string {
  return decimal(value, 0);
}

/** 12.3k, 4.6M: for small places; say the whole figure beside it or on hover. */
export function compact(value: Maybe): string {
  if (!isNumber(value)) return NOTHING;
  return Math.abs(value) < 10_000
    ? decimal(value, 1)
    : value.toLocaleString(LOCALE, { notation: "compact", maximumFractionDigits: 1 }).replace("K", "k");
}

/** A ratio of 0 to 1 as per cent; small ones keep a digit more, and never become a false zero. */
export function percent(ratio: Maybe, digits = 1): string {
  if (!isNumber(ratio)) return NOTHING;
  const value = ratio * 100;
  const least = 10 ** -digits;
  if (value > 0 && value < least) return `<${GAP}${decimal(least, digits)}${GAP}%`;
  return `${decimal(value, digits)}${GAP}%`;
}

function scaled(value: number, units: readonly string[]): string {
  let rest = Math.abs(value);
  let at = 0;
  while (rest >= 999.5 && at < units.length - 1) {
    rest /= 1000;
    at += 1;
  }
  const digits = at === 0 || rest >= 100 ? 0 : rest >= 10 ? 1 : 2;
  return `${value < 0 ? "-" : ""}${decimal(rest, digits)}${GAP}${units[at] ?? ""}`;
}

/** Bits per second: 850 kbit/s, 1.24 Mbit/s */
export function bitrate(bps: Maybe): string {
  return isNumber(bps) ? scaled(bps, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]) : NOTHING;
}

/** Bytes in powers of 1000: 34 B, 5.6 KB, 1.24 MB */
export function bytes(value: Maybe): string {
  return isNumber(value) ? scaled(value, ["B", "KB", "MB", "GB", "TB"]) : NOTHING;
}

/** Milliseconds: 0.8 ms, 240 ms, 12.3 s */
export function ms(value: Maybe): string {
  if (!isNumber(value)) return NOTHING;
  const size = Math.abs(value);
  if (size >= 10_000) return `${decimal(value / 1000, 1)}${GAP}s`;
  return `${decimal(value, size < 10 ? 1 : 0)}${GAP}ms`;
}

/** A figure with any unit, the unit not parted from it. */
export function withUnit(value: Maybe, unit: string, digits = 1): string {
  return isNumber(value) ? `${decimal(value, digits)}${GAP}${unit}` : NOTHING;
}

/** "1 conference", "3 conferences"; `many` where an s does not do. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
