/** What changed from one session description to another: in words, and line by line. */
import { type Codec, lines, type MediaLine, type Session, titleOf } from "./sdp";

export interface Change {
  /** Which part: the session or an m-line. */
  where: string;
  what: string;
  before: string | null;
  after: string | null;
}

/** Differences that mean something, part by part. m-lines keep their place for as long as the session lasts (RFC 9429, 5.2.2). */
export function changes(before: Session, after: Session): Change[] {
  const found = [...sessionChanges(before, after)];
  const count = Math.max(before.media.length, after.media.length);
  for (let index = 0; index < count; index += 1) {
    found.push(...lineChanges(before.media[index], after.media[index]));
  }
  return found;
}

function sessionChanges(before: Session, after: Session): Change[] {
  return compared("session", [
    ["session", before.id, after.id],
    ["bundle", before.bundles.join(" | "), after.bundles.join(" | ")],
    ["ICE lite", flag(before.iceLite), flag(after.iceLite)],
  ]);
}

function flag(value: boolean): string {
  return value ? "yes" : "no";
}

function lineChanges(before: MediaLine | undefined, after: MediaLine | undefined): Change[] {
  if (!before || !after) {
    const line = before ?? after;
    if (!line) return [];
    const direction = line.direction ?? "present";
    return [
      {
        where: titleOf(line),
        what: "m-line",
        before: before ? direction : null,
        after: after ? direction : null,
      },
    ];
  }
  return compared(titleOf(after), [
    ["kind", before.kind, after.kind],
    ["mid", before.mid, after.mid],
    ["rejected", flag(before.rejected), flag(after.rejected)],
    ["direction", before.direction, after.direction],
    ["codecs", codecNames(before.codecs), codecNames(after.codecs)],
    ...codecParameters(before.codecs, after.codecs),
    ["header extensions", extensionNames(before), extensionNames(after)],
    ["streams", before.streams.join(", "), after.streams.join(", ")],
    ["SSRCs", before.ssrcs.join(", "), after.ssrcs.join(", ")],
    ["rids", before.rids.join(", "), after.rids.join(", ")],
    ["simulcast", before.simulcast, after.simulcast],
    ["bandwidth", before.bandwidth, after.bandwidth],
    ["ICE user fragment (a restart of ICE)", before.ufrag, after.ufrag],
    ["DTLS fingerprint", before.fingerprint, after.fingerprint],
    ["DTLS role", before.setup, after.setup],
    ["SCTP port", text(before.sctpPort), text(after.sctpPort)],
    ["largest message", text(before.maxMessageSize), text(after.maxMessageSize)],
  ]);
}

type Pair = [what: string, before: string | null, after: string | null];

function compared(where: string, pairs: Pair[]): Change[] {
  return pairs
    .map(([what, before, after]) => ({ where, what, before: before || null, after: after || null }))
    .filter(({ before, after }) => before !== after);
}

function text(value: number | null): string | null {
  return value === null ? null : String(value);
}

/** "opus/48000/2" */
export function codecName({ name, clockRate, channels }: Codec): string {
  return [name, clockRate, channels].filter((part) => part !== null).join("/");
}

function codecNames(codecs: Codec[]): string {
  return codecs.map(codecName).join(", ");
}

/** Parameters of the codecs that both have, by payload type. */
function codecParameters(before: Codec[], after: Codec[]): Pair[] {
  const old = new Map(before.map((codec) => [codec.payload, codec]));
  return after.flatMap((codec): Pair[] => {
    const same = old.get(codec.payload);
    if (!same || same.name !== codec.name) return [];
    const head = `${codec.name} (${codec.payload})`;
    return [
      [`${head} parameters`, same.parameters, codec.parameters],
      [`${head} feedback`, same.feedback.join(", "), codec.feedback.join(", ")],
    ];
  });
}

function extensionNames({ extensions }: MediaLine): string {
  return extensions
    .map(({ uri }) => shortUri(uri))
    .sort()
    .join(", ");
}

/** The part of a URI that tells it from others. */
export function shortUri(uri: string): string {
  return uri.split(/[/:]/).filter(Boolean).at(-1) ?? uri;
}

export interface DiffLine {
  sign: " " | "-" | "+";
  line: string;
  /** Of an m-line, or of what stands above all of them. */
  heading: boolean;
}

/** Both descriptions line by line, as `diff` does it: the longest common lines stay, the rest goes or comes. */
export function lineDiff(before: string, after: string): DiffLine[] {
  const old = lines(before);
  const now = lines(after);
  const common = commonLengths(old, now);
  const found: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const sign = step(old, now, common, i, j);
    const line = (sign === "+" ? now[j] : old[i]) ?? "";
    found.push({ sign, line, heading: line.startsWith("m=") });
    if (sign !== "+") i += 1;
    if (sign !== "-") j += 1;
  }
  return found;
}

function step(old: string[], now: string[], common: Uint16Array[], i: number, j: number): DiffLine["sign"] {
  if (i >= old.length) return "+";
  if (j >= now.length) return "-";
  if (old[i] === now[j]) return " ";
  return (common[i + 1]?.[j] ?? 0) >= (common[i]?.[j + 1] ?? 0) ? "-" : "+";
}

/** For each pair of places, how many lines of what follows can be kept. */
function commonLengths(old: string[], now: string[]): Uint16Array[] {
  const table = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    const row = table[i];
    const next = table[i + 1];
    if (!row || !next) continue;
    for (let j = now.length - 1; j >= 0; j -= 1) {
      row[j] = old[i] === now[j] ? (next[j + 1] ?? 0) + 1 : Math.max(next[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return table;
}
