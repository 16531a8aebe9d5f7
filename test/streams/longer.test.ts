/** Files whose chains take long are in nobody's way. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Semaphore } from "effect"
import { TestClock } from "effect/testing"
import { ProcessorError } from "../../src/domain/Errors.ts"
import { Ledger } from "../../src/domain/Ledger.ts"
import { LONG_FILES } from "../../src/domain/Limits.ts"
import { defineProcessor } from "../../src/domain/Processor.ts"
import { layerMemory as layerLedger } from "../../src/layers/ledger/memory.ts"
import { layerMemory as layerPublisher } from "../../src/layers/publishers/memory.ts"
import { layerTestWorld, makeTestWorld, type TestWorld } from "../../src/testing.ts"
import { start, testConfig, testRule, turns, untilQuiet } from "../support/conveyor.ts"

const isVideo = (name: string) => name.endsWith(".avi")

/** One file at a time, once the gate is open. */
const transcoding = (gate: Effect.Effect<void>, turn = Semaphore.makeUnsafe(1)) => {
  const at = { once: 0, most: 0, runs: 0 }
  const definition = defineProcessor({
    name: "Transcode",
    long: (_settings, baseName) => isVideo(baseName),
    process: (job) =>
      !isVideo(job.baseName)
        ? Effect.succeed({ content: job.content, baseName: job.baseName })
        : Semaphore.withPermit(turn)(
            Effect.gen(function* () {
              at.runs++
              at.most = Math.max(at.most, ++at.once)
              yield* gate
              at.once--
              if (job.path.startsWith("bad")) {
                return yield* new ProcessorError({ processor: "Transcode", path: job.path, detail: "no video" })
              }
              return { content: job.content, baseName: job.baseName.replace("avi", "mp4") }
            }),
          ),
  })
  return { definition, at }
}

const withVideos = <A, E>(
  options: { readonly many?: boolean },
  use: (parts: {
    readonly world: TestWorld
    readonly conveyor: Effect.Success<ReturnType<typeof start>>
    readonly ledger: Ledger["Service"]
    readonly open: Effect.Effect<unknown>
    readonly at: ReturnType<typeof transcoding>["at"]
    readonly held: Effect.Effect<ReadonlyArray<string>>
  }) => Effect.Effect<A, E>,
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(1_700_000_000_000)
    const gate = yield* Deferred.make<void>()
    const { at, definition } = transcoding(Deferred.await(gate))
    const world = yield* makeTestWorld({ servers: [{ name: "cdn", ...options }], processors: [definition] })
    yield* world.disk.mkdir("/site")
    const chain = [{ name: "Transcode", settings: {} }]
    const config = testConfig({ servers: ["cdn"], rules: [testRule("all", ["cdn"], { chain })] })
    return yield* Effect.gen(function* () {
      const conveyor = yield* start(config)
      yield* untilQuiet(conveyor)
      const held = Effect.map(world.servers.get("cdn").files, (files) => [...files.keys()].sort())
      const ledger = yield* Ledger
      return yield* use({ world, conveyor, ledger, open: Deferred.succeed(gate, undefined), at, held })
    }).pipe(Effect.scoped, Effect.provide(layerTestWorld(world, { ledger: layerLedger, publisher: layerPublisher })))
  })

/** Time in which everything that can be delivered is. */
const aWhile = Effect.gen(function* () {
  for (let step = 0; step < 40; step++) {
    yield* turns
    yield* TestClock.adjust(500)
  }
  yield* turns
})

describe("files whose chains take long", () => {
  for (const many of [false, true]) {
    it.effect(`keep no other from their server${many ? " where many files go together" : ""}`, () =>
      withVideos({ many }, ({ at, conveyor, held, open, world }) =>
        Effect.gen(function* () {
          for (let video = 0; video < 300; video++) yield* world.disk.write(`/site/${video}.avi`, "video")
          yield* aWhile
          yield* world.disk.write("/site/a.css", "a")
          yield* aWhile
          assert.deepStrictEqual(yield* held, ["a.css"])
          const status = yield* conveyor.status
          assert.isFalse(status.inSync)
          assert.strictEqual(status.servers[0]?.inFlight, 300)
          yield* open
          yield* untilQuiet(conveyor)
          assert.strictEqual((yield* held).length, 301)
          assert.strictEqual(at.most, 1)
          assert.strictEqual(at.runs, 300)
          assert.isTrue((yield* conveyor.status).inSync)
        }),
      ),
    )
  }

  it.effect("are found again where there are more of them than are remembered", () =>
    withVideos({}, ({ at, conveyor, held, open, world }) =>
      Effect.gen(function* () {
        const all = LONG_FILES + 100
        for (let video = 0; video < all; video++) yield* world.disk.write(`/site/${video}.avi`, "video")
        yield* aWhile
        yield* world.disk.write("/site/a.css", "a")
        yield* aWhile
        assert.deepStrictEqual(yield* held, ["a.css"])
        const [server] = (yield* conveyor.status).servers
        assert.strictEqual(server?.inFlight, LONG_FILES)
        assert.isTrue(server?.atLeast)
        yield* open
        yield* untilQuiet(conveyor)
        assert.strictEqual((yield* held).length, all + 1)
        assert.strictEqual(at.runs, all)
        assert.isTrue((yield* conveyor.status).inSync)
      }),
    ),
  )

  it.effect("do not keep others from a server that was down", () =>
    withVideos({}, ({ conveyor, held, open, world }) =>
      Effect.gen(function* () {
        const server = world.servers.get("cdn")
        yield* server.set({ up: false })
        yield* world.disk.write("/site/b.css", "b")
        yield* aWhile
        assert.strictEqual((yield* conveyor.status).servers[0]?.state, "down")
        // Reported just now, it goes first: the server is tried with it.
        for (let video = 0; video < 10; video++) yield* world.disk.write(`/site/${video}.avi`, "video")
        yield* server.set({ up: true })
        yield* aWhile
        assert.deepStrictEqual(yield* held, ["b.css"])
        yield* open
        yield* untilQuiet(conveyor)
        assert.strictEqual((yield* held).length, 11)
      }),
    ),
  )

  it.effect("fail alone, and are tried again", () =>
    withVideos({}, ({ at, conveyor, held, ledger, open, world }) =>
      Effect.gen(function* () {
        yield* open
        yield* world.disk.write("/site/bad.avi", "video")
        yield* world.disk.write("/site/good.avi", "video")
        yield* untilQuiet(conveyor)
        assert.deepStrictEqual(yield* held, ["good.mp4"])
        assert.strictEqual((yield* ledger.failures(10))[0]?.reason, "Transcode on bad.avi: no video")
        const runs = at.runs
        yield* TestClock.adjust(60_000)
        yield* untilQuiet(conveyor)
        assert.isAbove(at.runs, runs)
        yield* world.disk.rename("/site/bad.avi", "/site/fine.avi")
        yield* untilQuiet(conveyor)
        assert.deepStrictEqual(yield* held, ["fine.mp4", "good.mp4"])
        assert.deepStrictEqual(yield* ledger.failures(10), [])
      }),
    ),
  )
})
