/**
 * `verify`: compares every delivered file with its server; with `--repair` what differs is delivered again.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Config } from "../domain/Config.ts"
import type { Delivery, DeliveryKey } from "../domain/Delivery.ts"
import { Ledger } from "../domain/Ledger.ts"
import { VERIFY_AT_ONCE, VERIFY_PAGE, VERIFY_SHOWN } from "../domain/Limits.ts"
import { showProgress } from "../layers/observability/progress.ts"
import { printable } from "../layers/observability/printable.ts"
import { askControl } from "../layers/status/askControl.ts"
import { ControlError, type NotRunning } from "../layers/status/controlRequest.ts"
import { table } from "../layers/status/table.ts"
import { makeConveyor } from "../streams/conveyor.ts"
import { makeVerify, type Verdict } from "../streams/verify.ts"
import { counted, print } from "./output.ts"
import { makeRepair, type Wrong } from "./repair.ts"
import { layerReadOnly, layerWorld } from "./world.ts"

/** The progress line is brought up to date this often, in milliseconds. */
const PROGRESS_INTERVAL = 250

/** Delivers these again; for each null, or why that could not be done. */
type Repair<E, R> = (wrong: ReadonlyArray<Wrong>) => Effect.Effect<ReadonlyArray<string | null>, E, R>

/** Files asked for in one request to the daemon; with the longest names it is within its limit. */
const REPAIR_REQUEST = 100

const notUnderstood = (cause: unknown) =>
  new ControlError({
    reason: "Malformed",
    detail: "the daemon's answer is not understood: is it another version?",
    cause,
  })

const Outcomes = Schema.Array(Schema.NullOr(Schema.String))

const wrongOf = ({ deliveredAt, path, rule, server, source }: Delivery): Wrong => ({
  source,
  path,
  server,
  rule,
  deliveredAt,
})

interface Row {
  readonly delivery: Delivery
  readonly detail: string
  readonly outcome: string
}

/** What was found, in bounded memory. */
const makeTally = () => {
  const rows: Array<Row> = []
  const silent = new Map<string, string>()
  const counts = { same: 0, due: 0, differs: 0, repaired: 0, unknown: 0, skipped: 0 }
  return {
    rows,
    /** Servers that do not answer, and why. */
    silent,
    counts,
    add: (row: Row) => {
      if (rows.length < VERIFY_SHOWN) rows.push(row)
    },
  }
}
type Tally = ReturnType<typeof makeTally>

const report = Effect.fnUntraced(function* (tally: Tally, repairing: boolean) {
  const { counts, rows } = tally
  if (rows.length > 0) {
    const columns = [{ heading: "Server" }, { heading: "File" }, { heading: "What is wrong" }]
    const lines = table(
      repairing ? [...columns, { heading: "Repair" }] : columns,
      rows.map(({ delivery, detail, outcome }) => {
        const cells = [printable(delivery.server), printable(delivery.destination), printable(detail)]
        return repairing ? [...cells, printable(outcome)] : cells
      }),
    )
    for (const line of lines) yield* print(line)
    const more = counts.differs + counts.unknown - rows.length
    if (more > 0) yield* print(`and ${more.toLocaleString("en") + " more"}`)
    yield* print("")
  }
  for (const [server, reason] of tally.silent)
    yield* print(`server "${printable(server)}" does not answer: ${printable(reason)}`)
  const parts = [
    counts.differs === 0 ? "all as they should be" : `${counts.differs} not as they should be`,
    ...(repairing && counts.differs > 0 ? [`${counts.repaired} of these repaired`] : []),
    ...(counts.unknown > 0 ? [`${counts.unknown} could not be compared`] : []),
    ...(counts.due > 0 ? [`${counts.due} to be brought up to date by the daemon anyway`] : []),
  ]
  yield* print(`compared ${counted(counts.same + counts.differs, "file")}: ${parts.join(", ")}`)
  if (counts.skipped > 0)
    yield* print(`not compared, since their server does not answer: ${counted(counts.skipped, "file")}`)
})

/** Compares everything, page by page. Returns whether all is (now) as it should be. */
const compare = Effect.fnUntraced(function* <E, R>(config: Config, repair: Repair<E, R> | undefined) {
  const ledger = yield* Ledger
  const verifyOne = yield* makeVerify(config)
  const tally = makeTally()
  const { counts } = tally
  const total = (yield* ledger.totals).reduce((sum, server) => sum + server.deliveries, 0)
  let done = 0

  const settle = Effect.fnUntraced(function* (judged: ReadonlyArray<readonly [Delivery, Verdict]>) {
    const wrong: Array<readonly [Delivery, string]> = []
    for (const [delivery, verdict] of judged) {
      if (verdict._tag === "Differs") {
        counts.differs++
        if (verdict.canRepair) wrong.push([delivery, verdict.detail])
        else
          tally.add({ delivery, detail: verdict.detail, outcome: "its source file was deleted after it was delivered" })
      } else if (verdict._tag === "Unknown") {
        counts.unknown++
        tally.add({ delivery, detail: verdict.detail, outcome: "" })
      } else if (verdict._tag === "Skipped") {
        counts.skipped++
        if (!tally.silent.has(delivery.server)) tally.silent.set(delivery.server, verdict.detail)
      } else counts[verdict._tag === "Same" ? "same" : "due"]++
    }
    const outcomes =
      repair === undefined || wrong.length === 0 ? [] : yield* repair(wrong.map(([delivery]) => wrongOf(delivery)))
    for (const [index, [delivery, detail]] of wrong.entries()) {
      const outcome = outcomes[index]
      if (outcome === null) counts.repaired++
      tally.add({ delivery, detail, outcome: outcome === null ? "delivered again" : (outcome ?? "") })
    }
  })

  const pages = Effect.gen(function* () {
    let after: DeliveryKey | undefined
    for (;;) {
      const page = yield* ledger.page(after, VERIFY_PAGE)
      if (page.length === 0) return
      after = page[page.length - 1]
      const judged = yield* Effect.forEach(
        page,
        (delivery) =>
          Effect.map(verifyOne(delivery), (verdict) => {
            done++
            return [delivery, verdict] as const
          }),
        { concurrency: VERIFY_AT_ONCE },
      )
      yield* settle(judged)
    }
  })

  const progress = Stream.fromEffectRepeat(
    Effect.delay(
      Effect.sync(() => ({ done, total })),
      PROGRESS_INTERVAL,
    ),
  )
  yield* Effect.raceFirst(pages, Effect.andThen(showProgress(progress), Effect.never))
  yield* report(tally, repair !== undefined)
  return counts.differs === counts.repaired && counts.unknown === 0 && counts.skipped === 0
})

/** Has the running daemon deliver them. */
const throughDaemon =
  (config: Config): Repair<ControlError | NotRunning, never> =>
  (wrong) => {
    const requests: Array<ReadonlyArray<Wrong>> = []
    for (let at = 0; at < wrong.length; at += REPAIR_REQUEST) requests.push(wrong.slice(at, at + REPAIR_REQUEST))
    return Effect.forEach(requests, (deliveries) =>
      askControl(config.settings.stateDir, { command: "repair", deliveries }).pipe(
        Effect.flatMap((answer) => Effect.mapError(Schema.decodeUnknownEffect(Outcomes)(answer), notUnderstood)),
      ),
    ).pipe(Effect.map((outcomes) => outcomes.flat()))
  }

/** Delivers them itself, with a conveyor that runs from the first difference on. */
const byItself = Effect.fnUntraced(function* (config: Config) {
  const start = yield* Effect.cached(
    Effect.gen(function* () {
      const conveyor = yield* makeConveyor(config)
      const running = yield* Effect.forkScoped(conveyor.run, { startImmediately: true })
      return { conveyor, running, repair: yield* makeRepair(conveyor) }
    }),
  )
  let isStarted = false
  return {
    repair: Effect.fnUntraced(function* (wrong: ReadonlyArray<Wrong>) {
      isStarted = true
      const { repair, running } = yield* start
      return yield* Effect.raceFirst(Fiber.join(running), repair(wrong))
    }),
    /** What the conveyor found to do beside the repair is finished. */
    end: Effect.suspend(() =>
      isStarted ? Effect.flatMap(start, ({ conveyor }) => Effect.andThen(conveyor.quiet, conveyor.drain)) : Effect.void,
    ),
  }
})

/** Compares every delivered file with its server. Returns whether all is (now) as it should be. */
export const verify = Effect.fnUntraced(function* (config: Config, repairing: boolean) {
  if (!repairing)
    return yield* Effect.provide(Effect.scoped(compare<never, never>(config, undefined)), layerReadOnly(config))
  const isRunning = yield* askControl(config.settings.stateDir, { command: "status" }).pipe(
    Effect.as(true),
    Effect.catchTag("NotRunning", () => Effect.succeed(false)),
  )
  if (isRunning) {
    return yield* Effect.provide(Effect.scoped(compare(config, throughDaemon(config))), layerReadOnly(config))
  }
  const alone = Effect.gen(function* () {
    const { end, repair } = yield* byItself(config)
    const well = yield* compare(config, repair)
    yield* end
    return well
  })
  return yield* Effect.provide(Effect.scoped(alone), layerWorld(config))
})
