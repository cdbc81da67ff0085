/** Alerts as pages ask for them. Each is options for `createQuery`. */
import { keepPreviousData, queryOptions } from "@tanstack/svelte-query";

import { api, call, key, rowsOf } from "$lib/api";

import type { Alert, RuleItem } from "./words";

/** How often what is open is asked for again: rules look once a minute. */
const FRESH_MS = 15_000;
const SHOWN = 100;

/** The open alerts of one app, or (null) of all that the reader sees; those that are parts of another are left out. */
export function openAlertsQuery(appId: string | null) {
  return queryOptions({
    queryKey: key("alerts", "open", { appId }),
    queryFn: async ({ signal }): Promise<{ alerts: Alert[]; count: number }> => {
      const query = {
        state: "open",
        parts: "no",
        limit: String(SHOWN),
        offset: "0",
        ...(appId ? { appId } : {}),
      };
      const found = await call(api.GET("/v1/alerts", { params: { query }, signal }));
      return { alerts: rowsOf<Alert>(found), count: found.count ?? 0 };
    },
    refetchInterval: FRESH_MS,
    placeholderData: keepPreviousData,
  });
}

export function rulesQuery(appId: string) {
  return queryOptions({
    queryKey: key("alert rules", appId),
    queryFn: async ({ signal }): Promise<RuleItem[]> => {
      const params = { path: { app_id: appId } };
      const { data } = await call(api.GET("/v1/alerts/apps/{app_id}/rules", { params, signal }));
      return (data ?? []) as RuleItem[];
    },
  });
}

export const figuresQuery = queryOptions({
  queryKey: key("alert figures"),
  queryFn: async ({ signal }) => (await call(api.GET("/v1/alerts/figures", { signal }))).data ?? [],
  staleTime: 600_000,
});
