import { defineConfig } from "vite";

// Every file stands by itself under assets/, named by its content: the policy of the page lets
// nothing be inlined (console/guard.cpp).
export default defineConfig({
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  worker: { format: "es" },
});
