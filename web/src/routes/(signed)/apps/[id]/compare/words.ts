/** How figures, flows and verdicts read. Pure. */
import { bitrate, decimal, GAP, isNumber, type Maybe, ms, NOTHING, percent, withUnit } from "$lib/format";
import type { Signal } from "$lib/ui";

interface Figure {
  label: string;
  format: (value: Maybe) => string;
  /** Of a difference without its sign; else as `format`. */
  distance?: (value: Maybe) => string;
  /** Undefined: more is neither. */
  moreIsBetter?: boolean;
}

/** Percentage points; small ones with a digit more. */
const points = (ratio: Maybe): string =>
  isNumber(ratio) ? withUnit(ratio * 100, "pp", Math.abs(ratio) < 0.01 ? 2 : 1) : NOTHING;
const ratio = (label: string): Figure => ({ label, format: percent, distance: points, moreIsBetter: false });
const time = (label: string): Figure => ({ label, format: ms, moreIsBetter: false });
const perMinute = (label: string): Figure => ({
  label,
  format: (value) => withUnit(value, "/min", 2),
  moreIsBetter: false,
});

export const FIGURES: Record<string, Figure> = {
  rtt_ms: time("Round trip"),
  loss_ratio: ratio("Packet loss"),
  jitter_ms: time("Jitter"),
  emos: { label: "Audio score (eMOS)", format: (value) => decimal(value, 2, true), moreIsBetter: true },
  bitrate_bps: { label: "Bitrate", format: bitrate, moreIsBetter: true },
  fps: { label: "Frame rate", format: (value) => withUnit(value, "fps"), moreIsBetter: true },
  height: { label: "Picture height", format: (value) => withUnit(value, "px", 0), moreIsBetter: true },
  freeze_ratio: ratio("Frozen video"),
  freezes_per_min: perMinute("Freezes"),
  limited_ratio: ratio("Quality limited"),
  cpu_limited_ratio: ratio("Limited by processor"),
  bandwidth_limited_ratio: ratio("Limited by bandwidth"),
  concealment_ratio: ratio("Concealed audio"),
  buffer_ms: time("Jitter buffer"),
  decode_ms: time("Decoding a frame"),
  encode_ms: time("Encoding a frame"),
  nacks_per_min: perMinute("Packets asked for again"),
  plis_per_min: perMinute("Pictures asked for (PLI)"),
  firs_per_min: perMinute("Pictures asked for (FIR)"),
  audio_level: { label: "Audio level", format: (value) => decimal(value, 3) },
  available_bps: { label: "Available bandwidth", format: bitrate, moreIsBetter: true },
  sent_bps: { label: "Sent", format: bitrate },
  received_bps: { label: "Received", format: bitrate },
  time_taken_ms: time("Time that getStats took"),
};
/** Those that are compared unless others are chosen. */
export const USUAL: readonly string[] = [
  "rtt_ms",
  "loss_ratio",
  "jitter_ms",
  "emos",
  "bitrate_bps",
  "fps",
  "freeze_ratio",
  "limited_ratio",
  "available_bps",
];

const PLAIN: Figure = { label: "", format: (value) => decimal(value, 3) };

export function figureOf(name: string): Figure {
  return FIGURES[name] ?? { ...PLAIN, label: name };
}

const FLOWS: Record<string, string> = {
  "audio.inbound": "audio received",
  "audio.outbound": "audio sent",
  "video.inbound": "video received",
  "video.outbound": "video sent",
  "connection.": "connection",
};

export function flowWords(kind: string, direction: string | null | undefined): string {
  return FLOWS[`${kind}.${direction ?? ""}`] ?? kind;
}

/** One figure of one flow, as it stands in the address: `audio.inbound.emos`, `connection..rtt_ms`. */
export interface Measured {
  kind: string;
  direction: string | null;
  figure: string;
}

export function idOf({ kind, direction, figure }: Measured): string {
  return `${kind}.${direction ?? ""}.${figure}`;
}

/** What an id names; what cannot be read is the round trip of connections. */
export function measuredOf(id: string): Measured {
  const [kind = "", direction = "", figure = ""] = id.split(".");
  return FLOWS[`${kind}.${direction}`] && FIGURES[figure]
    ? { kind, direction: direction || null, figure }
    : { kind: "connection", direction: null, figure: "rtt_ms" };
}

export function measuredWords(measured: Measured): string {
  return `${figureOf(measured.figure).label}, ${flowWords(measured.kind, measured.direction)}`;
}

/** +12 ms, −3 pp, 0 ms; what rounds to nothing has no sign. */
export function signed(value: Maybe, format: (value: Maybe) => string): string {
  if (!isNumber(value)) return NOTHING;
  const size = format(Math.abs(value));
  const sign = value > 0 ? "+" : "−";
  return size === format(0) ? size : sign + size;
}

export function difference(figure: string, value: Maybe): string {
  const { format, distance = format } = figureOf(figure);
  return signed(value, distance);
}

/** A difference of shares, in percentage points. */
export function shareDifference(value: Maybe): string {
  return signed(value, points);
}

export type Verdict = "better" | "worse" | "different" | "no_difference" | "not_enough_data";

export const VERDICTS: Record<Verdict, { word: string; signal: Signal }> = {
  better: { word: "B is better", signal: "success" },
  worse: { word: "B is worse", signal: "warning" },
  different: { word: "Different", signal: "ongoing" },
  no_difference: { word: "No difference", signal: "neutral" },
  not_enough_data: { word: "Not enough data", signal: "neutral" },
};

export function verdictOf(word: string): Verdict {
  return word in VERDICTS ? (word as Verdict) : "not_enough_data";
}

const plus = `±${GAP}`;
/** Half the length of the interval of a mean, as "± 18.7 ms". */
export function plusMinus(figure: string, low: number, high: number): string {
  const { format, distance = format } = figureOf(figure);
  return plus + distance((high - low) / 2);
}
