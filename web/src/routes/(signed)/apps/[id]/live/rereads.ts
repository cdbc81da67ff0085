/**
 * When the snapshot is read again: soon after a change, then at most once in a while, and once more when an answer
 * may be older than the change. The server remembers its answer for two seconds.
 */
const SOON_MS = 250;
const EVERY_MS = 3_000;
const REMEMBERED_MS = 2_200;

export class Rereads {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #readMs = -Infinity;
  #changedMs = -Infinity;
  readonly #read: () => Promise<unknown>;
  #stopped = false;

  constructor(read: () => Promise<unknown>) {
    this.#read = read;
  }

  changed(): void {
    this.#changedMs = Date.now();
    this.#plan(SOON_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #plan(soonMs: number): void {
    if (this.#timer !== undefined || this.#stopped) return;
    const wait = Math.max(soonMs, this.#readMs + EVERY_MS - Date.now());
    this.#timer = setTimeout(() => void this.#go(), wait);
  }

  async #go(): Promise<void> {
    this.#readMs = Date.now();
    try {
      await this.#read();
    } catch {
      // The next change, or the slow round, reads again; what is shown stays.
    } finally {
      this.#timer = undefined;
      if (this.#readMs - this.#changedMs < REMEMBERED_MS) this.#plan(EVERY_MS);
    }
  }
}
