/** One live stream: comes back by itself with what was missed, and rests while nobody looks. */
import { untrack } from "svelte";

import { api, call } from "$lib/api";

import {
  addressOf,
  backOffMs,
  type Handlers,
  KINDS,
  type LiveEvents,
  type LiveKind,
  type Watched,
} from "./events";

export type LiveState = "connecting" | "live" | "paused" | "off";

/** What we use of EventSource. */
export interface Source {
  addEventListener(kind: string, act: (event: MessageEvent<string>) => void): void;
  onerror: ((event: Event) => void) | null;
  close(): void;
}

export interface StreamOptions {
  open?: (address: string) => Source;
  /** Asked when a stream was refused: a login that ended leads to the sign-in page. */
  whoAmI?: () => Promise<unknown>;
  chance?: () => number;
  /** The id of the event behind which it begins, as a snapshot tells it; else it begins with now. */
  since?: string | null;
}

/** A tab that is left for a moment keeps its stream. */
const HIDDEN_MS = 30_000;
/** The server's heart beats every 15 s; after three missed beats the stream is dead, whatever the browser thinks. */
const SILENCE_MS = 50_000;

export class LiveStream {
  state = $state<LiveState>("off");
  /** Events are held up at the server. */
  degraded = $state(false);

  #source: Source | null = null;
  #last: string | null = null;
  #tries = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #hiding: ReturnType<typeof setTimeout> | undefined;
  readonly #watched: Watched;
  readonly #handlers: Handlers;
  readonly #options: Required<Omit<StreamOptions, "since">>;

  constructor(watched: Watched, handlers: Handlers, options: StreamOptions = {}) {
    this.#watched = watched;
    this.#handlers = handlers;
    this.#last = options.since ?? null;
    this.#options = {
      open: (address) => new EventSource(address),
      whoAmI: () => call(api.GET("/v1/me")),
      chance: Math.random,
      ...options,
    };
  }

  start(): void {
    document.addEventListener("visibilitychange", this.#looked);
    if (document.hidden) this.state = "paused";
    else this.#connect();
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#looked);
    clearTimeout(this.#hiding);
    this.#drop();
    this.state = "off";
  }

  #connect(): void {
    this.#drop();
    this.state = "connecting";
    const source = this.#options.open(addressOf(this.#watched, this.#last));
    this.#source = source;
    const on = (kind: string, act?: (event: MessageEvent<string>) => void): void => {
      source.addEventListener(kind, (event) => {
        if (this.#source !== source) return;
        if (event.lastEventId) this.#last = event.lastEventId;
        this.#heard();
        act?.(event);
      });
    };
    on("ready", () => {
      this.#tries = 0;
      this.degraded = false;
      this.state = "live";
      this.#handlers.ready?.();
    });
    on("heartbeat");
    on("degraded", () => (this.degraded = true));
    on("recovered", () => (this.degraded = false));
    on("reset", () => this.#handlers.reset?.());
    for (const kind of KINDS) if (this.#handlers[kind]) on(kind, (event) => this.#tell(kind, event.data));
    source.onerror = () => {
      if (this.#source === source) this.#lost();
    };
    this.#heard();
  }

  #tell<K extends LiveKind>(kind: K, text: string): void {
    const act = this.#handlers[kind] as ((event: LiveEvents[K]) => void) | undefined;
    act?.(JSON.parse(text) as LiveEvents[K]);
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(), SILENCE_MS);
  }

  #lost(): void {
    this.#drop();
    this.#tries += 1;
    this.state = "connecting";
    // An EventSource does not say why it was refused; the interface does.
    if (this.#tries === 2) void this.#options.whoAmI().catch(() => undefined);
    this.#retry = setTimeout(() => this.#connect(), backOffMs(this.#tries, this.#options.chance()));
  }

  #drop(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#source?.close();
    this.#source = null;
  }

  readonly #looked = (): void => {
    clearTimeout(this.#hiding);
    if (document.hidden) {
      this.#hiding = setTimeout(() => {
        this.#drop();
        this.state = "paused";
      }, HIDDEN_MS);
    } else if (this.state === "paused") {
      this.#tries = 0;
      this.#connect();
    }
  };
}

/**
 * In a component: follows what `watched` says, nothing while that is null, and ends with the component.
 *
 *   const stream = live(() => ({ appId }), { conference: (event) => …, reset: () => query.refetch() });
 *   <LiveDot state={stream.state} />
 *
 * `since` is asked when it begins: the id of the event behind which it goes on.
 */
export function live(
  watched: () => Watched | null,
  handlers: Handlers,
  since: () => string | null = () => null,
): { readonly state: LiveState; readonly degraded: boolean } {
  let stream = $state.raw<LiveStream | null>(null);
  // A new object that says the same must not begin a new stream.
  const wanted = $derived(JSON.stringify(watched()));
  $effect(() => {
    const target = JSON.parse(wanted) as Watched | null;
    if (!target) return;
    const begun = new LiveStream(target, handlers, { since: untrack(since) });
    begun.start();
    stream = begun;
    return () => {
      begun.stop();
      stream = null;
    };
  });
  return {
    get state() {
      return stream?.state ?? "off";
    },
    get degraded() {
      return stream?.degraded ?? false;
    },
  };
}
