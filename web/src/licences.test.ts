// @vitest-environment node
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { described, document, folderOf } from "../licences";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "licences-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(about: object): void {
  writeFileSync(join(folder, "package.json"), JSON.stringify(about));
}

describe("licences", () => {
  it("finds the package of a module, the innermost one", () => {
    expect(folderOf("/w/node_modules/clsx/dist/clsx.mjs")).toBe("/w/node_modules/clsx");
    expect(folderOf("/w/node_modules/a/node_modules/@b/c/x.js")).toBe("/w/node_modules/a/node_modules/@b/c");
    expect(folderOf("\0/w/node_modules/clsx/x.js?commonjs")).toBe("/w/node_modules/clsx");
    expect(folderOf("/w/src/routes/+page.svelte")).toBeNull();
    expect(folderOf("\0vite/modulepreload-polyfill.js")).toBeNull();
  });

  it("names a package with all its texts", () => {
    write({ name: "charts", version: "1.2.3", license: "Apache-2.0" });
    writeFileSync(join(folder, "LICENSE"), "the licence\n");
    writeFileSync(join(folder, "NOTICE"), "the notice\n");
    writeFileSync(join(folder, "noticeboard.js"), "code");

    const text = document([described(folder)]);

    expect(text).toContain("- charts 1.2.3: Apache-2.0\n");
    expect(text).toContain("the licence\n\nthe notice\n");
    expect(text).not.toContain("code");
  });

  it.each([{ license: "GPL-3.0" }, { license: "SEE LICENSE IN FILE" }, {}])("stops at %o", (about) => {
    write({ name: "odd", version: "1.0.0", ...about });

    expect(() => described(folder)).toThrow("odd: its licence");
  });
});
