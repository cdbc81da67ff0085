/** The server's JSON interface, typed by its own OpenAPI document. */
import createClient from "openapi-fetch";

import type { paths } from "./schema";

/** One client for all pages: same origin, login by cookie. */
export const api = createClient<paths>({ baseUrl: "/", credentials: "same-origin" });

/** A refusal in the server's words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field?: string,
  ) {
    super(message);
    this.name = "ApiError";
  }
}
