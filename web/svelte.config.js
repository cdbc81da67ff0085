import adapter from "@sveltejs/adapter-static";
import { vitePreprocess } from "@sveltejs/vite-plugin-svelte";

const folder = process.env["SIGNALBOX_WEB_OUT"] ?? "dist";

/** @type {import("@sveltejs/kit").Config} */
export default {
  preprocess: vitePreprocess(),
  kit: {
    // Every page is drawn in the browser; the server answers each page's address with the one document.
    // Every file lies there packed as well, as the site sends it.
    adapter: adapter({ pages: folder, assets: folder, fallback: "index.html", precompress: true }),
    appDir: "app",
    // Named after its sources, so that equal sources give equal files. Asking for a newer version would be noise in the logs.
    version: { name: process.env["SIGNALBOX_WEB_VERSION"] ?? "unnamed", pollInterval: 0 },
  },
};
