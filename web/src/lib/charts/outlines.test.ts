import { expect, it } from "vitest";

import { unwrapped } from "./outlines";

it("goes on beyond the edge of the map", () => {
  expect(
    unwrapped([
      [170, 60],
      [179, 61],
      [-179, 62],
      [-170, 60],
      [179, 59],
      [170, 60],
    ]).map(([longitude]) => longitude),
  ).toEqual([170, 179, 181, 190, 179, 170]);
});

it("leaves what does not cross it", () => {
  const ring = [
    [-10, 0],
    [10, 0],
    [0, 10],
    [-10, 0],
  ];
  expect(unwrapped(ring)).toEqual(ring);
});

it("puts what begins west of the edge to the east of it, too", () => {
  expect(
    unwrapped([
      [-179, -16],
      [178, -17],
      [177, -18],
      [-179, -16],
    ]).map(([longitude]) => longitude),
  ).toEqual([181, 178, 177, 181]);
});
