import { describe, expect, it } from "vitest";

import { combine, usualStep } from "./combine";
import { figureOf, type Flow } from "./flows";
import { flow, T0 } from "./samples";

const bitrate = (of: Flow, at: number): number => figureOf(of, at, "bitrate_bps");
const s = (seconds: number): number => T0 + seconds * 1000;

describe("flows of one connection", () => {
  const audio = flow({ at: [5, 10, 15], figures: () => ({ bitrate_bps: 30 }) });
  const video = flow({
    kind: "video",
    at: [5, 10, 15],
    figures: (at) => (at === 10 ? {} : { bitrate_bps: 970 }),
  });

  it("are added where both are known, at the times of the reports", () => {
    expect(combine([audio, video], "sum", bitrate)).toEqual([
      [s(5), 1000],
      [s(10), 30],
      [s(15), 1000],
    ]);
  });

  it("have a mean of those that are known, and a maximum", () => {
    expect(combine([audio, video], "mean", bitrate).map(([, value]) => value)).toEqual([500, 30, 500]);
    expect(combine([audio, video], "max", bitrate).map(([, value]) => value)).toEqual([970, 30, 970]);
  });

  it("break once where nothing is known", () => {
    const holes = flow({
      at: [5, 10, 15, 20],
      figures: (at) => (at === 10 || at === 15 ? {} : { bitrate_bps: at }),
    });
    expect(combine([holes], "sum", bitrate)).toEqual([
      [s(5), 5],
      [s(10), null],
      [s(20), 20],
    ]);
    expect(combine([flow({ at: [5], figures: () => ({}) })], "sum", bitrate)).toEqual([]);
  });

  it("break where nobody looked", () => {
    const two = [
      flow({ at: [5, 10], figures: () => ({ bitrate_bps: 1 }) }),
      flow({ at: [305, 310], begin: 300, figures: () => ({ bitrate_bps: 2 }) }),
    ];
    expect(combine(two, "sum", bitrate)).toEqual([
      [s(5), 1],
      [s(10), 1],
      [s(10) + 1, null],
      [s(305), 2],
      [s(310), 2],
    ]);
  });
});

describe("flows of several connections", () => {
  const first = flow({ at: [10, 20, 30], figures: () => ({ bitrate_bps: 100 }) });
  const second = flow({
    connection: "ada-cy",
    begin: 5,
    at: [15, 25, 35],
    figures: (at) => ({ bitrate_bps: at }),
  });

  it("are shared out to steps by the time in each", () => {
    expect(usualStep([first, second])).toBe(10_000);
    expect(combine([first, second], "sum", bitrate)).toEqual([
      [s(10), 115],
      [s(20), 120],
      [s(30), 130],
      [s(40), 35],
    ]);
  });

  it("keep sets and maxima whole", () => {
    const bits = ({ connection }: Flow): number => (connection === "ada-bob" ? 1 : 2);
    expect(combine([first, second], "union", bits).map(([, value]) => value)).toEqual([3, 3, 3, 2]);
    expect(combine([first, second], "max", bitrate).map(([, value]) => value)).toEqual([100, 100, 100, 35]);
  });

  it("need no steps when they come in minutes", () => {
    const minutes = [first, second].map(({ connection }) =>
      flow({ connection, at: [60, 120], figures: () => ({ bitrate_bps: 7 }) }),
    );
    expect(combine(minutes, "sum", bitrate)).toEqual([
      [s(60), 14],
      [s(120), 14],
    ]);
  });
});
