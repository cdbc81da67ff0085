import { sveltekit } from "@sveltejs/kit/vite";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

const server = process.env["SIGNALBOX_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [sveltekit(), svelteTesting()],
  build: { target: "es2022", chunkSizeWarningLimit: 700 },
  // `npm run dev` beside a running server: the interface goes there, the pages come from here.
  server: {
    proxy: { "/v1": server, "/login": server, "/logout": server },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.ts"],
    setupFiles: ["src/test-setup.ts"],
  },
});
