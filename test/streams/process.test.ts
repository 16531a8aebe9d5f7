/** Chains: who shares what, what happens when a processor fails, and what is never published. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { Settings } from "../../src/domain/Config.ts"
import { ProcessorError } from "../../src/domain/Errors.ts"
import { Ledger } from "../../src/domain/Ledger.ts"
import type { RelativePath, ServerName, SourceName } from "../../src/domain/Path.ts"
import { defineProcessor, type ProcessorDefinition } from "../../src/domain/Processor.ts"
import type { Rule } from "../../src/domain/Rule.ts"
import { SourceFiles } from "../../src/domain/SourceFiles.ts"
import { layerMemory as layerLedger } from "../../src/layers/ledger/memory.ts"
import { md5 } from "../../src/layers/processors/uniqueFilename.ts"
import { layerMemory as layerPublisher } from "../../src/layers/publishers/memory.ts"
import { makeProcess } from "../../src/streams/process.ts"
import { booksOf } from "../../src/streams/shared.ts"
import { layerTestWorld, makeTestWorld, type TestWorld } from "../../src/testing.ts"
import { start, testConfig, testRule, turns, untilQuiet } from "../support/conveyor.ts"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const chain = (...names: ReadonlyArray<string>) => names.map((name) => ({ name, settings: {} }))

/** A processor that notes its runs, waits for a gate, and appends its name to the content. */
const noting = (
  name: string,
  runs: Array<string>,
  gate: Effect.Effect<void>,
  more: Partial<ProcessorDefinition> = {},
) =>
  defineProcessor({
    name,
    process: (job) =>
      Effect.gen(function* () {
        runs.push(`${name} ${job.path} ${job.server ?? ""}`.trim())
        yield* gate
        const bytes = yield* job.read
        return {
          content: yield* job.write(new TextEncoder().encode(`${text(bytes)}+${name}${job.server ?? ""}`)),
          baseName: job.baseName,
        }
      }),
    ...more,
  })

const servers = ["cdn", "mirror"].map((name) => name as ServerName)

const withChain = <A, E>(
  processors: ReadonlyArray<ProcessorDefinition>,
  rule: Rule,
  use: (run: {
    readonly world: TestWorld
    /** The bytes for a server, as text; its temporary files are there until `release`. */
    readonly on: (server: ServerName, release: Effect.Effect<void>) => Effect.Effect<string, unknown>
  }) => Effect.Effect<A, E>,
) =>
  Effect.gen(function* () {
    const world = yield* makeTestWorld({ servers, processors })
    yield* world.disk.mkdir("/site")
    yield* world.disk.write("/site/a.css", "a")
    const config = testConfig({ servers, rules: [rule] })
    const book = booksOf(config).get("site" as SourceName)
    if (book === undefined) return yield* Effect.die("no source")
    return yield* Effect.gen(function* () {
      const process = yield* makeProcess()
      const files = yield* SourceFiles
      const on = (server: ServerName, release: Effect.Effect<void>) =>
        Effect.gen(function* () {
          const path = "a.css" as RelativePath
          const state = yield* files.stat(book.source, path)
          if (state === undefined) return yield* Effect.die("no file")
          const processed = yield* process({ book, path, state, rule, server })
          yield* release
          return text(yield* Stream.mkUint8Array(processed.content.bytes))
        }).pipe(Effect.scoped)
      return yield* use({ world, on })
    }).pipe(Effect.scoped, Effect.provide(layerTestWorld(world, { ledger: layerLedger, publisher: layerPublisher })))
  })

describe("a chain for several servers", () => {
  it.effect("runs once, and its files stay until the last of them is done", () =>
    Effect.gen(function* () {
      const runs: Array<string> = []
      const gate = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      yield* withChain(
        [noting("One", runs, Deferred.await(gate)), noting("Two", runs, Effect.void)],
        testRule("all", servers, { chain: chain("One", "Two") }),
        ({ on, world }) =>
          Effect.gen(function* () {
            const first = yield* Effect.forkChild(on(servers[0]!, Effect.void))
            const second = yield* Effect.forkChild(on(servers[1]!, Deferred.await(release)))
            yield* turns
            yield* Deferred.succeed(gate, undefined)
            assert.strictEqual(yield* Fiber.join(first), "a+One+Two")
            assert.isAbove(yield* world.workspace.places, 0)
            yield* Deferred.succeed(release, undefined)
            assert.strictEqual(yield* Fiber.join(second), "a+One+Two")
            assert.strictEqual(yield* world.workspace.places, 0)
            assert.deepStrictEqual(runs, ["One a.css", "Two a.css"])
          }),
      )
    }),
  )

  it.effect("shares what comes before the first step that depends on the server, and nothing after", () =>
    Effect.gen(function* () {
      const runs: Array<string> = []
      const gate = yield* Deferred.make<void>()
      const wait = Deferred.await(gate)
      const processors = [
        noting("One", runs, wait),
        noting("Own", runs, Effect.void, { perServer: true }),
        noting("Two", runs, Effect.void),
      ]
      yield* withChain(processors, testRule("all", servers, { chain: chain("One", "Own", "Two") }), ({ on, world }) =>
        Effect.gen(function* () {
          const both = yield* Effect.forkChild(
            Effect.forEach(servers, (server) => on(server, Effect.void), { concurrency: 2 }),
          )
          yield* turns
          yield* Deferred.succeed(gate, undefined)
          assert.deepStrictEqual(yield* Fiber.join(both), ["a+One+Owncdn+Two", "a+One+Ownmirror+Two"])
          const sorted = ["One a.css", "Own a.css cdn", "Own a.css mirror", "Two a.css", "Two a.css"]
          assert.deepStrictEqual([...runs].sort(), sorted)
          assert.strictEqual(yield* world.workspace.places, 0)
        }),
      )
    }),
  )

  it.effect("goes on for one when another is interrupted, ends with the last, and begins anew after that", () =>
    Effect.gen(function* () {
      const runs: Array<string> = []
      let open = yield* Deferred.make<void>()
      const wait = Effect.suspend(() => Deferred.await(open))
      yield* withChain(
        [noting("One", runs, wait)],
        testRule("all", servers, { chain: chain("One") }),
        ({ on, world }) =>
          Effect.gen(function* () {
            const first = yield* Effect.forkChild(on(servers[0]!, Effect.void))
            const second = yield* Effect.forkChild(on(servers[1]!, Effect.void))
            yield* turns
            yield* Fiber.interrupt(first)
            yield* Deferred.succeed(open, undefined)
            assert.strictEqual(yield* Fiber.join(second), "a+One")
            assert.strictEqual(runs.length, 1)
            open = yield* Deferred.make<void>()
            const both = yield* Effect.forkChild(
              Effect.forEach(servers, (server) => on(server, Effect.void), { concurrency: 2 }),
            )
            yield* turns
            yield* Fiber.interrupt(both)
            assert.strictEqual(yield* world.workspace.places, 0)
            assert.strictEqual(runs.length, 2)
          }),
      )
    }),
  )
})

describe("an empty result", () => {
  const emptying = (name: string, more: Partial<ProcessorDefinition>) =>
    defineProcessor({
      name,
      process: (job) => Effect.map(job.write(new Uint8Array()), (content) => ({ content, baseName: job.baseName })),
      ...more,
    })
  it.effect("of a file that is not empty fails, unless the processor says that it may be", () =>
    Effect.gen(function* () {
      const run = (more: Partial<ProcessorDefinition>) =>
        withChain([emptying("Empty", more)], testRule("all", ["cdn"], { chain: chain("Empty") }), ({ on }) =>
          on(servers[0]!, Effect.void),
        )
      assert.match(String(yield* Effect.flip(run({}))), /Empty on a.css: made an empty file of one that is not/)
      assert.strictEqual(yield* run({ mayEmpty: true }), "")
    }),
  )
})

/** Fails on what begins with "bad". */
const picky = (tries: Array<string>): ProcessorDefinition =>
  defineProcessor({
    name: "Picky",
    process: (job) =>
      Effect.gen(function* () {
        const bytes = text(yield* job.read)
        tries.push(bytes)
        if (bytes.startsWith("full")) {
          return yield* new ProcessorError({ processor: "workspace", path: job.path, detail: "the disk is full" })
        }
        if (bytes.startsWith("bad")) {
          return yield* new ProcessorError({ processor: "Picky", path: job.path, detail: "does not parse" })
        }
        return { content: yield* job.write(new TextEncoder().encode(`${bytes} processed`)), baseName: job.baseName }
      }),
  })

const withRule = <A, E>(
  rule: Partial<Rule>,
  use: (parts: {
    readonly world: TestWorld
    readonly conveyor: Effect.Success<ReturnType<typeof start>>
    readonly ledger: Ledger["Service"]
    readonly tries: Array<string>
    readonly held: Effect.Effect<Record<string, string>>
    readonly puts: Effect.Effect<number>
  }) => Effect.Effect<A, E>,
  settings: Partial<Settings> = {},
) =>
  Effect.gen(function* () {
    const tries: Array<string> = []
    yield* TestClock.setTime(1_700_000_000_000)
    const world = yield* makeTestWorld({ servers: ["cdn"], processors: [picky(tries), md5] })
    yield* world.disk.mkdir("/site")
    const server = world.servers.get("cdn")
    const held = Effect.map(server.files, (files) =>
      Object.fromEntries([...files].map(([name, file]) => [name, text(file.bytes)])),
    )
    const puts = Effect.map(server.log, (log) => log.filter(({ operation }) => operation === "put").length)
    const config = testConfig({
      servers: ["cdn"],
      rules: [testRule("all", ["cdn"], { chain: chain("Picky", "unique_filename.MD5"), ...rule })],
      settings,
    })
    return yield* Effect.gen(function* () {
      const ledger = yield* Ledger
      const conveyor = yield* start(config)
      yield* untilQuiet(conveyor)
      return yield* use({ world, conveyor, ledger, tries, held, puts })
    }).pipe(Effect.scoped, Effect.provide(layerTestWorld(world, { ledger: layerLedger, publisher: layerPublisher })))
  })

describe("a processor that fails", () => {
  it.effect("holds the file back: the version before stays, and it is tried again", () =>
    withRule({}, ({ conveyor, held, ledger, tries, world }) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/a.css", "one")
        yield* untilQuiet(conveyor)
        const before = yield* held
        yield* world.disk.write("/site/a.css", "bad")
        yield* untilQuiet(conveyor)
        assert.deepStrictEqual(yield* held, before)
        assert.deepStrictEqual(Object.values(before), ["one processed"])
        const [failure] = yield* ledger.failures(10)
        assert.strictEqual(failure?.reason, "Picky on a.css: does not parse")
        yield* TestClock.adjust(60_000)
        yield* untilQuiet(conveyor)
        assert.isAbove(tries.filter((bytes) => bytes === "bad").length, 2)
        yield* world.disk.write("/site/a.css", "two")
        yield* untilQuiet(conveyor)
        assert.include(Object.values(yield* held), "two processed")
        assert.deepStrictEqual(yield* ledger.failures(10), [])
      }),
    ),
  )

  it.effect("while others are at work is told and tried again by itself, and they go on", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_000)
      const gate = yield* Deferred.make<void>()
      const tries: Array<string> = []
      const slow = defineProcessor({
        name: "Slow",
        extensions: new Set(["css"]),
        process: (job) =>
          Effect.as(job.path.startsWith("slow") ? Deferred.await(gate) : Effect.void, {
            content: job.content,
            baseName: job.baseName,
          }),
      })
      const world = yield* makeTestWorld({ servers: ["cdn"], processors: [slow, picky(tries)] })
      yield* world.disk.mkdir("/site")
      const config = testConfig({
        servers: ["cdn"],
        rules: [testRule("all", ["cdn"], { chain: chain("Slow", "Picky") })],
      })
      yield* Effect.gen(function* () {
        const ledger = yield* Ledger
        const conveyor = yield* start(config)
        yield* untilQuiet(conveyor)
        // Three of the four places of the lane.
        for (let file = 0; file < 3; file++) yield* world.disk.write(`/site/slow${file}.css`, "slow")
        yield* turns
        yield* world.disk.write("/site/a.css", "bad")
        for (let file = 0; file < 20; file++) yield* world.disk.write(`/site/fine${file}.css`, "fine")
        for (let step = 0; step < 120; step++) {
          yield* turns
          yield* TestClock.adjust(500)
        }
        assert.strictEqual((yield* world.servers.get("cdn").files).size, 20)
        assert.isAbove(tries.filter((bytes) => bytes === "bad").length, 3)
        const { failures, servers } = yield* conveyor.status
        assert.deepStrictEqual(
          failures.map(({ reason }) => reason),
          ["Picky on a.css: does not parse"],
        )
        assert.deepStrictEqual([servers[0]?.inFlight, servers[0]?.failed], [3, 1])
        // It is cured while they are still at work.
        yield* world.disk.write("/site/a.css", "good")
        for (let step = 0; step < 20; step++) {
          yield* turns
          yield* TestClock.adjust(500)
        }
        assert.strictEqual((yield* world.servers.get("cdn").files).size, 21)
        assert.deepStrictEqual(yield* ledger.failures(10), [])
        yield* Deferred.succeed(gate, undefined)
        yield* untilQuiet(conveyor)
        assert.strictEqual((yield* world.servers.get("cdn").files).size, 24)
        assert.isTrue((yield* conveyor.status).inSync)
      }).pipe(Effect.scoped, Effect.provide(layerTestWorld(world, { ledger: layerLedger, publisher: layerPublisher })))
    }),
  )

  it.effect("publishes the original where the rule says so, once, and goes on trying", () =>
    withRule({ onFailure: "original" }, ({ conveyor, held, ledger, puts, tries, world }) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/a.css", "bad")
        yield* untilQuiet(conveyor)
        assert.deepStrictEqual(yield* held, { "a.css": "bad" })
        assert.strictEqual(yield* puts, 1)
        const [first] = yield* ledger.failures(10)
        assert.strictEqual(first?.reason, "Picky on a.css: does not parse (published unprocessed meanwhile)")
        assert.isFalse((yield* conveyor.status).inSync)
        yield* TestClock.adjust(120_000)
        yield* untilQuiet(conveyor)
        const [later] = yield* ledger.failures(10)
        assert.isAbove(later?.attempts ?? 0, 3)
        assert.isAbove(tries.length, 3)
        assert.strictEqual(yield* puts, 1)
        yield* world.disk.write("/site/a.css", "bad too")
        yield* untilQuiet(conveyor)
        assert.deepStrictEqual(yield* held, { "a.css": "bad too" })
        yield* world.disk.write("/site/a.css", "good")
        yield* untilQuiet(conveyor)
        assert.deepStrictEqual(yield* ledger.failures(10), [])
        assert.isTrue((yield* conveyor.status).inSync)
        yield* TestClock.adjust(3_700_000)
        yield* untilQuiet(conveyor)
        assert.deepStrictEqual(Object.values(yield* held), ["good processed"])
        assert.notProperty(yield* held, "a.css")
      }),
    ),
  )

  it.effect("does not delete the source while only the original is published", () =>
    withRule({ onFailure: "original", fileDeletionDelayAfterSync: 0 }, ({ conveyor, held, world }) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/a.css", "bad")
        yield* world.disk.write("/site/b.css", "fine")
        yield* untilQuiet(conveyor)
        yield* TestClock.adjust(60_000)
        yield* untilQuiet(conveyor)
        assert.include(Object.values(yield* held), "bad")
        assert.isDefined(
          yield* Effect.option(world.disk.read("/site/a.css")).pipe(
            Effect.map((o) => (o._tag === "Some" ? o.value : undefined)),
          ),
        )
        assert.isTrue((yield* Effect.option(world.disk.read("/site/b.css")))._tag === "None")
      }),
    ),
  )

  it.effect("a failure that is not the file's own publishes nothing", () =>
    withRule({ onFailure: "original" }, ({ conveyor, held, ledger, world }) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/a.css", "full")
        yield* untilQuiet(conveyor)
        assert.deepStrictEqual(yield* held, {})
        assert.include((yield* ledger.failures(10))[0]?.reason ?? "", "the disk is full")
      }),
    ),
  )
})

describe("a file that changes while what was made of it is on its way", () => {
  it.effect(
    "is delivered again, and what was sent goes after the grace period, not after the doubt about an upload",
    () =>
      withRule(
        {},
        ({ conveyor, held, world }) =>
          Effect.gen(function* () {
            const server = world.servers.get("cdn")
            yield* server.set({ latency: { minimum: 5_000, maximum: 5_000 } })
            yield* world.disk.write("/site/a.css", "one")
            yield* TestClock.adjust(3_000)
            yield* turns
            yield* world.disk.write("/site/a.css", "two")
            yield* server.heal
            yield* untilQuiet(conveyor)
            yield* TestClock.adjust(2_000)
            yield* untilQuiet(conveyor)
            assert.deepStrictEqual(Object.values(yield* held), ["two processed"])
          }),
        { gracePeriod: 1_000 },
      ),
  )
})
