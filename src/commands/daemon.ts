/**
 * The daemon: the conveyor in the foreground, until it is told to stop.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import process from "node:process"
import type { Config } from "../domain/Config.ts"
import { DRAIN_GRACE, SIGNALS_PENDING } from "../domain/Limits.ts"
import { loadConfig } from "../layers/config/loadConfig.ts"
import { makeNarrator, narrate } from "../layers/observability/narrator.ts"
import { showProgress } from "../layers/observability/progress.ts"
import { pidFiles } from "../layers/publishers/pidFile.ts"
import { type Signal, signals } from "../layers/signals.ts"
import { trimHeap } from "../layers/trimHeap.ts"
import { serveControl } from "../layers/status/control.ts"
import type { AdoptProof } from "../streams/adopt.ts"
import { type Conveyor, makeConveyor } from "../streams/conveyor.ts"
import { makeRequests } from "./requests.ts"
import { layerWorld } from "./world.ts"

/** The progress line is brought up to date this often, in milliseconds. */
const PROGRESS_INTERVAL = 250

/** How long all has to be quiet before memory is given back, in milliseconds: sooner, the engine keeps it for more of the same. */
const TRIM_AFTER = 5_000

/** Why a run of the daemon ended. */
type Ending = { readonly _tag: "Stop" } | { readonly _tag: "Reload"; readonly config: Config }

/** Shows how far the first sync is, until it is done. */
const firstSync = (conveyor: Conveyor) => {
  const values = Stream.fromEffectRepeat(Effect.delay(Effect.sync(conveyor.progress), PROGRESS_INTERVAL))
  return Effect.raceFirst(conveyor.quiet, Effect.andThen(Effect.scoped(showProgress(values)), Effect.never))
}

/** Twice: only a collection that finds next to nothing new makes the engine give room back. */
const trimWhenQuiet = Effect.andThen(Effect.delay(trimHeap, TRIM_AFTER), Effect.delay(trimHeap, TRIM_AFTER))

/** After each scan, once nothing is left to do, memory that only the scan needed is given back. */
const trimming = (conveyor: Conveyor) =>
  Stream.runForEach(
    Stream.filter(conveyor.events, (event) => event._tag === "Scanned"),
    () => Effect.andThen(conveyor.quiet, trimWhenQuiet),
  )

/** Says, after the first sync, how much of it needed no upload. */
const tellAdopted = (conveyor: Conveyor) =>
  Effect.andThen(
    conveyor.quiet,
    Effect.suspend(() => {
      const { adopted, delivered } = conveyor.tally()
      return Effect.logInfo(`${adopted} files were on their servers already, ${delivered - adopted} were uploaded`)
    }),
  )

type Signals = Queue.Dequeue<Signal>

/** What follows from signals: the first SIGTERM or SIGINT ends the daemon in peace. */
const listen = Effect.fnUntraced(function* (config: Config, received: Signals) {
  for (;;) {
    if ((yield* Queue.take(received)) !== "SIGHUP") {
      yield* Effect.logInfo("stopping: what is in flight is finished first")
      const stop: Ending = { _tag: "Stop" }
      return stop
    }
    const reloaded = yield* Effect.result(loadConfig(config.file))
    if (reloaded._tag === "Success") {
      yield* Effect.logInfo("the config was read again")
      const reload: Ending = { _tag: "Reload", config: reloaded.success }
      return reload
    }
    yield* Effect.logError(`the config can not be used; the running one is kept\n${reloaded.failure.message}`)
  }
})

/** A second SIGTERM or SIGINT, while work in flight is finished: there is no patience left. */
const secondSignal = (received: Signals) =>
  Effect.gen(function* () {
    while ((yield* Queue.take(received)) === "SIGHUP") yield* Effect.logInfo("already stopping")
    yield* Effect.sync(() => process.exit(1))
  })

/** Runs one config until it is to be replaced or the daemon is to stop. */
const runUntilReload = Effect.fnUntraced(
  function* (config: Config, received: Signals, adopt?: AdoptProof) {
    for (const warning of config.warnings) yield* Effect.logWarning(warning)
    const conveyor = yield* makeConveyor(config, { adopt })
    yield* serveControl(config.settings.stateDir, yield* makeRequests(config, conveyor))
    yield* pidFiles(config.settings.pidFiles)
    const telling = Stream.runForEachArray(conveyor.events, narrate(makeNarrator(), config.file))
    const work = Effect.raceAllFirst([
      conveyor.run,
      Effect.andThen(telling, Effect.never),
      Effect.andThen(firstSync(conveyor), Effect.never),
      Effect.andThen(trimming(conveyor), Effect.never),
      Effect.andThen(adopt === undefined ? Effect.void : tellAdopted(conveyor), Effect.never),
    ])
    const running = yield* Effect.forkScoped(work, { startImmediately: true })
    const ending = yield* Effect.raceFirst(Fiber.join(running), listen(config, received))
    const drained = Effect.timeoutOption(conveyor.drain, DRAIN_GRACE)
    yield* ending._tag === "Stop"
      ? Effect.raceFirst(drained, Effect.andThen(secondSignal(received), Effect.never))
      : drained
    return ending
  },
  (effect, config, _, adopt) => Effect.provide(Effect.scoped(effect), layerWorld(config, adopt !== undefined)),
)

/** The daemon, from its first config to its end. */
export const runDaemon = Effect.fnUntraced(function* (first: Config, adopt?: AdoptProof) {
  const received = yield* Queue.sliding<Signal>(SIGNALS_PENDING)
  yield* Effect.forkScoped(
    Stream.runForEach(signals, (signal) => Queue.offer(received, signal)),
    { startImmediately: true },
  )
  let config = first
  for (;;) {
    const ending = yield* runUntilReload(config, received, adopt)
    if (ending._tag === "Stop") return
    config = ending.config
  }
}, Effect.scoped)
