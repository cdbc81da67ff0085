/** Keeps the page up to date while the call runs: what a change names is read again, in bursts, and shown without flicker. */
import { useQueryClient } from "@tanstack/svelte-query";

import { key } from "$lib/api";
import { gathered, live } from "$lib/live";

import { type Events, eventsQuery, newEvents } from "./data";
import { AGED, agedBy } from "./model/aged";

const BURST_MS = 1_000;
const CALM_MS = 10_000;

/** In a component's script. `running`: whether the call goes on; without that there is nothing to follow. */
export function watchConference(id: () => string, running: () => boolean): ReturnType<typeof live> {
  const client = useQueryClient();
  let asking = false;

  async function addEvents(): Promise<void> {
    const { queryKey } = eventsQuery(id());
    const known = client.getQueryData<Events>(queryKey);
    if (!known || asking) return;
    asking = true;
    try {
      client.setQueryData(queryKey, await newEvents(id(), known));
    } catch {
      // The next change asks again; what is shown stays.
    } finally {
      asking = false;
    }
  }

  function readAgain(kinds: readonly string[]): void {
    for (const part of agedBy(kinds)) {
      const queryKey = part === "conference" ? key("conference", id()) : key("conference", id(), part);
      void client.invalidateQueries({ queryKey, exact: part !== "path" });
    }
    void addEvents();
  }

  const changes = gathered<string>(readAgain, BURST_MS);
  // Samples say that time has passed: events without news of their own, as custom ones, are looked for.
  const samples = gathered<string>(readAgain, CALM_MS);
  const everything = (): void => readAgain(Object.keys(AGED));
  $effect(() => () => {
    changes.stop();
    samples.stop();
  });

  return live(() => (running() ? { conferenceId: id() } : null), {
    conference: () => changes.add("conference"),
    session: () => changes.add("session"),
    connection: () => changes.add("connection"),
    issue: () => changes.add("issue"),
    sample: () => samples.add("sample"),
    ready: everything,
    reset: everything,
  });
}
