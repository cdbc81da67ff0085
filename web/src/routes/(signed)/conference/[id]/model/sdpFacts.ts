/** What an m-line says beside its codecs, by name. */
import { bytes } from "$lib/format";

import type { MediaLine } from "./sdp";
import { shortUri } from "./sdpChanges";

type Fact = [name: string, value: string | null];

export function lineFacts(line: MediaLine): [string, string][] {
  return [...transportFacts(line), ...mediaFacts(line), ...dataFacts(line)].filter(
    (fact): fact is [string, string] => fact[1] !== null && fact[1] !== "",
  );
}

/** A star stands for what was taken out before it was stored. */
function open(value: string | null): string | null {
  return value === "*" ? "masked before it was stored" : value;
}

function transportFacts(line: MediaLine): Fact[] {
  return [
    ["Transport", `${line.protocol}, port ${line.port}${line.bundled ? ", in the bundle" : ""}`],
    ["ICE user fragment", open(line.ufrag)],
    ["ICE password", open(line.password)],
    ["ICE options", line.iceOptions],
    ["Candidates", `${line.candidates}${line.complete ? ", complete" : ""}`],
    ["DTLS role", line.setup],
    ["DTLS fingerprint", open(line.fingerprint)],
  ];
}

function mediaFacts(line: MediaLine): Fact[] {
  if (line.kind === "application") return [];
  return [
    ["RTCP", line.rtcpMux ? "multiplexed with RTP" : "on a port of its own"],
    ["Bandwidth", line.bandwidth],
    ["Streams", line.streams.join(", ")],
    ["SSRCs", line.ssrcs.join(", ")],
    ["Layers (rid)", line.rids.join("; ")],
    ["Simulcast", line.simulcast],
    ["Header extensions", line.extensions.map(({ id, uri }) => `${id} ${shortUri(uri)}`).join(", ")],
  ];
}

function dataFacts({ sctpPort, maxMessageSize }: MediaLine): Fact[] {
  return [
    ["SCTP port", sctpPort === null ? null : String(sctpPort)],
    ["Largest message", maxMessageSize === null ? null : bytes(maxMessageSize)],
  ];
}
