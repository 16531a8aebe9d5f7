import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { Config } from "../../src/domain/Config.ts"
import { Ledger, type LedgerChange } from "../../src/domain/Ledger.ts"
import { GRACE_PERIOD } from "../../src/domain/Limits.ts"
import type { RelativePath, RemotePath, ServerName, SourceName } from "../../src/domain/Path.ts"
import type { Rule } from "../../src/domain/Rule.ts"
import { emptyState, layerMemory as layerLedger, makeMemory } from "../../src/layers/ledger/memory.ts"
import { md5, mtime } from "../../src/layers/processors/uniqueFilename.ts"
import { layerMemory as layerPublisher } from "../../src/layers/publishers/memory.ts"
import { layerTestWorld, makeTestWorld, type TestWorld } from "../../src/testing.ts"
import { start, testConfig, testRule, turns, untilQuiet } from "../support/conveyor.ts"

const site = "site" as SourceName
const cdn = "cdn" as ServerName
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const path = (name: string) => name as RelativePath

/** What a server holds, as text by path. */
const held = (world: TestWorld, server: string) =>
  Effect.map(world.servers.get(server).files, (files) =>
    Object.fromEntries([...files].map(([name, file]) => [name, text(file.bytes)]).sort()),
  )

const withWorld = <A, E>(servers: ReadonlyArray<string>, use: (world: TestWorld) => Effect.Effect<A, E, never>) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(1_700_000_000_000)
    const world = yield* makeTestWorld({ servers, processors: [md5, mtime] })
    yield* world.disk.mkdir("/site")
    return yield* use(world)
  })

/** Runs `use` in the graph of `config`, with a ledger and a map that live as long as the test. */
const inGraph = <A, E>(
  world: TestWorld,
  config: Config,
  use: (conveyor: Effect.Success<ReturnType<typeof start>>, ledger: Ledger["Service"]) => Effect.Effect<A, E, never>,
  kept: Layer.Layer<Ledger> = layerLedger,
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const conveyor = yield* start(config)
      yield* untilQuiet(conveyor)
      return yield* use(conveyor, ledger)
    }),
  ).pipe(Effect.provide(layerTestWorld(world, { ledger: kept, publisher: layerPublisher })))

/** A ledger in which what this server confirmed is written down a minute later. */
const slowOf = (state: ReturnType<typeof emptyState>, server: ServerName) =>
  Layer.sync(Ledger, () => {
    const ledger = makeMemory(state)
    const isOfServer = (change: LedgerChange) => change._tag === "Delivered" && change.delivery.server === server
    return {
      ...ledger,
      commit: (changes) =>
        changes.some(isOfServer) ? Effect.delay(ledger.commit(changes), 60_000) : ledger.commit(changes),
    }
  })

describe("the graph", () => {
  it.effect("delivers what is there at the start, then what is created, changed, moved and deleted", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.disk.mkdir("/site/css")
        yield* world.disk.write("/site/css/a.css", "a")
        yield* world.disk.write("/site/b.txt", "b")
        yield* inGraph(
          world,
          testConfig({ servers: ["cdn"], rules: [testRule("all", ["cdn"], { path: "static" })] }),
          (conveyor) =>
            Effect.gen(function* () {
              assert.deepStrictEqual(yield* held(world, "cdn"), { "static/b.txt": "b", "static/css/a.css": "a" })
              yield* world.disk.write("/site/css/a.css", "a2")
              yield* world.disk.mkdir("/site/new")
              yield* world.disk.write("/site/new/c.js", "c")
              yield* world.disk.remove("/site/b.txt")
              yield* untilQuiet(conveyor)
              assert.deepStrictEqual(yield* held(world, "cdn"), { "static/css/a.css": "a2", "static/new/c.js": "c" })
              yield* world.disk.rename("/site/css", "/site/styles")
              yield* untilQuiet(conveyor)
              assert.deepStrictEqual(yield* held(world, "cdn"), { "static/new/c.js": "c", "static/styles/a.css": "a2" })
              assert.isTrue((yield* conveyor.status).inSync)
              assert.deepStrictEqual(yield* world.servers.violations, [])
              const { done, total } = conveyor.progress()
              assert.isAtLeast(done, 2)
              assert.strictEqual(done, total)
            }),
        )
      }),
    ),
  )

  it.effect("takes a file that was closed at once, without any wait", () =>
    withWorld(["cdn"], (world) =>
      inGraph(world, testConfig({ servers: ["cdn"], rules: [testRule("all", ["cdn"])] }), (conveyor) =>
        Effect.gen(function* () {
          yield* TestClock.adjust(60_000)
          yield* world.disk.write("/site/a", "1")
          yield* turns
          assert.deepStrictEqual(yield* held(world, "cdn"), { a: "1" })
          yield* untilQuiet(conveyor)
        }),
      ),
    ),
  )

  it.effect("a file that goes with its directory while it is delivered does not stay on the server", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.disk.mkdir("/site/b")
        yield* inGraph(
          world,
          testConfig({ servers: ["cdn"], rules: [testRule("all", ["cdn"])] }),
          (conveyor) =>
            Effect.gen(function* () {
              yield* world.disk.write("/site/b/a", "1")
              yield* turns
              assert.deepStrictEqual(yield* held(world, "cdn"), { "b/a": "1" })
              yield* world.disk.rename("/site/b", "/away")
              yield* TestClock.adjust(61_000)
              yield* untilQuiet(conveyor)
              assert.deepStrictEqual(yield* held(world, "cdn"), {})
            }),
          slowOf(emptyState(), cdn),
        )
      }),
    ),
  )

  it.effect("never publishes half of a file that is still open", () =>
    withWorld(["cdn"], (world) =>
      inGraph(world, testConfig({ servers: ["cdn"], rules: [testRule("all", ["cdn"])] }), (conveyor) =>
        Effect.gen(function* () {
          yield* world.disk.write("/site/a", "one", { close: false })
          for (let i = 0; i < 6; i++) {
            yield* TestClock.adjust(500)
            yield* turns
            assert.deepStrictEqual(yield* held(world, "cdn"), {})
            yield* world.disk.append("/site/a", ".", { close: false })
          }
          yield* world.disk.close("/site/a")
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* held(world, "cdn"), { a: "one......" })
        }),
      ),
    ),
  )

  it.effect("a link that leads through another link goes when that one does, be it alone or with its directory", () =>
    withWorld(["cdn"], (world) =>
      inGraph(world, testConfig({ servers: ["cdn"], rules: [testRule("all", ["cdn"])] }), (conveyor) =>
        Effect.gen(function* () {
          yield* world.disk.write("/site/b/p", "p")
          for (const name of ["one", "two"]) {
            yield* world.disk.symlink("/site/b/p", `/site/${name}/link`)
            yield* world.disk.symlink(`/site/${name}/link`, `/site/${name}-through`)
          }
          yield* untilQuiet(conveyor)
          assert.strictEqual(Object.keys(yield* held(world, "cdn")).length, 5)
          yield* world.disk.rename("/site/one", "/away")
          yield* world.disk.remove("/site/two/link")
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* held(world, "cdn"), { "b/p": "p" })
        }),
      ),
    ),
  )

  it.effect("a server that is down delays nobody, and gets everything when it is back", () =>
    withWorld(["cdn", "mirror"], (world) =>
      inGraph(
        world,
        testConfig({ servers: ["cdn", "mirror"], rules: [testRule("all", ["cdn", "mirror"])] }),
        (conveyor) =>
          Effect.gen(function* () {
            yield* world.servers.get("mirror").set({ up: false })
            for (let i = 0; i < 20; i++) yield* world.disk.write(`/site/${i}`, `${i}`)
            yield* untilQuiet(conveyor)
            assert.strictEqual(Object.keys(yield* held(world, "cdn")).length, 20)
            assert.deepStrictEqual(yield* held(world, "mirror"), {})
            const down = (yield* conveyor.status).servers.find((server) => server.name === "mirror")
            assert.strictEqual(down?.state, "down")
            assert.isFalse((yield* conveyor.status).inSync)
            yield* world.servers.get("mirror").set({ up: true })
            yield* TestClock.adjust(300_000)
            yield* untilQuiet(conveyor)
            assert.deepStrictEqual(yield* held(world, "mirror"), yield* held(world, "cdn"))
            assert.isTrue((yield* conveyor.status).inSync)
          }),
      ),
    ),
  )

  it.effect("a server that comes back while nothing waits for it gets what comes later", () =>
    withWorld(["cdn"], (world) =>
      inGraph(world, testConfig({ servers: ["cdn"], rules: [testRule("all", ["cdn"])] }), (conveyor) =>
        Effect.gen(function* () {
          yield* world.servers.get("cdn").set({ up: false })
          yield* world.disk.write("/site/a", "1")
          yield* untilQuiet(conveyor)
          yield* world.disk.remove("/site/a")
          yield* world.servers.get("cdn").set({ up: true })
          yield* TestClock.adjust(60_000)
          yield* untilQuiet(conveyor)
          yield* world.disk.write("/site/b", "2")
          yield* TestClock.adjust(60_000)
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* held(world, "cdn"), { b: "2" })
        }),
      ),
    ),
  )

  it.effect("takes a deleted file off a server that no rule sends to any more", () =>
    withWorld(["cdn", "mirror"], (world) =>
      Effect.gen(function* () {
        const ledger = yield* Layer.build(layerLedger).pipe(Effect.map(Context.get(Ledger)))
        const run = (servers: ReadonlyArray<string>) =>
          Effect.scoped(
            Effect.gen(function* () {
              const conveyor = yield* start(
                testConfig({ servers: ["cdn", "mirror"], rules: [testRule("all", servers)] }),
              )
              yield* untilQuiet(conveyor)
              yield* TestClock.adjust(5_000)
              yield* untilQuiet(conveyor)
            }),
          ).pipe(
            Effect.provide(layerTestWorld(world, { ledger: Layer.succeed(Ledger, ledger), publisher: layerPublisher })),
          )
        yield* world.disk.write("/site/a", "1")
        yield* run(["cdn", "mirror"])
        yield* world.disk.remove("/site/a")
        yield* run(["cdn"])
        assert.deepStrictEqual(yield* held(world, "cdn"), {})
        assert.deepStrictEqual(yield* held(world, "mirror"), {})
      }).pipe(Effect.scoped),
    ),
  )

  it.effect("parks a file that is refused, shows why, and tries again by itself", () =>
    withWorld(["cdn"], (world) =>
      inGraph(world, testConfig({ servers: ["cdn"], rules: [testRule("all", ["cdn"])] }), (conveyor, ledger) =>
        Effect.gen(function* () {
          yield* world.servers.get("cdn").inject({
            fault: { _tag: "Fail", reason: { _tag: "PermissionDenied" } },
            operations: ["put"],
            path: (name) => name === "bad",
            times: 2,
          })
          yield* world.disk.write("/site/bad", "x")
          yield* world.disk.write("/site/good", "y")
          yield* untilQuiet(conveyor)
          const failures = yield* ledger.failures(10)
          assert.deepStrictEqual(
            failures.map((failure) => [failure.path, failure.attempts]),
            [[path("bad"), 1]],
          )
          assert.deepStrictEqual(yield* held(world, "cdn"), { good: "y" })
          yield* TestClock.adjust(10_000)
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* held(world, "cdn"), { bad: "x", good: "y" })
          assert.deepStrictEqual(yield* ledger.failures(10), [])
        }),
      ),
    ),
  )

  it.effect("a removal that the server refuses is tried again in time, not without end", () =>
    withWorld(["cdn"], (world) =>
      inGraph(world, testConfig({ servers: ["cdn"], rules: [testRule("all", ["cdn"])] }), (conveyor) =>
        Effect.gen(function* () {
          yield* world.disk.write("/site/a", "1")
          yield* untilQuiet(conveyor)
          yield* world.servers.get("cdn").inject({
            fault: { _tag: "Fail", reason: { _tag: "PermissionDenied" } },
            operations: ["remove"],
          })
          yield* world.disk.remove("/site/a")
          for (let second = 0; second < 20; second++) {
            yield* TestClock.adjust(1_000)
            yield* turns
          }
          const asked = (yield* world.servers.get("cdn").log).filter((entry) => entry.operation === "remove")
          assert.isAtLeast(asked.length, 2)
          assert.isAtMost(asked.length, 6)
          yield* world.servers.get("cdn").heal
          yield* TestClock.adjust(60_000)
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* held(world, "cdn"), {})
        }),
      ),
    ),
  )

  it.effect("keeps the old name for the grace period when content gives a new one", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        const rules = [testRule("all", ["cdn"], { chain: [{ name: "unique_filename.MD5", settings: {} }] })]
        yield* inGraph(world, testConfig({ servers: ["cdn"], rules }), (conveyor) =>
          Effect.gen(function* () {
            yield* world.disk.write("/site/a.css", "1")
            yield* untilQuiet(conveyor)
            yield* world.disk.write("/site/a.css", "2")
            yield* untilQuiet(conveyor)
            assert.deepStrictEqual(Object.values(yield* held(world, "cdn")).sort(), ["1", "2"])
            yield* TestClock.adjust(GRACE_PERIOD + 1_000)
            yield* untilQuiet(conveyor)
            assert.deepStrictEqual(yield* held(world, "cdn"), { "a_c81e728d9d4c2f636f067f89cc14862c.css": "2" })
          }),
        )
      }),
    ),
  )

  it.effect("touch alone leads to a new delivery", () =>
    withWorld(["cdn"], (world) =>
      inGraph(world, testConfig({ servers: ["cdn"], rules: [testRule("all", ["cdn"])] }), (conveyor) =>
        Effect.gen(function* () {
          yield* world.disk.write("/site/a", "1")
          yield* untilQuiet(conveyor)
          const before = (yield* world.servers.get("cdn").log).filter((entry) => entry.operation === "put").length
          yield* TestClock.adjust(5_000)
          yield* world.disk.touch("/site/a")
          yield* untilQuiet(conveyor)
          const after = (yield* world.servers.get("cdn").log).filter((entry) => entry.operation === "put").length
          assert.strictEqual(after, before + 1)
        }),
      ),
    ),
  )
})

describe("the mass-delete guard", () => {
  const many = Effect.fnUntraced(function* (world: TestWorld, count: number) {
    for (let i = 0; i < count; i++) yield* world.disk.write(`/site/${i}`, `${i}`)
  })
  const config = testConfig({ servers: ["cdn"], rules: [testRule("all", ["cdn"])] })

  it.effect("holds back the emptying of a source until it is confirmed, while everything else goes on", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* many(world, 150)
        yield* inGraph(world, config, (conveyor) =>
          Effect.gen(function* () {
            for (let i = 0; i < 140; i++) yield* world.disk.remove(`/site/${i}`)
            yield* untilQuiet(conveyor)
            assert.strictEqual(Object.keys(yield* held(world, "cdn")).length, 150)
            assert.include((yield* conveyor.status).sources[0]?.hold, { missing: 140, total: 150 })
            yield* world.disk.write("/site/new", "new")
            yield* untilQuiet(conveyor)
            assert.strictEqual((yield* held(world, "cdn"))["new"], "new")
            conveyor.confirmDeletes(site)
            yield* untilQuiet(conveyor)
            assert.strictEqual(Object.keys(yield* held(world, "cdn")).length, 11)
            assert.isUndefined((yield* conveyor.status).sources[0]?.hold)
            assert.isTrue((yield* conveyor.status).inSync)
          }),
        )
      }),
    ),
  )

  it.effect("lets go by itself when the files are back", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* many(world, 150)
        yield* inGraph(world, config, (conveyor) =>
          Effect.gen(function* () {
            for (let i = 0; i < 140; i++) yield* world.disk.remove(`/site/${i}`)
            yield* untilQuiet(conveyor)
            assert.isDefined((yield* conveyor.status).sources[0]?.hold)
            yield* many(world, 139)
            yield* untilQuiet(conveyor)
            conveyor.retryAll()
            yield* untilQuiet(conveyor)
            assert.isUndefined((yield* conveyor.status).sources[0]?.hold)
            assert.strictEqual(Object.keys(yield* held(world, "cdn")).length, 149)
          }),
        )
      }),
    ),
  )

  it.effect("does not count files that moved within their source", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.disk.mkdir("/site/old")
        for (let i = 0; i < 150; i++) yield* world.disk.write(`/site/old/${i}`, `${i}`)
        yield* inGraph(world, config, (conveyor) =>
          Effect.gen(function* () {
            yield* world.disk.rename("/site/old", "/site/new")
            yield* untilQuiet(conveyor)
            const names = Object.keys(yield* held(world, "cdn"))
            assert.strictEqual(names.length, 150)
            assert.isTrue(names.every((name) => name.startsWith("new/")))
          }),
        )
      }),
    ),
  )

  it.effect("a retry that comes due while the root is missing deletes nothing", () =>
    withWorld(["cdn"], (world) =>
      inGraph(world, config, (conveyor) =>
        Effect.gen(function* () {
          yield* world.disk.write("/site/a", "1")
          yield* untilQuiet(conveyor)
          yield* world.servers.get("cdn").inject({
            fault: { _tag: "Fail", reason: { _tag: "PermissionDenied" } },
            operations: ["put"],
            times: 1,
          })
          yield* world.disk.write("/site/a", "2")
          yield* untilQuiet(conveyor)
          yield* world.disk.rename("/site", "/away")
          yield* TestClock.adjust(60_000)
          yield* turns
          assert.deepStrictEqual(yield* held(world, "cdn"), { a: "1" })
          yield* world.disk.rename("/away", "/site")
          yield* TestClock.adjust(60_000)
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* held(world, "cdn"), { a: "2" })
        }),
      ),
    ),
  )

  it.effect("a confirmation that waits for a server does not reach files that went missing with their root since", () =>
    withWorld(["cdn"], (world) =>
      inGraph(world, config, (conveyor) =>
        Effect.gen(function* () {
          yield* many(world, 5)
          yield* untilQuiet(conveyor)
          yield* world.servers.get("cdn").set({ up: false })
          yield* world.disk.write("/site/0", "again")
          yield* untilQuiet(conveyor)
          conveyor.confirmDeletes(site)
          yield* untilQuiet(conveyor)
          yield* world.disk.rename("/site", "/away")
          yield* world.disk.mkdir("/site")
          yield* world.servers.get("cdn").set({ up: true })
          yield* TestClock.adjust(600_000)
          yield* untilQuiet(conveyor)
          assert.strictEqual(Object.keys(yield* held(world, "cdn")).length, 5)
          assert.isDefined((yield* conveyor.status).sources[0]?.hold)
        }),
      ),
    ),
  )

  it.effect(
    "a confirmation reaches what was missing then on a server that is down, and nothing that goes missing later",
    () =>
      withWorld(["cdn", "mirror"], (world) =>
        Effect.gen(function* () {
          const both = testConfig({ servers: ["cdn", "mirror"], rules: [testRule("all", ["cdn", "mirror"])] })
          yield* many(world, 600)
          const cdn = world.servers.get("cdn")
          const state = emptyState()
          const kept = Layer.sync(Ledger, () => makeMemory(state))
          yield* inGraph(
            world,
            both,
            (conveyor) =>
              Effect.gen(function* () {
                for (let i = 0; i < 310; i++) yield* world.disk.remove(`/site/${i}`)
                yield* untilQuiet(conveyor)
                assert.include((yield* conveyor.status).sources[0]?.hold, { missing: 310, total: 600 })
                yield* cdn.set({ up: false })
                yield* world.disk.write("/site/new", "new")
                yield* untilQuiet(conveyor)
                conveyor.confirmDeletes(site)
                yield* untilQuiet(conveyor)
                assert.strictEqual(Object.keys(yield* held(world, "mirror")).length, 291)
                for (let i = 310; i < 550; i++) yield* world.disk.remove(`/site/${i}`)
                yield* untilQuiet(conveyor)
                assert.include((yield* conveyor.status).sources[0]?.hold, { missing: 240, total: 291 })
              }),
            kept,
          )
          // What was confirmed is owed across a restart, and nobody is asked for it again.
          yield* cdn.set({ up: true })
          yield* inGraph(
            world,
            both,
            (conveyor) =>
              Effect.gen(function* () {
                yield* TestClock.adjust(600_000)
                yield* untilQuiet(conveyor)
                assert.strictEqual(Object.keys(yield* held(world, "cdn")).length, 291)
                assert.strictEqual(Object.keys(yield* held(world, "mirror")).length, 291)
                assert.include((yield* conveyor.status).sources[0]?.hold, { missing: 240, total: 291 })
              }),
            kept,
          )
        }),
      ),
  )

  it.effect("a confirmation while nothing is held is not about another directory that takes the root's place", () =>
    withWorld(["cdn"], (world) =>
      inGraph(world, config, (conveyor) =>
        Effect.gen(function* () {
          yield* many(world, 5)
          yield* untilQuiet(conveyor)
          yield* world.disk.setFaults({ latency: 300 })
          conveyor.confirmDeletes(site)
          yield* turns
          yield* world.disk.rename("/site", "/away")
          yield* world.disk.mkdir("/site/new")
          yield* TestClock.adjust(600_000)
          yield* world.disk.setFaults({ latency: 0 })
          yield* TestClock.adjust(600_000)
          yield* untilQuiet(conveyor)
          assert.strictEqual(Object.keys(yield* held(world, "cdn")).length, 5)
          assert.isDefined((yield* conveyor.status).sources[0]?.hold)
        }),
      ),
    ),
  )

  it.effect("deletes nothing while the root is missing", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* many(world, 5)
        yield* inGraph(world, config, (conveyor) =>
          Effect.gen(function* () {
            yield* world.disk.rename("/site", "/away")
            yield* TestClock.adjust(60_000)
            yield* turns
            assert.strictEqual((yield* conveyor.status).sources[0]?.state, "away")
            assert.strictEqual(Object.keys(yield* held(world, "cdn")).length, 5)
            yield* world.disk.rename("/away", "/site")
            yield* TestClock.adjust(60_000)
            yield* untilQuiet(conveyor)
            assert.isTrue((yield* conveyor.status).inSync)
          }),
        )
      }),
    ),
  )
})

describe("fileDeletionDelayAfterSync", () => {
  it.effect(
    "deletes the source file once every destination has it and the delay has passed, and keeps the delivery",
    () =>
      withWorld(["cdn", "mirror"], (world) =>
        Effect.gen(function* () {
          const rules = [testRule("all", ["cdn", "mirror"], { fileDeletionDelayAfterSync: 60 })]
          yield* inGraph(world, testConfig({ servers: ["cdn", "mirror"], rules }), (conveyor) =>
            Effect.gen(function* () {
              yield* world.servers.get("mirror").set({ up: false })
              yield* world.disk.write("/site/a", "1")
              yield* untilQuiet(conveyor)
              yield* TestClock.adjust(120_000)
              yield* turns
              assert.strictEqual((yield* world.disk.files("/site")).size, 1)
              yield* world.servers.get("mirror").set({ up: true })
              yield* TestClock.adjust(300_000)
              yield* untilQuiet(conveyor)
              yield* TestClock.adjust(61_000)
              yield* untilQuiet(conveyor)
              assert.strictEqual((yield* world.disk.files("/site")).size, 0)
              assert.deepStrictEqual(yield* held(world, "cdn"), { a: "1" })
              assert.deepStrictEqual(yield* held(world, "mirror"), { a: "1" })
              conveyor.retryAll()
              yield* untilQuiet(conveyor)
              assert.deepStrictEqual(yield* held(world, "cdn"), { a: "1" })
            }),
          )
        }),
      ),
  )

  it.effect(
    "waits while a server is given the file once more, as it is after a crash in the middle of a deletion",
    () =>
      withWorld(["cdn", "mirror"], (world) =>
        Effect.gen(function* () {
          const config = (fileDeletionDelayAfterSync?: number) =>
            testConfig({
              servers: ["cdn", "mirror"],
              rules: [testRule("all", ["cdn", "mirror"], { fileDeletionDelayAfterSync })],
            })
          const state = emptyState()
          const kept = Layer.sync(Ledger, () => makeMemory(state))
          const slow = slowOf(state, cdn)
          yield* world.disk.write("/site/a", "1")
          yield* inGraph(
            world,
            config(),
            (_, ledger) =>
              Effect.gen(function* () {
                const [delivery] = yield* Effect.orDie(ledger.deliveriesOf(site, path("a")))
                assert.isDefined(delivery)
                const deleted = { _tag: "SourceDeleted", source: site, path: path("a"), state: delivery.state } as const
                yield* Effect.orDie(ledger.commit([deleted]))
              }),
            kept,
          )
          yield* inGraph(
            world,
            config(5),
            (conveyor) =>
              Effect.gen(function* () {
                yield* TestClock.adjust(120_000)
                yield* untilQuiet(conveyor)
                assert.strictEqual((yield* world.disk.files("/site")).size, 0)
                conveyor.retryAll()
                yield* untilQuiet(conveyor)
                assert.deepStrictEqual(yield* held(world, "mirror"), { a: "1" })
                assert.deepStrictEqual(yield* held(world, "cdn"), { a: "1" })
              }),
            slow,
          )
        }),
      ),
  )

  it.effect("leaves the file alone when it changed meanwhile", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        const rules = [testRule("all", ["cdn"], { fileDeletionDelayAfterSync: 60 })]
        yield* inGraph(world, testConfig({ servers: ["cdn"], rules }), (conveyor) =>
          Effect.gen(function* () {
            yield* world.disk.write("/site/a", "1")
            yield* untilQuiet(conveyor)
            yield* TestClock.adjust(30_000)
            yield* world.disk.write("/site/a", "2")
            yield* untilQuiet(conveyor)
            yield* TestClock.adjust(40_000)
            yield* untilQuiet(conveyor)
            assert.strictEqual((yield* world.disk.files("/site")).size, 1)
            yield* TestClock.adjust(30_000)
            yield* untilQuiet(conveyor)
            assert.strictEqual((yield* world.disk.files("/site")).size, 0)
            assert.deepStrictEqual(yield* held(world, "cdn"), { a: "2" })
          }),
        )
      }),
    ),
  )
})

describe("collisions", () => {
  it.effect("a file that is refused under one rule is delivered under the others", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        const rules = [testRule("first", ["cdn"], { path: "one" }), testRule("second", ["cdn"], { path: "two" })]
        yield* world.servers.get("cdn").inject({
          fault: { _tag: "Fail", reason: { _tag: "PermissionDenied" } },
          operations: ["put"],
          path: (name) => name.startsWith("one/"),
        })
        yield* inGraph(world, testConfig({ servers: ["cdn"], rules }), (conveyor, ledger) =>
          Effect.gen(function* () {
            yield* world.disk.write("/site/a", "1")
            yield* untilQuiet(conveyor)
            assert.deepStrictEqual(yield* held(world, "cdn"), { "two/a": "1" })
            assert.strictEqual((yield* ledger.failures(10)).length, 1)
          }),
        )
      }),
    ),
  )

  it.effect("two rules that would publish different things at one place: the first has it, the second says so", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        const first = testRule("first", ["cdn"], { path: "x", fingerprint: "as it is" })
        const second = testRule("second", ["cdn"], { path: "x", fingerprint: "packed", fileDeletionDelayAfterSync: 5 })
        yield* world.disk.write("/site/a", "1")
        yield* inGraph(world, testConfig({ servers: ["cdn"], rules: [first, second] }), (conveyor, ledger) =>
          Effect.gen(function* () {
            const [failure] = yield* ledger.failures(10)
            assert.include(failure?.reason, 'is where rule "first" publishes it already')
            assert.deepStrictEqual(
              (yield* ledger.deliveriesOf(site, path("a"))).map(({ rule }) => rule),
              [first.id],
            )
            yield* TestClock.adjust(60_000)
            yield* untilQuiet(conveyor)
            // Not every rule has its copy, so the source stays.
            assert.isTrue((yield* world.disk.files("/site")).has("a"))
            assert.deepStrictEqual(yield* held(world, "cdn"), { "x/a": "1" })
          }),
        )
      }),
    ),
  )

  it.effect("the copy of a file that was deleted after delivery is not replaced by another file of its name", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        const first = testRule("first", ["cdn"], { path: "x", fileDeletionDelayAfterSync: 5, filter: { paths: ["y"] } })
        const second = testRule("second", ["cdn"], { path: "x/y", filter: { paths: ["z"] } })
        const config = testConfig({ servers: ["cdn"], rules: [first, second] })
        yield* world.disk.write("/site/y/z/a", "the only copy")
        yield* inGraph(world, config, (conveyor, ledger) =>
          Effect.gen(function* () {
            yield* TestClock.adjust(60_000)
            yield* untilQuiet(conveyor)
            assert.isFalse((yield* world.disk.files("/site")).has("y/z/a"))
            yield* world.disk.write("/site/z/a", "another")
            yield* untilQuiet(conveyor)
            assert.deepStrictEqual(yield* held(world, "cdn"), { "x/y/z/a": "the only copy" })
            assert.include((yield* ledger.failures(10))[0]?.reason, "is where y/z/a is published already")
          }),
        )
      }),
    ),
  )

  it.effect("two rules that publish the same thing at one place share it, until the last of them goes", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        const rules = [testRule("first", ["cdn"], { path: "x" }), testRule("second", ["cdn"], { path: "x" })]
        const config = (rules: ReadonlyArray<Rule>) => testConfig({ servers: ["cdn"], rules })
        yield* world.disk.write("/site/a", "1")
        const state = emptyState()
        const run = <A, E>(
          config: Config,
          use: (conveyor: Effect.Success<ReturnType<typeof start>>) => Effect.Effect<A, E>,
        ) =>
          inGraph(
            world,
            config,
            use,
            Layer.sync(Ledger, () => makeMemory(state)),
          )
        yield* run(config(rules), (conveyor) =>
          Effect.gen(function* () {
            assert.deepStrictEqual((yield* conveyor.status).failures, [])
            assert.deepStrictEqual(yield* held(world, "cdn"), { "x/a": "1" })
          }),
        )
        yield* run(config(rules.slice(1)), (conveyor) =>
          Effect.gen(function* () {
            yield* TestClock.adjust(4_000_000)
            yield* untilQuiet(conveyor)
            assert.deepStrictEqual(yield* held(world, "cdn"), { "x/a": "1" })
          }),
        )
        yield* run(config([]), (conveyor) =>
          Effect.gen(function* () {
            yield* TestClock.adjust(4_000_000)
            yield* untilQuiet(conveyor)
            assert.deepStrictEqual(yield* held(world, "cdn"), {})
          }),
        )
      }),
    ),
  )

  it.effect("a file whose place is taken fails with the other's name, and gets the place when that one goes", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        const rules = [testRule("css", ["cdn"], { path: "x" }), testRule("x", ["cdn"], {})]
        yield* world.disk.mkdir("/site/x")
        yield* world.disk.write("/site/a", "root")
        yield* inGraph(world, testConfig({ servers: ["cdn"], rules }), (conveyor, ledger) =>
          Effect.gen(function* () {
            yield* world.disk.write("/site/x/a", "nested")
            yield* untilQuiet(conveyor)
            const [failure] = yield* ledger.failures(10)
            assert.include(failure?.reason, "is where a is published already")
            yield* world.disk.remove("/site/a")
            yield* TestClock.adjust(60_000)
            yield* untilQuiet(conveyor)
            assert.strictEqual((yield* held(world, "cdn"))["x/a"], "nested")
            assert.deepStrictEqual(yield* ledger.failures(10), [])
            assert.strictEqual((yield* ledger.occupants(cdn, "x/a" as RemotePath)).length, 1)
          }),
        )
      }),
    ),
  )
})
