/** What comes over `/v1/live`, as docs/integrator tells it. Fields have the names of the query API. */

export type Watched = { appId: string } | { conferenceId: string } | { organizationId: string };

export interface LiveEvent<Change extends string, Data> {
  change: Change;
  app: string;
  conference: string;
  data: Data;
}

export interface LiveConference {
  id: string;
  ongoing?: boolean;
  duration?: number;
  [field: string]: unknown;
}

export interface LiveThing {
  id: string;
  [field: string]: unknown;
}

export interface LiveConnection extends LiveThing {
  state?: string | null;
  established?: boolean;
  state_changed_at?: string | null;
}

/** Counters since the beginning: figures of an interval are differences of two samples. */
export interface LiveFlow {
  track: string | null;
  track_id: string | null;
  kind: "audio" | "video";
  direction: "inbound" | "outbound";
  bytes: number | null;
  packets: number | null;
  lost: number | null;
  jitter_ms: number | null;
  emos: number | null;
}

export interface LiveSample {
  connection: string;
  session: string;
  conference: string;
  participant: string;
  created_at: string;
  rtt_ms: number | null;
  available_bps: number | null;
  /** Of the chosen pair of addresses: `relay` goes through a relay. */
  local_type: string | null;
  flows: LiveFlow[];
}

export interface LiveEvents {
  conference: LiveEvent<"created" | "began" | "ended" | "changed", LiveConference>;
  session: LiveEvent<"began" | "ended" | "changed", LiveThing>;
  connection: LiveEvent<"added" | "changed" | "ended", LiveConnection>;
  issue: LiveEvent<"opened" | "updated" | "closed" | "withdrawn", LiveThing>;
  sample: LiveEvent<"taken", LiveSample>;
}

export type LiveKind = keyof LiveEvents;
export const KINDS: readonly LiveKind[] = ["conference", "session", "connection", "issue", "sample"];

export type Handlers = { [K in LiveKind]?: (event: LiveEvents[K]) => void } & {
  /** The stream has begun: what you read from now on misses nothing. */
  ready?: () => void;
  /** Something was missed: read again what you show. */
  reset?: () => void;
};

export function addressOf(watched: Watched, lastEventId: string | null): string {
  const search = new URLSearchParams(watched as Record<string, string>);
  if (lastEventId) search.set("lastEventId", lastEventId);
  return `/v1/live?${search}`;
}

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/** How long to wait before the nth try: doubling, at most half a minute, spread by a quarter so that not all come at once. */
export function backOffMs(tries: number, chance = Math.random()): number {
  const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, tries - 1));
  return Math.round(wait * (0.75 + chance * 0.5));
}

/** Gather what comes in bursts, and hand it over at most once in `everyMs`: a wall of calls is drawn once, not 200 times. */
export function gathered<T>(
  apply: (items: T[]) => void,
  everyMs = 250,
): { add: (item: T) => void; stop: () => void } {
  let items: T[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    add: (item) => {
      items.push(item);
      timer ??= setTimeout(() => {
        timer = undefined;
        const now = items;
        items = [];
        apply(now);
      }, everyMs);
    },
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
      items = [];
    },
  };
}
