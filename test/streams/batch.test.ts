/** Many small files in one go: the same result as one by one, and nothing goes together that must not. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { Config } from "../../src/domain/Config.ts"
import { LedgerError } from "../../src/domain/Errors.ts"
import { Ledger } from "../../src/domain/Ledger.ts"
import type { RelativePath } from "../../src/domain/Path.ts"
import { makeMemory } from "../../src/layers/ledger/memory.ts"
import { md5 } from "../../src/layers/processors/uniqueFilename.ts"
import { layerMemory as layerPublisher } from "../../src/layers/publishers/memory.ts"
import { layerTestWorld, makeTestWorld, type TestWorld } from "../../src/testing.ts"
import { start, testConfig, testRule, turns, untilQuiet } from "../support/conveyor.ts"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

const held = (world: TestWorld) =>
  Effect.map(world.servers.get("cdn").files, (files) =>
    Object.fromEntries([...files].map(([name, file]) => [name, text(file.bytes)])),
  )

/** A world whose server takes many at once, with `count` files in ten directories. */
const worldWith = Effect.fnUntraced(function* (count: number) {
  yield* TestClock.setTime(1_700_000_000_000)
  const world = yield* makeTestWorld({
    servers: [{ name: "cdn", many: true, capabilities: { connections: 256 } }],
    processors: [md5],
  })
  yield* world.disk.mkdir("/site")
  const expected: Record<string, string> = {}
  for (let i = 0; i < count; i++) {
    if (i < 10) yield* world.disk.mkdir(`/site/d${i}`)
    yield* world.disk.write(`/site/d${i % 10}/${i}.css`, `file ${i}`)
    expected[`d${i % 10}/${i}.css`] = `file ${i}`
  }
  // Old enough not to be taken for files in writing.
  yield* TestClock.adjust(60_000)
  return { world, expected }
})

/** Runs the graph; `calls` are how many files came together, in the order of the requests. */
const run = <A, E>(
  world: TestWorld,
  config: Config,
  use: (conveyor: Effect.Success<ReturnType<typeof start>>) => Effect.Effect<A, E>,
  ledger = makeMemory(),
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const conveyor = yield* start(config)
      yield* untilQuiet(conveyor)
      return yield* use(conveyor)
    }),
  ).pipe(Effect.provide(layerTestWorld(world, { ledger: Layer.succeed(Ledger, ledger), publisher: layerPublisher })))

const config = (rules = [testRule("all", ["cdn"])]): Config => {
  const plain = testConfig({ servers: ["cdn"], rules })
  return { ...plain, servers: plain.servers.map((server) => ({ ...server, maxConnections: 0 })) }
}

/** A ledger that counts its commits and how many deliveries the largest had. */
const counting = () => {
  const ledger = makeMemory()
  const seen = { commits: 0, largest: 0 }
  const counted: typeof ledger = {
    ...ledger,
    commit: (changes) => {
      const deliveries = changes.filter((change) => change._tag === "Delivered").length
      if (deliveries > 0) seen.commits++
      seen.largest = Math.max(seen.largest, deliveries)
      return ledger.commit(changes)
    },
  }
  return { counted, seen }
}

describe("many files in one go", () => {
  it.effect("everything arrives, many in a commit, and nothing twice", () =>
    Effect.gen(function* () {
      const { expected, world } = yield* worldWith(1_000)
      const { counted, seen } = counting()
      yield* run(
        world,
        config(),
        (conveyor) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* held(world), expected)
            const log = yield* world.servers.get("cdn").log
            assert.strictEqual(log.filter((entry) => entry.operation === "put").length, 1_000)
            assert.isTrue((yield* conveyor.status).inSync)
            const { done, total } = conveyor.progress()
            assert.deepStrictEqual([done, total], [1_000, 1_000])
            assert.deepStrictEqual(yield* world.servers.violations, [])
          }),
        counted,
      )
      assert.isAtMost(seen.commits, 12)
      assert.isAtLeast(seen.largest, 32)
    }),
  )

  it.effect("what the monitor tells of in a crowd goes together, too; what is written still or gone does not", () =>
    Effect.gen(function* () {
      const { expected, world } = yield* worldWith(10)
      const { counted, seen } = counting()
      yield* run(
        world,
        config(),
        (conveyor) =>
          Effect.gen(function* () {
            seen.commits = 0
            for (let i = 10; i < 400; i++) {
              yield* world.disk.write(`/site/d${i % 10}/${i}.css`, `file ${i}`)
              expected[`d${i % 10}/${i}.css`] = `file ${i}`
            }
            yield* world.disk.write("/site/d1/open.css", "half", { close: false })
            yield* world.disk.write("/site/d1/gone.css", "gone")
            yield* world.disk.remove("/site/d1/gone.css")
            yield* turns
            assert.deepStrictEqual(yield* held(world), expected)
            yield* world.disk.close("/site/d1/open.css")
            yield* untilQuiet(conveyor)
            assert.deepStrictEqual(yield* held(world), { ...expected, "d1/open.css": "half" })
            assert.deepStrictEqual(yield* world.servers.violations, [])
          }),
        counted,
      )
      assert.isAtMost(seen.commits, 20)
    }),
  )

  it.effect(
    "a crowd that goes is removed, written down together; what is back meanwhile, or can not be looked at, stays",
    () =>
      Effect.gen(function* () {
        const { expected, world } = yield* worldWith(400)
        const ledger = makeMemory()
        const forgotten: Array<number> = []
        const counting: typeof ledger.commit = (changes) => {
          const count = changes.filter((change) => change._tag === "Forgotten").length
          if (count > 0) forgotten.push(count)
          return ledger.commit(changes)
        }
        yield* run(
          world,
          config(),
          (conveyor) =>
            Effect.gen(function* () {
              for (let i = 0; i < 180; i++) {
                yield* world.disk.remove(`/site/d${i % 10}/${i}.css`)
                if (i > 0) delete expected[`d${i % 10}/${i}.css`]
              }
              yield* world.disk.setFaults({ unreadable: new Set(["/site/d9"]) })
              for (let i = 9; i < 180; i += 10) expected[`d9/${i}.css`] = `file ${i}`
              yield* turns
              yield* world.disk.write("/site/d0/0.css", "file 0")
              yield* untilQuiet(conveyor)
              assert.deepStrictEqual(yield* held(world), expected)
              assert.deepStrictEqual(forgotten, [161])
              yield* world.disk.setFaults({ unreadable: new Set() })
              for (let i = 9; i < 180; i += 10) delete expected[`d9/${i}.css`]
              yield* TestClock.adjust(600_000)
              yield* untilQuiet(conveyor)
              assert.deepStrictEqual(yield* held(world), expected)
            }),
          { ...ledger, commit: counting },
        )
      }),
  )

  it.effect("what was in work when the ledger's disk was full is delivered when there is room, without a scan", () =>
    Effect.gen(function* () {
      for (const many of [true, false]) {
        const { expected, world } = yield* worldWith(many ? 300 : 1)
        const ledger = makeMemory()
        let full = 3
        const commit: typeof ledger.commit = (changes) =>
          changes.some((change) => change._tag === "Delivered") && full-- > 0
            ? Effect.fail(new LedgerError({ reason: "OutOfSpace", detail: "full" }))
            : ledger.commit(changes)
        yield* run(
          world,
          config(),
          (conveyor) =>
            Effect.gen(function* () {
              for (let second = 0; second < 120 && !(yield* conveyor.status).inSync; second++) {
                yield* TestClock.adjust(1_000)
                yield* turns
              }
              assert.isBelow(full, 0)
              assert.deepStrictEqual(yield* held(world), expected)
              assert.isTrue((yield* conveyor.status).inSync)
            }),
          { ...ledger, commit },
        )
      }
    }),
  )

  it.effect("files found young, as after a deploy, go together once they held still", () =>
    Effect.gen(function* () {
      const { world } = yield* worldWith(10)
      const { counted, seen } = counting()
      for (let i = 0; i < 400; i++) yield* world.disk.write(`/site/d${i % 10}/${i}.css`, `new ${i}`)
      yield* run(
        world,
        config(),
        () =>
          Effect.gen(function* () {
            const files = yield* held(world)
            assert.strictEqual(Object.values(files).filter((one) => one.startsWith("new")).length, 400)
          }),
        counted,
      )
      assert.isAtMost(seen.commits, 20)
    }),
  )

  it.effect("a file that fails does not hold up those it came with, and is tried again", () =>
    Effect.gen(function* () {
      const { expected, world } = yield* worldWith(300)
      yield* world.servers
        .get("cdn")
        .inject({ fault: { _tag: "Fail", reason: { _tag: "Rejected" } }, path: (path) => path === "d3/33.css" })
      yield* run(world, config(), (conveyor) =>
        Effect.gen(function* () {
          const { "d3/33.css": _, ...others } = expected
          assert.deepStrictEqual(yield* held(world), others)
          const { failures } = yield* conveyor.status
          assert.deepStrictEqual(
            failures.map((failure) => failure.path),
            ["d3/33.css" as RelativePath],
          )
          yield* world.servers.heal
          yield* TestClock.adjust(60_000)
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* held(world), expected)
          assert.deepStrictEqual((yield* conveyor.status).failures, [])
        }),
      )
    }),
  )

  it.effect("a server that goes away in the middle gets the rest when it is back", () =>
    Effect.gen(function* () {
      const { expected, world } = yield* worldWith(400)
      yield* world.servers
        .get("cdn")
        .inject({ fault: { _tag: "Fail", reason: { _tag: "Unreachable" } }, probability: 0.3, times: 50 })
      yield* run(world, config(), (conveyor) =>
        Effect.gen(function* () {
          yield* TestClock.adjust(600_000)
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* held(world), expected)
          assert.deepStrictEqual(yield* world.servers.violations, [])
        }),
      )
    }),
  )

  it.effect("changed files replace their old versions, and old names are retired", () =>
    Effect.gen(function* () {
      const { world } = yield* worldWith(200)
      const ledger = makeMemory()
      const unique = config([
        testRule("all", ["cdn"], { chain: [{ name: "unique_filename.MD5", settings: {} }], fingerprint: "u" }),
      ])
      yield* run(world, unique, () => Effect.void, ledger)
      const before = Object.keys(yield* held(world))
      assert.strictEqual(before.length, 200)
      for (let i = 0; i < 200; i++) yield* world.disk.write(`/site/d${i % 10}/${i}.css`, `changed ${i}`)
      yield* TestClock.adjust(60_000)
      yield* run(
        world,
        unique,
        (conveyor) =>
          Effect.gen(function* () {
            // Old versions stay for the grace period.
            assert.strictEqual(Object.keys(yield* held(world)).length, 400)
            yield* TestClock.adjust(unique.settings.gracePeriod + 1_000)
            yield* untilQuiet(conveyor)
            const after = yield* held(world)
            assert.deepStrictEqual(
              Object.values(after).sort(),
              Array.from({ length: 200 }, (_, i) => `changed ${i}`).sort(),
            )
            assert.isFalse(before.some((name) => name in after))
          }),
        ledger,
      )
    }),
  )

  it.effect("two files for one place: the first has it, the second is a failure that says so", () =>
    Effect.gen(function* () {
      const renaming = [{ name: "same", settings: {} }]
      const clash = yield* makeTestWorld({
        servers: [{ name: "cdn", many: true, capabilities: { connections: 256 } }],
        processors: [
          {
            name: "same",
            inline: true,
            process: (job) => Effect.succeed({ content: job.content, baseName: job.baseName.replace(" ", "_") }),
          },
        ],
      })
      yield* clash.disk.mkdir("/site")
      for (const name of ["x y", "x_y", "z"]) yield* clash.disk.write(`/site/${name}`, name)
      yield* TestClock.adjust(60_000)
      yield* run(clash, config([testRule("all", ["cdn"], { chain: renaming })]), (conveyor) =>
        Effect.gen(function* () {
          const files = yield* held(clash)
          assert.deepStrictEqual(Object.keys(files).sort(), ["x_y", "z"])
          const [failure] = (yield* conveyor.status).failures
          assert.include(failure?.reason, "published already")
          assert.deepStrictEqual(yield* clash.servers.violations, [])
        }),
      )
    }),
  )
})
