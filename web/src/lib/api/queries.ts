/** How answers are kept and asked for again, the same for all pages. */
import { QueryClient } from "@tanstack/svelte-query";

import { retryOnce } from "./client";

/**
 * The store of answers. Every change of a query is told to whoever reads it: by itself TanStack Query tells only of what
 * was read before, and in `a.data && b.data` the second is not read until the first is there. An answer that came
 * meanwhile was then never shown.
 */
export function answers(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 15_000,
        retry: retryOnce,
        refetchOnWindowFocus: false,
        notifyOnChangeProps: "all",
      },
    },
  });
}
