/**
 * Whether a page has all that it shows at first. Queries and charts are counted by themselves; a page that waits for
 * something else says so with `waitFor(() => isThere)`. Once ready, a page stays so until another one is entered.
 */
import { type QueryClient, useQueryClient } from "@tanstack/svelte-query";
import { SvelteSet } from "svelte/reactivity";

import { afterNavigate, beforeNavigate } from "$app/navigation";

// On entering there is a `from` without an address, whatever its type says.
function pathOf(target: { url: URL | null } | null): string | undefined {
  return target?.url?.pathname;
}

const gates = new SvelteSet<symbol>();

/** In a component's script. */
export function waitFor(there: () => boolean): void {
  const gate = Symbol("gate");
  $effect(() => {
    if (there()) gates.delete(gate);
    else gates.add(gate);
  });
  $effect(() => () => gates.delete(gate));
}

/**
 * How many queries wait for their first answer. Told with the next picture: a query may begin while something is
 * derived, where no state may change.
 */
function firstAnswers(client: QueryClient): { readonly current: number } {
  const cache = client.getQueryCache();
  const counted = (): number =>
    cache.findAll({ fetchStatus: "fetching", predicate: (query) => query.state.status === "pending" }).length;
  let current = $state(0);
  $effect(() => {
    let picture = 0;
    const stop = cache.subscribe(() => {
      picture ||= requestAnimationFrame(() => {
        picture = 0;
        current = counted();
      });
    });
    current = counted();
    return () => {
      cancelAnimationFrame(picture);
      stop();
    };
  });
  return {
    get current() {
      return current;
    },
  };
}

/** For the layout that holds `<main>`. */
export function pageReady(): { readonly current: boolean } {
  let ready = $state(false);
  const reading = firstAnswers(useQueryClient());

  beforeNavigate(({ to, from, willUnload }) => {
    if (!willUnload && pathOf(to) !== pathOf(from)) ready = false;
  });
  let entered = $state(0);
  afterNavigate(({ to, from }) => {
    if (pathOf(to) !== pathOf(from)) entered += 1;
  });

  // A query may begin when another one has ended: only what is quiet for four pictures is ready.
  $effect(() => {
    if (ready || entered === 0 || reading.current > 0 || gates.size > 0) return;
    let left = 4;
    let picture = requestAnimationFrame(function next() {
      left -= 1;
      if (left > 0) picture = requestAnimationFrame(next);
      else ready = true;
    });
    return () => {
      cancelAnimationFrame(picture);
    };
  });

  return {
    get current() {
      return ready;
    },
  };
}
