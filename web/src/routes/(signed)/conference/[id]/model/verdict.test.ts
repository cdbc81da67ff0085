import { describe, expect, it } from "vitest";

import { issue } from "./samples";
import { partsOf, spoken, worstFirst } from "./verdict";

describe("the parts of a score", () => {
  const lost = [
    { points: 12.5, why: "high_loss", cause: "network", culprit: null },
    { points: 3, why: "slow_set_up", cause: "none" },
  ];

  it("say what took points, by the titles of the issues, and leave out what there was nothing to lose in", () => {
    const parts = {
      connection: { points: 24.5, of: 40, lost },
      sound: { points: 25, of: 25, lost: [] },
      picture: null,
    };
    expect(partsOf({ parts }, [issue({ code: "high_loss", title: "Many packets were lost" })])).toEqual([
      {
        name: "Connection",
        points: 24.5,
        of: 40,
        lost: [
          { points: 12.5, why: "Many packets were lost", cause: "network" },
          { points: 3, why: "Slow set up", cause: "none" },
        ],
      },
      { name: "Sound", points: 25, of: 25, lost: [] },
    ]);
    expect(partsOf({ parts: null }, [])).toEqual([]);
    expect(spoken("never_connected")).toBe("Never connected");
  });

  it("are told of the worst first, of the unrated last", () => {
    const person = (score: number | null) => ({
      conference: "c",
      participant: String(score),
      participant_name: null,
      cause: "none",
      culprit: null,
      sentence: "",
      score,
      parts: null,
      events: [],
      issues: [],
      version: 1,
      computed_at: "",
    });
    const order = worstFirst({ conference: null, participants: [person(90), person(null), person(30)] });
    expect(order.map(({ score }) => score)).toEqual([30, 90, null]);
  });
});
