/** Changing an app: the request, what it says back, and the lists that show it. */
import { createMutation, useQueryClient } from "@tanstack/svelte-query";

import { api, ApiError, call, key, type paths } from "$lib/api";
import { toast } from "$lib/ui";

export type AppChange = NonNullable<
  paths["/v1/apps/{app_id}"]["put"]["requestBody"]
>["content"]["application/json"];

export function changingApp(appId: () => string) {
  const client = useQueryClient();
  return createMutation(() => ({
    mutationFn: (change: AppChange) =>
      call(api.PUT("/v1/apps/{app_id}", { params: { path: { app_id: appId() } }, body: change })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: key("apps") });
      toast("Saved");
    },
  }));
}

/** The refusal of one field, or of all that names no field when `field` is null. */
export function refusalOf(error: unknown, field: string | null): string | null {
  if (!error) return null;
  if (!(error instanceof ApiError)) return field === null ? "That did not work. Try again." : null;
  return (error.field ?? null) === field ? error.message : null;
}
