import { defineConfig, mergeConfig } from "vitest/config"
import base from "./vitest.config.ts"

/** The suites that need real servers; see .ci/run for the packages they need. One after another: each starts its own. */
export default mergeConfig(
  { ...base, test: { ...base.test, include: [], exclude: [] } },
  defineConfig({
    test: { include: ["test/servers/**/*.test.ts"], fileParallelism: false, testTimeout: 60_000, hookTimeout: 120_000 },
  }),
)
