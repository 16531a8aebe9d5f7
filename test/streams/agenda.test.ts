/** What is due by the clock, more of it than is handed over at once. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { layerMemory as layerLedger } from "../../src/layers/ledger/memory.ts"
import { layerMemory as layerPublisher } from "../../src/layers/publishers/memory.ts"
import { layerTestWorld, makeTestWorld } from "../../src/testing.ts"
import { start, testConfig, testRule, turns, untilQuiet } from "../support/conveyor.ts"

const FILES = 700

const world = Effect.gen(function* () {
  yield* TestClock.setTime(1_700_000_000_000)
  const made = yield* makeTestWorld({ servers: ["cdn"] })
  yield* made.disk.mkdir("/site")
  yield* made.disk.mkdir("/site/d")
  for (let i = 0; i < FILES; i++) yield* made.disk.write(`/site/d/${i}`, `${i}`)
  return made
})

const config = testConfig({
  servers: ["cdn"],
  rules: [testRule("all", ["cdn"])],
  settings: { maxDeletes: { share: 1 } },
})

describe("the agenda", () => {
  it.effect("is quiet only when the last of many removals is done", () =>
    Effect.gen(function* () {
      const made = yield* world
      yield* Effect.scoped(
        Effect.gen(function* () {
          const conveyor = yield* start(config)
          yield* untilQuiet(conveyor)
          assert.strictEqual((yield* made.servers.get("cdn").files).size, FILES)
          yield* made.disk.rmdir("/site/d", { recursive: true })
          const millis = yield* untilQuiet(conveyor)
          // Gathering what vanished takes a moment, removing it no rounds of a second.
          assert.isBelow(millis, 3_000)
          assert.strictEqual((yield* made.servers.get("cdn").files).size, 0)
          assert.isTrue((yield* conveyor.status).inSync)
        }),
      ).pipe(Effect.provide(layerTestWorld(made, { ledger: layerLedger, publisher: layerPublisher })))
    }),
  )

  it.effect("wakes each waiter once for each rest: one that waits again belongs to the next", () =>
    Effect.gen(function* () {
      const made = yield* world
      yield* Effect.scoped(
        Effect.gen(function* () {
          const conveyor = yield* start(config)
          yield* untilQuiet(conveyor)
          let woken = 0
          const loop = Effect.forever(
            Effect.andThen(
              conveyor.progressed,
              Effect.sync(() => void woken++),
            ),
          )
          const waiters = yield* Effect.forEach(Array.from({ length: 5 }), () => Effect.forkChild(loop))
          yield* turns
          yield* made.disk.write("/site/d/0", "again")
          yield* untilQuiet(conveyor)
          yield* Fiber.interruptAll(waiters)
          assert.isAbove(woken, 0)
          assert.isBelow(woken, 5_000)
        }),
      ).pipe(Effect.provide(layerTestWorld(made, { ledger: layerLedger, publisher: layerPublisher })))
    }),
  )
})
