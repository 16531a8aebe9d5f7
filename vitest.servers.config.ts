import { defineConfig } from "vitest/config"
import "./vitest.config.ts"

/** The suites that need real servers; see .ci/run for the packages they need. One after another: each starts its own. */
export default defineConfig({
  test: { include: ["test/servers/**/*.test.ts"], fileParallelism: false, testTimeout: 60_000, hookTimeout: 120_000 },
})
