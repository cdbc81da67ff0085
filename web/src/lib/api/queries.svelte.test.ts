import { createQuery } from "@tanstack/svelte-query";
import { flushSync } from "svelte";
import { expect, test } from "vitest";

import { ApiError } from "./errors";
import { answers } from "./queries";

/** A promise and how to keep it. */
function promised<T>(): { promise: Promise<T>; keep: (value: T) => void } {
  let keep: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => (keep = resolve));
  return { promise, keep };
}

test("an answer that came before anybody read it is shown once it is read", async () => {
  const client = answers();
  const first = promised<string>();
  const second = promised<string>();
  let shown: string | undefined;
  const stop = $effect.root(() => {
    const a = createQuery(
      () => ({ queryKey: ["a"], queryFn: () => first.promise }),
      () => client,
    );
    const b = createQuery(
      () => ({ queryKey: ["b"], queryFn: () => second.promise }),
      () => client,
    );
    const both = $derived(a.data && b.data ? `${a.data} ${b.data}` : undefined);
    const failed = $derived(a.error ?? b.error);
    $effect(() => {
      shown = failed ? "failed" : both;
    });
  });
  const told = async (key: string): Promise<void> => {
    await expect.poll(() => client.getQueryData([key])).toBeDefined();
    flushSync();
  };
  flushSync();
  second.keep("late");
  await told("b");
  first.keep("early");
  await told("a");
  await expect.poll(() => (flushSync(), shown)).toBe("early late");
  stop();
  client.clear();
});

test("what failed without a server is asked again when another answer has come", async () => {
  const client = answers();
  let away = true;
  let asked = 0;
  const stop = $effect.root(() => {
    createQuery(
      () => ({
        queryKey: ["chart"],
        queryFn: () => {
          asked += 1;
          return away ? Promise.reject(new ApiError(0, "network", "away")) : Promise.resolve("figures");
        },
        retry: false,
      }),
      () => client,
    );
    createQuery(
      () => ({
        queryKey: ["refused"],
        queryFn: () => Promise.reject(new ApiError(400, "no", "no")),
        retry: false,
      }),
      () => client,
    );
  });
  await expect.poll(() => client.getQueryState(["chart"])?.status).toBe("error");
  await expect.poll(() => client.getQueryState(["refused"])?.status).toBe("error");
  away = false;
  await client.fetchQuery({ queryKey: ["other"], queryFn: () => "there" });
  await expect.poll(() => client.getQueryData(["chart"])).toBe("figures");
  expect(asked).toBe(2);
  expect(client.getQueryState(["refused"])?.errorUpdateCount).toBe(1);
  stop();
  client.clear();
});
