/** Searching while somebody types: from two letters on, 300 ms after the last one or at once, the last question only. */
import { ApiError } from "$lib/api/errors";

export interface Hit {
  name: string;
  /** The application's own id; empty for apps and organizations. */
  id: string;
  url: string;
  type: string;
}

export const LEAST_LETTERS = 2;
export const PAUSE_MS = 300;

export class Searcher {
  text = $state("");
  /** What the hits are for; null before the first answer. */
  answered = $state<string | null>(null);
  hits = $state.raw<Hit[]>([]);
  busy = $state(false);
  problem = $state("");

  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | undefined;
  readonly #ask: (text: string, signal: AbortSignal) => Promise<Hit[]>;

  constructor(ask: (text: string, signal: AbortSignal) => Promise<Hit[]>) {
    this.#ask = ask;
  }

  type(text: string): void {
    this.text = text;
    this.#stop();
    if (text.trim().length < LEAST_LETTERS) {
      this.hits = [];
      this.answered = null;
      this.problem = "";
      return;
    }
    this.#timer = setTimeout(() => void this.now(), PAUSE_MS);
  }

  /** At once, as Enter wants it. */
  async now(): Promise<void> {
    this.#stop();
    const wanted = this.text.trim();
    if (wanted.length < LEAST_LETTERS) return;
    const asking = new AbortController();
    this.#asking = asking;
    this.busy = true;
    try {
      const hits = await this.#ask(wanted, asking.signal);
      if (this.#asking !== asking) return; // a newer question is under way
      this.hits = hits;
      this.answered = wanted;
      this.problem = "";
    } catch (thrown) {
      if (this.#asking !== asking) return;
      this.hits = [];
      this.problem = thrown instanceof ApiError ? thrown.message : "The search failed.";
    } finally {
      if (this.#asking === asking) this.#stop();
    }
  }

  clear(): void {
    this.type("");
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = undefined;
    this.busy = false;
  }
}
