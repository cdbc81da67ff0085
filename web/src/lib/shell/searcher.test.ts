import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { ApiError } from "$lib/api/errors";

import { type Hit, Searcher } from "./searcher.svelte";

const hit = (name: string): Hit => ({ name, id: "1", url: `/conference/${name}`, type: "conference" });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("asks from two letters on, 300 ms after the last", async () => {
  const ask = vi.fn((text: string) => Promise.resolve([hit(text)]));
  const search = new Searcher(ask);
  search.type("s");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ask).not.toHaveBeenCalled();
  search.type("st");
  await vi.advanceTimersByTimeAsync(299);
  search.type("sta");
  await vi.advanceTimersByTimeAsync(299);
  expect(ask).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(ask.mock.calls.map(([text]) => text)).toEqual(["sta"]);
  expect(search.hits).toEqual([hit("sta")]);
  expect(search.answered).toBe("sta");
});

it("asks at once on Enter, and not again", async () => {
  const ask = vi.fn((text: string) => Promise.resolve([hit(text)]));
  const search = new Searcher(ask);
  search.type("stand");
  await search.now();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ask).toHaveBeenCalledOnce();
});

it("drops answers that come too late", async () => {
  const answers = new Map<string, (hits: Hit[]) => void>();
  const search = new Searcher((text) => new Promise((resolve) => answers.set(text, resolve)));
  search.type("old");
  const first = search.now();
  search.type("new");
  const second = search.now();
  answers.get("new")?.([hit("new")]);
  await second;
  answers.get("old")?.([hit("old")]);
  await first;
  expect(search.hits).toEqual([hit("new")]);
  expect(search.busy).toBe(false);
});

it("forgets everything when it is emptied, what is under way too", async () => {
  let answer: (hits: Hit[]) => void = () => undefined;
  const search = new Searcher(() => new Promise((resolve) => (answer = resolve)));
  search.type("stand");
  const asked = search.now();
  search.clear();
  answer([hit("stand")]);
  await asked;
  expect([search.hits, search.answered, search.busy]).toEqual([[], null, false]);
});

it("says what went wrong", async () => {
  const search = new Searcher(() => Promise.reject(new ApiError(429, "rate_limited", "Too many requests.")));
  search.type("stand");
  await search.now();
  expect(search.problem).toBe("Too many requests.");
});
