/** What a CDN in front of a server is told, and when. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { TransportReason } from "../../src/domain/Errors.ts"
import { Ledger } from "../../src/domain/Ledger.ts"
import { GRACE_PERIOD, INVALIDATION_DELAY_MAX, INVALIDATION_QUIET } from "../../src/domain/Limits.ts"
import type { ServerName } from "../../src/domain/Path.ts"
import { emptyState, makeMemory, type MemoryState } from "../../src/layers/ledger/memory.ts"
import { mtime } from "../../src/layers/processors/uniqueFilename.ts"
import { layerMemory as layerPublisher } from "../../src/layers/publishers/memory.ts"
import { layerTestWorld, makeTestWorld, type TestWorld } from "../../src/testing.ts"
import { start, testConfig, testRule, turns, untilQuiet } from "../support/conveyor.ts"

type Running = Effect.Success<ReturnType<typeof start>>

const cdn = "cdn" as ServerName

const withWorld = <A, E>(use: (world: TestWorld) => Effect.Effect<A, E, never>) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(1_700_000_000_000)
    const world = yield* makeTestWorld({ servers: [{ name: "cdn", cdn: true }, "plain"], processors: [mtime] })
    yield* world.disk.mkdir("/site")
    return yield* use(world)
  })

/** One run of the graph over what earlier runs left in `state`. */
const inGraph = <A, E>(
  world: TestWorld,
  state: MemoryState,
  use: (conveyor: Running) => Effect.Effect<A, E, never>,
  config = testConfig({ servers: ["cdn", "plain"], rules: [testRule("all", ["cdn", "plain"])] }),
) =>
  Effect.scoped(Effect.flatMap(start(config), use)).pipe(
    Effect.provide(
      layerTestWorld(world, { ledger: Layer.succeed(Ledger, makeMemory(state)), publisher: layerPublisher }),
    ),
  )

const told = (world: TestWorld) =>
  Effect.map(world.servers.get("cdn").invalidations, (orders) => orders.map((order) => [...order].sort()))

const write = (world: TestWorld, names: ReadonlyArray<string>, text: string) =>
  Effect.forEach(names, (name) => world.disk.write(`/site/${name}`, text), { discard: true })

const refusing = (world: TestWorld, reason: TransportReason, times?: number) =>
  world.servers.get("cdn").inject({
    fault: { _tag: "Fail", reason },
    operations: ["invalidate"],
    ...(times === undefined ? {} : { times }),
  })

describe("invalidate", () => {
  it.effect("tells of what changed and went away, all at once, and not of what is new", () =>
    withWorld((world) =>
      inGraph(world, emptyState(), (conveyor) =>
        Effect.gen(function* () {
          yield* write(world, ["a", "b", "c"], "1")
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* told(world), [])
          yield* write(world, ["a", "b", "d"], "2")
          yield* world.disk.remove("/site/c")
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* told(world), [["a", "b", "c"]])
          assert.isTrue((yield* conveyor.status).inSync)
        }),
      ),
    ),
  )

  it.effect("a file that was only touched, and the same content sent again, are no news to a CDN", () =>
    withWorld((world) =>
      inGraph(world, emptyState(), (conveyor) =>
        Effect.gen(function* () {
          yield* write(world, ["a"], "same")
          yield* untilQuiet(conveyor)
          yield* TestClock.adjust(5_000)
          yield* write(world, ["a"], "same")
          yield* untilQuiet(conveyor)
          const log = yield* world.servers.get("cdn").log
          assert.strictEqual(log.filter((one) => one.operation === "put").length, 2)
          assert.deepStrictEqual(yield* told(world), [])
        }),
      ),
    ),
  )

  it.effect("an old name is told of when it is removed, and a new one never", () =>
    withWorld((world) =>
      inGraph(
        world,
        emptyState(),
        (conveyor) =>
          Effect.gen(function* () {
            yield* write(world, ["a.css"], "1")
            yield* untilQuiet(conveyor)
            yield* TestClock.adjust(10_000)
            yield* write(world, ["a.css"], "2")
            yield* untilQuiet(conveyor)
            assert.deepStrictEqual(yield* told(world), [])
            yield* TestClock.adjust(GRACE_PERIOD + 1_000)
            yield* untilQuiet(conveyor)
            assert.deepStrictEqual(yield* told(world), [["a_1700000000.css"]])
          }),
        testConfig({
          servers: ["cdn"],
          rules: [testRule("all", ["cdn"], { chain: [{ name: "unique_filename.Mtime", settings: {} }] })],
        }),
      ),
    ),
  )

  it.effect("waits for a quiet moment, but not for ever", () =>
    withWorld((world) =>
      inGraph(world, emptyState(), (conveyor) =>
        Effect.gen(function* () {
          yield* write(world, ["a", "b"], "0")
          yield* untilQuiet(conveyor)
          const before = INVALIDATION_QUIET / 2
          yield* write(world, ["a"], "1")
          yield* turns
          yield* TestClock.adjust(before)
          yield* write(world, ["b"], "1")
          yield* turns
          yield* TestClock.adjust(before)
          yield* turns
          assert.deepStrictEqual(yield* told(world), [])
          yield* TestClock.adjust(before)
          yield* turns
          assert.deepStrictEqual(yield* told(world), [["a", "b"]])
          for (let waited = 0; waited <= INVALIDATION_DELAY_MAX; waited += before) {
            yield* write(world, ["a"], `again ${waited}`)
            yield* turns
            yield* TestClock.adjust(before)
          }
          yield* turns
          assert.strictEqual((yield* told(world)).length, 2)
        }),
      ),
    ),
  )

  it.effect("survives a restart: what a CDN was not told of is told by the next run", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const state = emptyState()
        yield* inGraph(world, state, (conveyor) =>
          Effect.gen(function* () {
            yield* write(world, ["a"], "1")
            yield* untilQuiet(conveyor)
            yield* write(world, ["a"], "2")
            yield* turns
            assert.isFalse((yield* conveyor.status).inSync)
          }),
        )
        assert.deepStrictEqual(yield* told(world), [])
        yield* inGraph(world, state, (conveyor) => untilQuiet(conveyor))
        assert.deepStrictEqual(yield* told(world), [["a"]])
        yield* inGraph(world, state, (conveyor) => untilQuiet(conveyor))
        assert.strictEqual((yield* told(world)).length, 1)
      }),
    ),
  )

  it.effect("a CDN that is out of reach delays no upload, shows in the status and is told later", () =>
    withWorld((world) =>
      inGraph(world, emptyState(), (conveyor) =>
        Effect.gen(function* () {
          yield* write(world, ["a"], "1")
          yield* untilQuiet(conveyor)
          yield* refusing(world, { _tag: "Unreachable" })
          yield* write(world, ["a"], "2")
          yield* untilQuiet(conveyor)
          const status = yield* conveyor.status
          assert.isFalse(status.inSync)
          const server = status.servers.find((one) => one.name === cdn)
          assert.strictEqual(server?.state, "up")
          assert.strictEqual(server?.invalidation?.waiting, 1)
          assert.include(server?.invalidation?.reason ?? "", "Unreachable")
          yield* write(world, ["b"], "1")
          yield* turns
          assert.isTrue((yield* world.servers.get("cdn").files).has("b" as never))
          yield* world.servers.get("cdn").heal
          yield* TestClock.adjust(600_000)
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* told(world), [["a"]])
          assert.isTrue((yield* conveyor.status).inSync)
        }),
      ),
    ),
  )

  it.effect("waits as long as the CDN says, and --once waits with it", () =>
    withWorld((world) =>
      inGraph(world, emptyState(), (conveyor) =>
        Effect.gen(function* () {
          yield* write(world, ["a"], "1")
          yield* untilQuiet(conveyor)
          yield* refusing(world, { _tag: "Throttled", retryAfterMillis: 60_000 }, 2)
          yield* write(world, ["a"], "2")
          const waited = yield* untilQuiet(conveyor)
          assert.isAtLeast(waited, 120_000)
          assert.isBelow(waited, 140_000)
          assert.deepStrictEqual(yield* told(world), [["a"]])
          const log = yield* world.servers.get("cdn").log
          assert.strictEqual(log.filter((one) => one.operation === "invalidate").length, 3)
        }),
      ),
    ),
  )

  it.effect("nobody waits for ever for a CDN that only asks to wait", () =>
    withWorld((world) =>
      inGraph(world, emptyState(), (conveyor) =>
        Effect.gen(function* () {
          yield* write(world, ["a"], "1")
          yield* untilQuiet(conveyor)
          yield* refusing(world, { _tag: "Throttled", retryAfterMillis: 60_000 })
          yield* write(world, ["a"], "2")
          assert.isBelow(yield* untilQuiet(conveyor), 400_000)
          assert.isFalse((yield* conveyor.status).inSync)
        }),
      ),
    ),
  )

  it.effect("one that hangs is given up, and retry tries it at once", () =>
    withWorld((world) =>
      inGraph(world, emptyState(), (conveyor) =>
        Effect.gen(function* () {
          yield* write(world, ["a"], "1")
          yield* untilQuiet(conveyor)
          yield* world.servers.get("cdn").inject({ fault: { _tag: "Hang" }, operations: ["invalidate"] })
          yield* write(world, ["a"], "2")
          yield* untilQuiet(conveyor)
          const { invalidation } = (yield* conveyor.status).servers[0] ?? {}
          assert.include(invalidation?.reason ?? "", "did not answer in time")
          yield* world.servers.get("cdn").heal
          conveyor.retryAll()
          yield* turns
          assert.deepStrictEqual(yield* told(world), [["a"]])
        }),
      ),
    ),
  )

  it.effect("an order whose answer is lost is given again", () =>
    withWorld((world) =>
      inGraph(world, emptyState(), (conveyor) =>
        Effect.gen(function* () {
          yield* write(world, ["a"], "1")
          yield* untilQuiet(conveyor)
          yield* world.servers
            .get("cdn")
            .inject({ fault: { _tag: "AnswerLost" }, operations: ["invalidate"], times: 1 })
          yield* write(world, ["a"], "2")
          yield* untilQuiet(conveyor)
          yield* TestClock.adjust(10_000)
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* told(world), [["a"], ["a"]])
          assert.isTrue((yield* conveyor.status).inSync)
        }),
      ),
    ),
  )
})
