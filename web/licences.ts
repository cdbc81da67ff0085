/** What others have written of the dashboard: the licences of every package in the build, as one file beside it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Plugin } from "vite";

/** Licences under which a package may be shipped inside of an Apache-2.0 program. */
const PERMITTED = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "ISC",
  "MIT",
  "OFL-1.1",
]);
/** What packages that do not name their licence have as the first line of its text. */
const BY_TITLE: Record<string, string> = {
  "MIT License": "MIT",
  "The MIT License (MIT)": "MIT",
  "ISC License": "ISC",
};
const TEXTS = /^(licen[cs]e|copying|notice)(?![a-z])/i;

interface Package {
  name: string;
  version: string;
  licence: string;
  texts: string[];
}

/** The folder of the package that a module belongs to; null for our own and for what bundlers make up. */
export function folderOf(module: string): string | null {
  const found = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module.replaceAll("\\", "/"));
  return found?.[1] ?? null;
}

/** Name, version, licence and every text of it that the package brings. Throws for a licence that is not permitted. */
export function described(folder: string): Package {
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, unknown>;
  const name = String(about["name"]);
  const texts = readdirSync(folder)
    .filter((file) => TEXTS.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), "utf8").trim());
  const title = texts[0]?.split("\n")[0]?.trim() ?? "";
  const licence = String(about["license"] ?? BY_TITLE[title] ?? "unknown");
  if (!PERMITTED.has(licence))
    throw new Error(`${name}: its licence, ${licence}, is not known to be permitted`);
  return { name, version: String(about["version"]), licence, texts };
}

/** One text for people: a list first, then the licences. */
export function document(packages: Package[]): string {
  const lines = packages.map(({ name, version, licence }) => `- ${name} ${version}: ${licence}`);
  const parts = packages.map(({ name, version, licence, texts }) => {
    const title = `${name} ${version} (${licence})`;
    return [title, "-".repeat(title.length), ...texts].join("\n\n");
  });
  return ["The dashboard contains parts of these packages.", lines.join("\n"), ...parts].join("\n\n") + "\n";
}

/** Writes `fileName` into the build for the browser. */
export function licences(fileName: string): Plugin {
  let forBrowsers = false;
  return {
    name: "signalbox-licences",
    apply: "build",
    configResolved(config) {
      forBrowsers = !config.build.ssr;
    },
    generateBundle() {
      if (!forBrowsers) return;
      const folders = new Set<string>();
      for (const module of this.getModuleIds()) {
        const folder = folderOf(module);
        if (folder !== null && existsSync(join(folder, "package.json"))) folders.add(folder);
      }
      const packages = [...folders].map(described).sort((one, other) => (one.name < other.name ? -1 : 1));
      this.emitFile({ type: "asset", fileName, source: document(packages) });
    },
  };
}
