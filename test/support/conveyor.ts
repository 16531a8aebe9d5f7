/** Runs the production graph in an in-memory world, and moves its time on until nothing more can be done. */
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Config, Settings, Source } from "../../src/domain/Config.ts"
import type { RuleId, ServerName, SourceName } from "../../src/domain/Path.ts"
import type { Rule } from "../../src/domain/Rule.ts"
import { testSource } from "../../src/testing.ts"
import { makeConveyor } from "../../src/streams/conveyor.ts"

export const testSettings: Settings = {
  stateDir: "/state",
  syncedFilesDb: "/state/synced_files.db",
  workingDir: "/state/work",
  logFile: undefined,
  fileLogLevel: "INFO",
  consoleLogLevel: "INFO",
  pidFiles: [],
  maxFilesInPipeline: 256,
  maxSimultaneousProcessorChains: 2,
  maxSimultaneousTransporters: 16,
  retryInterval: 30_000,
  settle: undefined,
  reconcileInterval: 3_600_000,
  monitor: "auto",
  symlinks: "inside",
  maxDeletes: { share: 0.5 },
  bandwidthLimit: undefined,
  status: undefined,
  gracePeriod: 3_600_000,
  processorTimeout: 60_000,
  processorMemory: undefined,
  processorCache: 0,
}

export const testRule = (
  label: string,
  servers: ReadonlyArray<string>,
  rest: Partial<Rule> & { readonly fingerprint?: string; readonly path?: string } = {},
): Rule => {
  const { fingerprint = "f1", path = "", ...rule } = rest
  return {
    id: `site/${label}` as RuleId,
    label,
    source: "site" as SourceName,
    filter: undefined,
    chain: [],
    destinations: servers.map((server) => ({ server: server as ServerName, path, fingerprint })),
    fileDeletionDelayAfterSync: undefined,
    ...rule,
  }
}

export const testConfig = (options: {
  readonly servers: ReadonlyArray<string>
  readonly rules: ReadonlyArray<Rule>
  readonly settings?: Partial<Settings>
  readonly source?: Partial<Source>
}): Config => ({
  file: "/config.xml",
  settings: { ...testSettings, ...options.settings },
  sources: [testSource("site", "/site", options.source)],
  servers: options.servers.map((name) => ({
    name: name as ServerName,
    transporter: "memory",
    maxConnections: 4,
    settings: {},
  })),
  rules: options.rules,
  warnings: [],
})

/** Lets everything that is due now happen. Bounded: a graph that never comes to rest is a failure. */
export const turns = Effect.gen(function* () {
  for (let turn = 0; turn < 300; turn++) yield* Effect.yieldNow
})

/** Moves time on in small steps until the graph is quiet, for an hour at most. Returns the milliseconds that took. */
export const untilQuiet = Effect.fnUntraced(function* (conveyor: { readonly quiet: Effect.Effect<void> }) {
  let millis = 0
  while (millis < 3_600_000) {
    yield* turns
    const fiber = yield* Effect.forkChild(conveyor.quiet, { startImmediately: true })
    yield* turns
    const isQuiet = fiber.pollUnsafe() !== undefined
    yield* Fiber.interrupt(fiber)
    if (isQuiet) return millis
    const step = millis < 2_000 ? 50 : 1_000
    yield* TestClock.adjust(step)
    millis += step
  }
  return yield* Effect.die("the graph did not come to rest within an hour")
})

/** The running graph of a config; stopped when the Scope closes. */
export const start = Effect.fnUntraced(function* (config: Config) {
  const conveyor = yield* makeConveyor(config)
  const fiber = yield* Effect.forkScoped(conveyor.run)
  yield* turns
  return { ...conveyor, fiber }
})
