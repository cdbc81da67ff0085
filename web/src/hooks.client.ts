import type { HandleClientError } from "@sveltejs/kit";

/** A mistyped address is told on the page; what broke is told in the console, too, for whoever looks there. */
export const handleError: HandleClientError = ({ error, status, message }) => {
  if (status !== 404) console.error(error);
  return { message };
};
