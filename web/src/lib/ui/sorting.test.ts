import { describe, expect, it } from "vitest";

import { directionOf, pressed, sorted } from "./sorting";

interface Row {
  name: string;
  n: number | null;
}
const rows: Row[] = [
  { name: "item 10", n: 2 },
  { name: "Item 2", n: null },
  { name: "äpfel", n: 1 },
];
const columns = [
  { key: "name", title: "Name", value: (row: Row) => row.name },
  { key: "n", title: "N", value: (row: Row) => row.n },
  { key: "none", title: "" },
];
const names = (sort: string) => sorted(rows, columns, sort).map((row) => row.name);

describe("sorting", () => {
  it("goes by words and numbers as people do", () => {
    expect(names("name")).toEqual(["äpfel", "Item 2", "item 10"]);
    expect(names("-name")).toEqual(["item 10", "Item 2", "äpfel"]);
  });

  it("puts what has no value last both ways", () => {
    expect(names("n")).toEqual(["äpfel", "item 10", "Item 2"]);
    expect(names("-n")).toEqual(["item 10", "äpfel", "Item 2"]);
  });

  it("leaves the order alone without a column to go by", () => {
    expect(names("")).toEqual(rows.map((row) => row.name));
    expect(names("none")).toEqual(rows.map((row) => row.name));
  });

  it("turns with each press", () => {
    expect(pressed("", { key: "n" })).toBe("n");
    expect(pressed("n", { key: "n" })).toBe("-n");
    expect(pressed("-n", { key: "n" })).toBe("n");
    expect(pressed("n", { key: "at", descending: true })).toBe("-at");
    expect(directionOf("-n", "n")).toBe("descending");
    expect(directionOf("-n", "name")).toBe("none");
  });
});
