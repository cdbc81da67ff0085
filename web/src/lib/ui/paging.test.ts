import { expect, it } from "vitest";

import { lastPage, pagesAround } from "./paging";

it("offers the pages that one goes to", () => {
  expect(pagesAround(1, 1)).toEqual([1]);
  expect(pagesAround(1, 10)).toEqual([1, 2, null, 10]);
  expect(pagesAround(4, 10)).toEqual([1, 2, 3, 4, 5, null, 10]);
  expect(pagesAround(5, 10)).toEqual([1, null, 4, 5, 6, null, 10]);
  expect(pagesAround(7, 10)).toEqual([1, null, 6, 7, 8, 9, 10]);
  expect(pagesAround(10, 10)).toEqual([1, null, 9, 10]);
});

it("has one page even of nothing", () => {
  expect(lastPage(0, 20)).toBe(1);
  expect(lastPage(20, 20)).toBe(1);
  expect(lastPage(21, 20)).toBe(2);
});
