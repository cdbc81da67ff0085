import type { HandleClientError } from "@sveltejs/kit";

// How browsers say that a part of the site did not come; no standard names it.
const NOT_LOADED = /dynamically imported module|importing a module script failed/i;

/** A mistyped address or a server that is away is told on the page; what broke is told in the console, too. */
export const handleError: HandleClientError = ({ error, status, message }) => {
  if (error instanceof Error && NOT_LOADED.test(error.message)) return { message, away: true };
  if (status !== 404) console.error(error);
  return { message };
};
