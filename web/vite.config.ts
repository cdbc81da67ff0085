import { sveltekit } from "@sveltejs/kit/vite";
import { svelteTesting } from "@testing-library/svelte/vite";
import type { ProxyOptions } from "vite";
import { defineConfig } from "vitest/config";

import { licences } from "./licences";

// `make web-dev` beside a running server: the interface goes there, the pages come from here. The server compares the origin
// with the host that was asked, so the host stays what the browser has sent.
const server: ProxyOptions = {
  target: process.env["SIGNALBOX_URL"] ?? "http://127.0.0.1:8000",
  changeOrigin: false,
  // Some addresses are pages to be read and doors to be written to.
  bypass: (request) =>
    request.method === "GET" && request.headers.accept?.includes("text/html") ? request.url : undefined,
};

export default defineConfig({
  plugins: [sveltekit(), svelteTesting(), licences("app/licences.txt")],
  build: {
    target: "es2022",
    chunkSizeWarningLimit: 700,
    // A page was made of eighty files, most of them below a kilobyte: asking for each took longer than reading it.
    rollupOptions: { output: { experimentalMinChunkSize: 12_000 } },
  },
  server: {
    proxy: Object.fromEntries(
      ["/v1", "/login", "/logout", "/change-password"].map((path) => [`^${path}(/|$|\\?)`, server]),
    ),
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.ts", "*.test.ts"],
    setupFiles: ["src/test-setup.ts"],
  },
});
