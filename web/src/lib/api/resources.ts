/** What every page needs: who is signed in, their organizations and apps. Each is options for `createQuery`. */
import { queryOptions } from "@tanstack/svelte-query";

import { api, call } from "./client";
import { key } from "./keys";
import type { components } from "./schema";

export type App = components["schemas"]["AppItem"];
export type Organization = components["schemas"]["OrganizationItem"];

/** A list without `limit` comes whole, under `data`; with `limit` as `results` and `count`. */
export interface Listing<T> {
  data?: T[] | null;
  results?: T[] | null;
  count?: number | null;
}

/** The rows of a list, whichever shape it has. */
export function rowsOf<T>(list: Listing<T> | undefined): T[] {
  return list?.data ?? list?.results ?? [];
}

export type Me = components["schemas"]["Me"];

export const appsQuery = queryOptions({
  queryKey: key("apps"),
  queryFn: async ({ signal }) => rowsOf<App>(await call(api.GET("/v1/apps", { signal }))),
  staleTime: 60_000,
});

export const organizationsQuery = queryOptions({
  queryKey: key("organizations"),
  queryFn: async ({ signal }) => rowsOf<Organization>(await call(api.GET("/v1/organizations", { signal }))),
  staleTime: 60_000,
});

export const meQuery = queryOptions({
  queryKey: key("me"),
  queryFn: async ({ signal }) => (await call(api.GET("/v1/me", { signal }))).data,
  staleTime: 60_000,
});
