/**
 * `--once`: syncs everything that is due, then says what it did and what is left.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Config } from "../domain/Config.ts"
import { makeNarrator, narrate } from "../layers/observability/narrator.ts"
import { pidFiles } from "../layers/publishers/pidFile.ts"
import type { AdoptProof } from "../streams/adopt.ts"
import { makeConveyor } from "../streams/conveyor.ts"
import { counted, print } from "./output.ts"
import { leftOver } from "./summary.ts"
import { layerWorld } from "./world.ts"

/** Returns whether everything is in sync. */
export const runToQuiet = Effect.fnUntraced(
  function* (config: Config, adopt?: AdoptProof) {
    const startedAt = yield* Clock.currentTimeMillis
    for (const warning of config.warnings) yield* Effect.logWarning(warning)
    const conveyor = yield* makeConveyor(config, { adopt })
    yield* pidFiles(config.settings.pidFiles)
    yield* Effect.forkScoped(Stream.runForEachArray(conveyor.events, narrate(makeNarrator(), config.file)), {
      startImmediately: true,
    })
    const graph = yield* Effect.forkScoped(conveyor.run)
    yield* Effect.raceFirst(Fiber.join(graph), conveyor.quiet)
    yield* conveyor.drain
    const status = yield* conveyor.status
    const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
    const left = leftOver(status, config.file)
    const { adopted, delivered, removed } = conveyor.tally()
    const found = adopt === undefined ? "" : `${adopted.toLocaleString("en")} were there already, `
    yield* print(
      `${left.length === 0 ? "in sync" : "not in sync"}: ${found}${counted(delivered - adopted, "file")} delivered, ${removed} removed in ${seconds.toFixed(1)} s`,
    )
    for (const line of left) yield* print(`  ${line}`)
    return left.length === 0
  },
  (effect, config, adopt) => Effect.provide(Effect.scoped(effect), layerWorld(config, adopt !== undefined)),
)
