/** The filter row that all lists and charts of an app share: what ran, on what, from where. */
import { api, call, key } from "$lib/api";
import { queryOptions } from "@tanstack/svelte-query";

import { list } from "$lib/url";
import type { RangeBounds } from "$lib/url";

/** Search parameters of the filters, in the order of the row. */
export const NARROWING = ["appVersion", "browser", "os", "country", "sdk"] as const;
export type Narrowing = (typeof NARROWING)[number];

/** For `urlState`. Lists of one value at most: the server compares with one. */
export const narrowSpec = { appVersion: list(), browser: list(), os: list(), country: list(), sdk: list() };

export const NARROW_WORDS: Record<Narrowing, string> = {
  appVersion: "App version",
  browser: "Browser",
  os: "System",
  country: "Country",
  sdk: "SDK",
};

/** Names of the filters at the server. */
export const DIMENSIONS: Record<Narrowing, string> = {
  appVersion: "app_version",
  browser: "browser",
  os: "os",
  country: "country",
  sdk: "webrtc_sdk",
};

/** The filters as the server's routes want them; those that are not set are left out. */
export function narrowed(values: Record<Narrowing, readonly string[]>): Record<string, string> {
  return Object.fromEntries(
    NARROWING.flatMap((name) => {
      const [first] = values[name];
      return first ? [[DIMENSIONS[name], first] as const] : [];
    }),
  );
}

/** Values that sessions of an app had in a stretch of time, with how many sessions had each. */
export function dimensionsQuery(appId: string, bounds: RangeBounds) {
  return queryOptions({
    queryKey: key("dimensions", appId, { ...bounds }),
    queryFn: async ({ signal }) =>
      (
        await call(
          api.GET("/v1/apps/{app_id}/dimensions", {
            params: { path: { app_id: appId }, query: bounds },
            signal,
          }),
        )
      ).data,
    staleTime: 120_000,
    enabled: appId !== "",
  });
}

const REGIONS = typeof Intl === "undefined" ? undefined : new Intl.DisplayNames(["en"], { type: "region" });

/** "DE" as "Germany"; what is no country code stays as it is. */
export function countryName(code: string): string {
  if (!/^[A-Z]{2}$/.test(code)) return code;
  try {
    return REGIONS?.of(code) ?? code;
  } catch {
    return code;
  }
}

/** How a value of a filter reads. */
export function valueName(name: Narrowing, value: string): string {
  return name === "country" ? countryName(value) : value;
}
