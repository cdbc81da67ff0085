/** The server's JSON interface, typed by its own OpenAPI document. */
import createClient from "openapi-fetch";

import { ApiError, asApiError, fromAnswer } from "./errors";
import type { paths } from "./schema";

/** One client for all pages: same origin, login by cookie. */
export const api = createClient<paths>({ baseUrl: "/", credentials: "same-origin" });

interface Answer<T> {
  data?: T | undefined;
  error?: unknown;
  response: Response;
}

let signedOut: () => void = () => undefined;

/** Say what happens when an answer says that nobody is signed in. */
export function onSignedOut(act: () => void): void {
  signedOut = act;
}

export interface CallOptions {
  /** Leave a 401 to the caller, as the sign-in form does. */
  quiet?: boolean;
}

/**
 * The body of an answer of `api`, or an ApiError thrown: `call(api.GET("/v1/apps", { signal }))`.
 * Nobody signed in leads to the sign-in page, and from there back.
 */
export async function call<T>(request: Promise<Answer<T>>, options: CallOptions = {}): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch (thrown) {
    throw asApiError(thrown);
  }
  if (answer.response.ok) return answer.data as T;
  const error = fromAnswer(answer.response.status, answer.error, answer.response.headers);
  if (error.status === 401 && !options.quiet) signedOut();
  throw error;
}

/** For the few routes that the document does not describe. */
export async function request<T>(
  method: string,
  path: string,
  options: CallOptions & { body?: unknown; signal?: AbortSignal | undefined } = {},
): Promise<T> {
  const { body, signal, ...rest } = options;
  const init: RequestInit = {
    method,
    credentials: "same-origin",
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  };
  return call<T>(
    fetch(path, init).then(async (response) => {
      const told: unknown = await response.json().catch(() => undefined);
      return response.ok ? { data: told as T, response } : { error: told, response };
    }),
    rest,
  );
}

/** Whether TanStack Query should ask again by itself: once, and only for what passes. */
export function retryOnce(failures: number, error: unknown): boolean {
  return failures < 1 && error instanceof ApiError && error.passing && error.status !== 429;
}

export { ApiError } from "./errors";
