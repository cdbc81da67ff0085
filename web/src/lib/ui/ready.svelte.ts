/**
 * Whether a page has all that it shows at first. Queries and charts are counted by themselves; a page that waits for
 * something else says so with `waitFor(() => isThere)`. Once ready, a page stays so until another one is entered.
 */
import { useIsFetching } from "@tanstack/svelte-query";
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

/** For the layout that holds `<main>`. */
export function pageReady(): { readonly current: boolean } {
  let ready = $state(false);
  const reading = useIsFetching({ predicate: (query) => query.state.status === "pending" });

  beforeNavigate(({ to, from, willUnload }) => {
    if (!willUnload && pathOf(to) !== pathOf(from)) ready = false;
  });
  let entered = $state(0);
  afterNavigate(({ to, from }) => {
    if (pathOf(to) !== pathOf(from)) entered += 1;
  });

  // A query may begin when another one has ended: only what is quiet for three pictures is ready.
  $effect(() => {
    if (ready || entered === 0 || reading.current > 0 || gates.size > 0) return;
    let left = 3;
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
