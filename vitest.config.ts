import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000, // a server that never answers must fail a test, not a busy machine
    hookTimeout: 120_000,
    reporters: ["default", "./test/secret-watch.ts"],
  },
});
