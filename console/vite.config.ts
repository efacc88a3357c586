import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds an engine: `make demo` in another terminal. */
const ENGINE = process.env["HOLDFAST_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    // crates/feed/build.rs embeds what is there.
    outDir: "dist/page",
    target: "es2022",
    // Nothing is inlined: the page's policy lets in files of its own alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      // The engine lets in pages of its own origin only; here this server stands for it.
      "/feed": { target: ENGINE, ws: true, changeOrigin: true, headers: { origin: ENGINE } },
      "/sip": { target: ENGINE, ws: true, changeOrigin: true, headers: { origin: ENGINE } },
      "/session": { target: ENGINE, changeOrigin: true, headers: { origin: ENGINE } },
      "/about.json": ENGINE,
    },
  },
  test: { include: ["src/**/*.test.ts"] },
});
