/** Rows for the tests of this folder: whole and dull, but for what a test says. */
import type { CallEvent, Connection, Issue, Participant, Session } from "./shapes";

export const T0 = "2026-01-15T10:00:00.000000Z";

/** An instant some seconds after T0. */
export function at(seconds: number): string {
  return new Date(Date.parse(T0) + seconds * 1000).toISOString();
}

let number = 0;

function id(): string {
  number += 1;
  return `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

export function participant(own: Partial<Participant> = {}): Participant {
  const key = own.id ?? id();
  return {
    id: key,
    app: "app",
    created_at: T0,
    participant_id: `u-${key.slice(-2)}`,
    participant_name: null,
    is_sfu: false,
    ...own,
  };
}

export function session(own: Partial<Session> = {}): Session {
  return {
    id: id(),
    conference: "conference",
    participant: "someone",
    created_at: T0,
    end_time: null,
    duration: 0,
    call_start: null,
    devices: [],
    platform: {},
    metadata: {},
    geo_ip: null,
    session_info: {},
    app_version: null,
    webrtc_sdk: null,
    issues: [],
    ...own,
  };
}

export function connection(own: Partial<Connection> = {}): Connection {
  return {
    id: id(),
    session: "session",
    conference: "conference",
    participant: "someone",
    peer: "other",
    created_at: T0,
    type: null,
    state: "connected",
    connection_info: {},
    start_time: T0,
    end_time: null,
    duration: null,
    ...own,
  };
}

export function issue(own: Partial<Issue> = {}): Issue {
  return {
    id: id(),
    session: null,
    conference: "conference",
    participant: "someone",
    connection: null,
    track: null,
    created_at: T0,
    type: "warning",
    code: "turn_used",
    title: "A relay was used",
    explanation: "Media went through a relay.",
    data: null,
    count: 1,
    events: [],
    updated_at: T0,
    ended_at: T0,
    source: "event",
    ...own,
  };
}

export function event(
  type: string,
  seconds: number,
  data: unknown = null,
  own: Partial<CallEvent> = {},
): CallEvent {
  return {
    id: id(),
    app: "app",
    conference: "conference",
    participant: "someone",
    session: "session",
    peer: null,
    connection: null,
    track: null,
    type,
    category: "C",
    category_name: "connection",
    data,
    created_at: at(seconds),
    ...own,
  };
}

const AUDIO = `m=audio 9 UDP/TLS/RTP/SAVPF 111 0
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:IhtN
a=ice-pwd:6VSAXkg6adtGIgMnbrLknyrR
a=ice-options:trickle
a=fingerprint:sha-256 D7:E4:56
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:stream-1 track-1
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:0 PCMU/8000
a=ssrc:28472762 cname:59Ymc`;

const VIDEO = `m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=ice-ufrag:IhtN
a=ice-pwd:6VSAXkg6adtGIgMnbrLknyrR
a=fingerprint:sha-256 D7:E4:56
a=setup:actpass
a=mid:1
a=sendonly
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:* nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rid:hi send
a=simulcast:send hi`;

const DATA = `m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:2
a=sctp-port:5000
a=max-message-size:262144`;

const HEAD = `v=0
o=- 3838435407330626782 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2`;

/** An offer as a browser writes it, shortened. */
export const OFFER = [HEAD, AUDIO, VIDEO, DATA, ""].join("\n").replaceAll("\n", "\r\n");

/** The same with what gathering adds. */
export const GATHERED = OFFER.replace("m=audio 9", "m=audio 50000")
  .replace("c=IN IP4 0.0.0.0", "c=IN IP4 192.0.2.10")
  .replace(
    "a=ice-ufrag",
    "a=candidate:1 1 udp 2122194687 192.0.2.10 50000 typ host generation 0 network-id 3\r\n" +
      "a=candidate:2 1 udp 1686052607 198.51.100.4 50001 typ srflx raddr 192.0.2.10 rport 50000\r\n" +
      "a=end-of-candidates\r\na=ice-ufrag",
  );
