import adapter from "@sveltejs/adapter-static";
import { vitePreprocess } from "@sveltejs/vite-plugin-svelte";

/** @type {import("@sveltejs/kit").Config} */
export default {
  preprocess: vitePreprocess(),
  kit: {
    // Every page is drawn in the browser; the server answers each page's address with the one document.
    adapter: adapter({ pages: "dist", assets: "dist", fallback: "index.html" }),
    appDir: "app",
    // The site tells a browser its version in the document; polling for it would be noise in the logs.
    version: { pollInterval: 0 },
  },
};
