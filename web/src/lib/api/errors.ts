/** What can go wrong with a request, in one shape whatever dialect the refusal came in. */

/** A refusal in the server's words, or the network's. `status` 0: no answer came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** The field of the request that is wrong, if it is one. */
    readonly field?: string,
    /** Seconds after which asking again makes sense. */
    readonly retryAfterS?: number,
    /** Which of several things is wrong, where a code has several. */
    readonly problem?: string,
  ) {
    super(message);
    this.name = "ApiError";
  }

  get offline(): boolean {
    return this.status === 0;
  }

  /** Whether there was no server to answer: none at all, or a proxy alone. */
  get away(): boolean {
    return this.status === 0 || (this.status >= 502 && this.status <= 504);
  }

  /** Whether asking again might help. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

type Told = Record<string, unknown>;

function isObject(value: unknown): value is Told {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** `Retry-After` as seconds from now; it may be a number or a date (RFC 9110, 10.2.3). */
export function retryAfter(header: string | null, now = Date.now()): number | undefined {
  if (!header) return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1000));
}

const WORDS: Record<number, string> = {
  401: "You are signed out.",
  403: "You may not do this.",
  404: "There is nothing here, or it is not yours to see.",
  413: "This is too large.",
  429: "Too many requests.",
  502: "The server cannot be reached by its proxy.",
  503: "The server cannot answer now.",
  504: "The server took too long.",
};

function wordsFor(status: number): string {
  return WORDS[status] ?? (status >= 500 ? "The server failed." : "The server refused this.");
}

/** The error in a refusal: `{"error_code", "message", "field"}` or `{"error": {"code", "message", …}}`. */
export function fromAnswer(status: number, body: unknown, headers?: Headers): ApiError {
  const outer: Told = isObject(body) ? body : {};
  const told: Told = isObject(outer["error"]) ? outer["error"] : outer;
  const code = text(told["code"]) ?? text(told["error_code"]) ?? `http_${status}`;
  const message = text(told["message"]) ?? wordsFor(status);
  const field = text(told["field"]) ?? text(told["parameter"]);
  return new ApiError(
    status,
    code,
    message,
    field,
    retryAfter(headers?.get("retry-after") ?? null),
    text(told["problem"]),
  );
}

/** Anything thrown, as an ApiError. An aborted request stays what it is, since nobody waits for it. */
export function asApiError(thrown: unknown): unknown {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof DOMException && thrown.name === "AbortError") return thrown;
  return new ApiError(0, "network", "The server cannot be reached. Are you online, and is it running?");
}
