import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { SETTLE_OPEN_DELAY_MAX, SETTLE_OPEN_QUIET } from "../../src/domain/Limits.ts"
import type { RemotePath } from "../../src/domain/Path.ts"
import { layerMemory as layerLedger } from "../../src/layers/ledger/memory.ts"
import { layerMemory as layerPublisher } from "../../src/layers/publishers/memory.ts"
import { layerTestWorld, makeTestWorld, type TestWorld } from "../../src/testing.ts"
import { start, testConfig, testRule, turns, untilQuiet } from "../support/conveyor.ts"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** What is published of a file, looked at every `step` milliseconds for as long as `millis`. */
const published = Effect.fnUntraced(function* (world: TestWorld, name: string, millis: number, step = 100) {
  const seen = new Set<string>()
  for (let passed = 0; passed <= millis; passed += step) {
    const file = (yield* world.servers.get("cdn").files).get(name as RemotePath)
    seen.add(file === undefined ? "nothing" : text(file.bytes))
    yield* TestClock.adjust(step)
    yield* turns
  }
  return [...seen]
})

const inWorld = (use: (world: TestWorld) => Effect.Effect<void, unknown, never>) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(1_700_000_000_000)
    const world = yield* makeTestWorld({ servers: ["cdn"], processors: [] })
    yield* world.disk.mkdir("/site")
    yield* Effect.scoped(
      Effect.gen(function* () {
        const conveyor = yield* start(testConfig({ servers: ["cdn"], rules: [testRule("all", ["cdn"])] }))
        yield* untilQuiet(conveyor)
        yield* use(world)
        yield* untilQuiet(conveyor)
      }),
    ).pipe(Effect.provide(layerTestWorld(world, { ledger: layerLedger, publisher: layerPublisher })))
  })

describe("a file that is written", () => {
  it.effect("while it waits for its turn, is not published half", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        yield* world.servers.get("cdn").set({ latency: { minimum: 1_000, maximum: 1_000 } })
        // As many as the server takes at once.
        for (const name of ["1", "2", "3", "4"]) yield* world.disk.write(`/site/${name}`, name)
        yield* turns
        yield* world.disk.write("/site/late", "old text")
        yield* turns
        yield* world.disk.write("/site/late", "new", { close: false })
        assert.deepStrictEqual(yield* published(world, "late", 5_000), ["nothing"])
        yield* world.disk.append("/site/late", " text")
        assert.deepStrictEqual(yield* published(world, "late", 5_000), ["nothing", "new text"])
      }),
    ),
  )

  it.effect("with pauses, is not published half", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/slow", "one", { close: false })
        const seen = yield* published(world, "slow", SETTLE_OPEN_QUIET - 1_000)
        yield* world.disk.append("/site/slow", " two", { close: false })
        seen.push(...(yield* published(world, "slow", SETTLE_OPEN_QUIET - 1_000)))
        yield* world.disk.append("/site/slow", " three")
        assert.deepStrictEqual(new Set(seen), new Set(["nothing"]))
        assert.deepStrictEqual((yield* published(world, "slow", 1_000)).at(-1), "one two three")
      }),
    ),
  )

  it.effect("without end, is published all the same", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/log", "line\n", { close: false })
        let seen: ReadonlyArray<string> = []
        for (let passed = 0; passed <= SETTLE_OPEN_DELAY_MAX; passed += 5_000) {
          yield* world.disk.append("/site/log", "line\n", { close: false })
          seen = yield* published(world, "log", 4_900)
          if (passed < SETTLE_OPEN_DELAY_MAX - 5_000) assert.deepStrictEqual(seen, ["nothing"])
        }
        assert.match(seen.at(-1) ?? "", /^(line\n)+$/)
        // It is closed at last.
        yield* world.disk.close("/site/log")
      }),
    ),
  )
})
