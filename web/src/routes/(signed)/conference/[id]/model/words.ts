/** What happened, in words for people: one line for every kind of event. */
import { type CallEvent, fields, figure, items, text } from "./shapes";

/** What a mark in the timeline stands for. */
export type MarkKind = "get-user-media" | "custom" | "page" | "track";
/** How it went, where it can go well or wrong. */
export type Outcome = "ok" | "failed" | "pending" | "none";

export interface Told {
  /** What happened, in a few words. */
  title: string;
  /** The fact that matters most in its data. */
  detail: string | null;
  outcome: Outcome;
}

type Teller = (data: unknown) => Omit<Told, "title"> & { title?: string };

const plain = (detail: string | null = null, outcome: Outcome = "none"): ReturnType<Teller> => ({
  detail,
  outcome,
});

const TITLES: Record<string, string> = {
  getUserMedia: "Media requested",
  addConnection: "Connection added",
  removeConnection: "Connection removed",
  removePeer: "Peer removed",
  peerDetails: "Connection configured",
  onnegotiationneeded: "Negotiation needed",
  onsignalingstatechange: "Signalling state",
  onicegatheringstatechange: "ICE gathering",
  onicecandidate: "ICE candidate found",
  onicecandidateerror: "ICE server error",
  oniceconnectionstatechange: "ICE connection",
  onconnectionstatechange: "Connection state",
  ondatachannel: "Data channel opened",
  ontrack: "Remote track added",
  mute: "Track muted",
  unmute: "Track unmuted",
  ended: "Track ended",
  tabFocus: "Tab visibility",
  mediaDeviceChange: "Devices changed",
  beforeunload: "Page is about to close",
  unload: "Page closed",
  endCall: "Call left",
  stats: "Report",
  custom: "Custom event",
};

const STATE_OUTCOMES: Record<string, Outcome> = {
  connected: "ok",
  completed: "ok",
  failed: "failed",
  disconnected: "failed",
};

const state: Teller = (data) => plain(text(data), STATE_OUTCOMES[String(data)] ?? "none");

const TELLERS: Record<string, Teller> = {
  getUserMedia: media,
  addConnection: (data) => plain(text(fields(data)["connectionState"])),
  onsignalingstatechange: (data) => plain(text(fields(data)["signalingState"])),
  onicegatheringstatechange: state,
  oniceconnectionstatechange: state,
  onconnectionstatechange: state,
  onicecandidate: candidate,
  onicecandidateerror: candidateError,
  tabFocus: visibility,
  custom: customEvent,
  ontrack: (data) => plain(text(fields(data)["kind"])),
  mediaDeviceChange: (data) => plain(deviceCount(data)),
};

/** An event in words. */
export function told(event: Pick<CallEvent, "type" | "data">): Told {
  const teller = TELLERS[event.type];
  return { title: TITLES[event.type] ?? event.type, ...(teller ? teller(event.data) : plain()) };
}

function media(data: unknown): ReturnType<Teller> {
  const { error, constraints, audio, video } = fields(data);
  if (error) {
    const { name, message } = fields(error);
    const detail = [text(name), text(message)].filter(Boolean).join(": ");
    return { title: "Media refused", ...plain(detail || "unknown reason", "failed") };
  }
  if (constraints) {
    const wanted = ["audio", "video"].filter((kind) => Boolean(fields(constraints)[kind]));
    return { title: "Media requested", ...plain(wanted.join(" and ") || null, "pending") };
  }
  const got = [...items(audio), ...items(video)].map((track) => text(fields(track)["label"])).filter(Boolean);
  return { title: "Media received", ...plain(got.join(", ") || null, "ok") };
}

function candidate(data: unknown): ReturnType<Teller> {
  const { type, protocol, address, port, candidate: line } = fields(data);
  if (!type && !line) return { title: "ICE candidates complete", ...plain() };
  const where = [text(address), figure(port)].filter((part) => part !== null).join(" port ");
  return plain([text(type), text(protocol), where].filter(Boolean).join(", ") || text(line));
}

function candidateError(data: unknown): ReturnType<Teller> {
  const { errorCode, errorText, url } = fields(data);
  const code = figure(errorCode) ?? figure(data);
  return plain(
    [code, text(errorText), text(url)].filter((part) => part !== null).join(", ") || null,
    "failed",
  );
}

function visibility(data: unknown): ReturnType<Teller> {
  // Clients send whether the tab is *hidden*, as a bare value or in an object.
  const hidden = typeof data === "boolean" ? data : fields(data)["focus"];
  return { title: hidden ? "Tab hidden" : "Tab visible", ...plain() };
}

function customEvent(data: unknown): ReturnType<Teller> {
  const name = text(data) ?? text(fields(data)["eventName"]);
  const rest = Object.entries(fields(data)).filter(([key]) => key !== "eventName");
  const detail = rest.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(", ");
  return { title: name ?? "Custom event", ...plain(detail.slice(0, 160) || null) };
}

function deviceCount(data: unknown): string | null {
  const devices = Array.isArray(data) ? data : items(fields(data)["devices"]);
  return devices.length ? `${devices.length} devices` : null;
}

const PAGE = new Set(["tabFocus", "mediaDeviceChange", "beforeunload", "unload", "endCall"]);

/** Which mark an event makes on its participant's bar; null for those that belong to connections. */
export function markOf(event: Pick<CallEvent, "type">): MarkKind | null {
  if (event.type === "getUserMedia") return "get-user-media";
  if (event.type === "custom") return "custom";
  return PAGE.has(event.type) ? "page" : null;
}
