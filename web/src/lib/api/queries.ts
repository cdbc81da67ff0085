/** How answers are kept and asked for again, the same for all pages. */
import { QueryClient } from "@tanstack/svelte-query";

import { retryOnce } from "./client";
import { ApiError } from "./errors";

/**
 * The store of answers. Every change of a query is told to whoever reads it: by itself TanStack Query tells only of what
 * was read before, and in `a.data && b.data` the second is not read until the first is there. An answer that came
 * meanwhile was then never shown.
 */
export function answers(): QueryClient {
  const client = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 15_000,
        retry: retryOnce,
        refetchOnWindowFocus: false,
        notifyOnChangeProps: "all",
      },
    },
  });
  mendTogether(client);
  return client;
}

/** An answer says that the server is back: what failed because it was away is asked again, so nobody mends chart by chart. */
function mendTogether(client: QueryClient): void {
  client.getQueryCache().subscribe((event) => {
    if (event.type !== "updated" || event.action.type !== "success") return;
    void client.refetchQueries({
      type: "active",
      predicate: ({ state }) =>
        state.status === "error" && state.error instanceof ApiError && state.error.away,
    });
  });
}
