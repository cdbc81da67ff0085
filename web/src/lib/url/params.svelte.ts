/**
 * Filters that live in the address, and nowhere else. A link reproduces the view, and back works.
 *
 *   const filters = urlState({ q: text(), issue: list(), page: number(1) });
 *   filters.values.q                          // follows the address
 *   filters.set({ issue: ["low_emos"] })      // a choice: a step that back undoes
 *   filters.type({ q: "stand" })              // typing: replaces the step
 */
import { goto } from "$app/navigation";
import { page } from "$app/state";

import { changed, readAll, type Spec, type ValuesOf } from "./params";

export * from "./params";

// Where the last change leads, while it is under way: two changes in a row must not undo each other.
let heading: URL | null = null;

async function go(url: URL, replace: boolean): Promise<void> {
  heading = url;
  try {
    await goto(url, { replaceState: replace, keepFocus: true, noScroll: true });
  } finally {
    if (heading === url) heading = null;
  }
}

export interface UrlState<S extends Spec> {
  readonly values: ValuesOf<S>;
  /** How many of the names given (or of all) are not at rest. */
  active(names?: readonly (keyof S & string)[]): number;
  set(values: Partial<ValuesOf<S>>): void;
  type(values: Partial<ValuesOf<S>>): void;
  /** Back to rest: the names given, or all. */
  clear(names?: readonly (keyof S & string)[]): void;
  /** The address with some values changed, for links. */
  href(values: Partial<ValuesOf<S>>): string;
}

export function urlState<S extends Spec>(spec: S): UrlState<S> {
  const values = $derived(readAll(spec, page.url.searchParams));
  const allNames = Object.keys(spec) as (keyof S & string)[];

  const to = (part: Partial<ValuesOf<S>>): URL => {
    // eslint-disable-next-line svelte/prefer-svelte-reactivity -- made anew each time, shown to nobody
    const url = new URL(heading ?? page.url);
    url.search = changed(spec, url.searchParams, part).toString();
    return url;
  };
  const atRest = (names: readonly (keyof S & string)[]): Partial<ValuesOf<S>> =>
    Object.fromEntries(names.map((name) => [name, spec[name]?.read([])])) as Partial<ValuesOf<S>>;

  return {
    get values() {
      return values;
    },
    active: (names = allNames) =>
      names.filter((name) => (spec[name]?.write(values[name]).length ?? 0) > 0).length,
    set: (part) => void go(to(part), false),
    type: (part) => void go(to(part), true),
    clear: (names = allNames) => void go(to(atRest(names)), false),
    href: (part) => {
      const url = to(part);
      return url.pathname + url.search;
    },
  };
}
