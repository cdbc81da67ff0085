import { describe, expect, it } from "vitest";

import { fileName, toCsv } from "./csv";

describe("toCsv", () => {
  it("quotes what needs it, and only that", () => {
    expect(
      toCsv(
        ["name", "n"],
        [
          ["plain", 1],
          ['say "a, b"', null],
          ["two\nlines", true],
        ],
      ),
    ).toBe('name,n\r\nplain,1\r\n"say ""a, b""",\r\n"two\nlines",true\r\n');
  });

  it("lets no text become a formula", () => {
    const rows = [["=1+1"], ["+1"], ["-1"], ["@x"], ["\tx"], [-1], ["a=b"]];
    expect(toCsv(["x"], rows)).toBe("x\r\n'=1+1\r\n'+1\r\n'-1\r\n'@x\r\n'\tx\r\n-1\r\na=b\r\n");
  });

  it("writes times in UTC and no NaN", () => {
    const rows = [[new Date("2026-01-15T10:30:00Z"), Number.NaN, undefined]];
    expect(toCsv(["at", "x", "y"], rows)).toBe("at,x,y\r\n2026-01-15T10:30:00.000Z,,\r\n");
  });
});

it("names files so that every system takes them", () => {
  const at = new Date("2026-01-15T23:00:00Z");
  expect(fileName("Conferences: Straße/2", "csv", at)).toBe("conferences-stra-e-2-2026-01-15.csv");
  expect(fileName("…", "png", at)).toBe("signalbox-2026-01-15.png");
});
