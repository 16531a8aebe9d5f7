/** Files that are published beside others: with them, for them, and never in the place of another file. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Ledger } from "../../src/domain/Ledger.ts"
import { UPLOAD_DOUBT } from "../../src/domain/Limits.ts"
import type { RelativePath, ServerName, SourceName } from "../../src/domain/Path.ts"
import { defineProcessor, type ProcessedFile, type ProcessorJob } from "../../src/domain/Processor.ts"
import { emptyState, makeMemory, type MemoryState } from "../../src/layers/ledger/memory.ts"
import { md5 } from "../../src/layers/processors/uniqueFilename.ts"
import { layerMemory as layerPublisher } from "../../src/layers/publishers/memory.ts"
import type { ServerFault } from "../../src/layers/memory/faults.ts"
import type { MemoryServer } from "../../src/layers/memory/server.ts"
import { makeVerify } from "../../src/streams/verify.ts"
import { layerTestWorld, makeTestWorld, type TestWorld } from "../../src/testing.ts"
import { start, testConfig, testRule, turns, untilQuiet } from "../support/conveyor.ts"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytesOf = (content: string) => new TextEncoder().encode(content)

/** Publishes what is in a file once more beside it, packed; nothing where the file says so. */
const pack = (suffix: string) =>
  defineProcessor({
    name: `pack.${suffix.slice(1)}`,
    extensions: new Set(["js"]),
    process: Effect.fnUntraced(function* (job: ProcessorJob) {
      const content = text(yield* job.read)
      const unchanged: ProcessedFile = { content: job.content, baseName: job.baseName }
      if (content.includes("incompressible")) return unchanged
      const made = yield* job.write(bytesOf(`packed ${content}`))
      return { ...unchanged, companions: [{ suffix, content: made }] }
    }),
  })

/** Changes the content, and names no companions. */
const shout = defineProcessor({
  name: "text.Shout",
  extensions: new Set(["js"]),
  process: Effect.fnUntraced(function* (job: ProcessorJob) {
    const made = yield* job.write(bytesOf(text(yield* job.read).toUpperCase()))
    return { content: made, baseName: job.baseName }
  }),
})

const bad = defineProcessor({
  name: "bad.Suffix",
  extensions: new Set(["js"]),
  process: Effect.fnUntraced(function* (job: ProcessorJob) {
    const made = yield* job.write(bytesOf("x"))
    return { content: job.content, baseName: job.baseName, companions: [{ suffix: "/../x", content: made }] }
  }),
})

const processors = [pack(".br"), pack(".gz"), shout, bad, md5]
const chain = (...names: ReadonlyArray<string>) => names.map((name) => ({ name, settings: {} }))

interface Running {
  readonly world: TestWorld
  readonly server: MemoryServer
  readonly conveyor: Effect.Success<ReturnType<typeof start>>
  /** What is published, by name. */
  readonly published: Effect.Effect<Readonly<Record<string, string>>>
}

const configOf = (names: ReadonlyArray<string>, fingerprint = "f1") =>
  testConfig({
    servers: ["cdn"],
    rules: [testRule("all", ["cdn"], { chain: chain(...names), fingerprint })],
    settings: { maxDeletes: { share: 1 } },
  })

const publishedOn = (server: MemoryServer) =>
  Effect.map(server.files, (files) =>
    Object.fromEntries([...files].map(([place, file]) => [String(place), text(file.bytes)])),
  )

/** Runs the graph over `state`, which outlives it, as its world does. */
const running = <A, E, R>(
  world: TestWorld,
  state: MemoryState,
  names: ReadonlyArray<string>,
  body: (running: Running) => Effect.Effect<A, E, R>,
  fingerprint?: string,
) =>
  Effect.gen(function* () {
    const server = world.servers.get("cdn" as ServerName)
    const conveyor = yield* start(configOf(names, fingerprint))
    yield* untilQuiet(conveyor)
    return yield* body({ world, server, conveyor, published: publishedOn(server) })
  }).pipe(
    Effect.scoped,
    Effect.provide(
      layerTestWorld(world, { ledger: Layer.succeed(Ledger, makeMemory(state)), publisher: layerPublisher }),
    ),
  )

const site = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>, cdn = false) {
  const world = yield* makeTestWorld({ servers: [{ name: "cdn", cdn }], processors })
  yield* world.disk.mkdir("/site")
  for (const [name, content] of Object.entries(files)) yield* world.disk.write(`/site/${name}`, content)
  return world
})

const deliveryOf = (file: string) =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    return (yield* ledger.deliveriesOf("site" as SourceName, file as RelativePath))[0]
  })

describe("companions", () => {
  it.effect("come, change and go with their file", () =>
    Effect.gen(function* () {
      const world = yield* site({ "a.js": "one", "b.css": "b" })
      yield* running(world, emptyState(), ["pack.br", "pack.gz"], ({ conveyor, published, server }) =>
        Effect.gen(function* () {
          const two = { "a.js.br": "packed one", "a.js.gz": "packed one" }
          assert.deepStrictEqual(yield* published, { "a.js": "one", "b.css": "b", ...two })
          yield* world.disk.write("/site/a.js", "two")
          yield* untilQuiet(conveyor)
          assert.strictEqual((yield* published)["a.js.gz"], "packed two")
          yield* world.disk.write("/site/a.js", "incompressible")
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* published, { "a.js": "incompressible", "b.css": "b" })
          yield* world.disk.write("/site/a.js", "four")
          yield* untilQuiet(conveyor)
          assert.strictEqual((yield* published)["a.js.br"], "packed four")
          yield* world.disk.remove("/site/a.js")
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* published, { "b.css": "b" })
          assert.deepStrictEqual(yield* server.violations, [])
        }),
      )
    }),
  )

  it.effect("go with the old name of a file when that is over, and the map knows the file alone", () =>
    Effect.gen(function* () {
      const world = yield* site({ "a.js": "one" })
      yield* running(world, emptyState(), ["pack.br", "unique_filename.MD5"], ({ conveyor, published }) =>
        Effect.gen(function* () {
          const first = Object.keys(yield* published).sort()
          assert.strictEqual(first.length, 2)
          assert.strictEqual(`${first[0]}.br`, first[1])
          yield* world.disk.write("/site/a.js", "two")
          yield* untilQuiet(conveyor)
          const both = Object.keys(yield* published)
          assert.includeMembers(both, first)
          assert.strictEqual(both.length, 4)
          const ledger = yield* Ledger
          const rows = yield* ledger.page(undefined, 10)
          assert.deepStrictEqual(
            rows.map((row) => row.companions),
            [[".br"]],
          )
          yield* TestClock.adjust("2 hours")
          yield* untilQuiet(conveyor)
          const last = Object.keys(yield* published)
          assert.strictEqual(last.length, 2)
          for (const old of first) assert.notInclude(last, old)
        }),
      )
    }),
  )

  it.effect("are taken away when the chain makes none any more", () =>
    Effect.gen(function* () {
      const world = yield* site({ "a.js": "one" })
      const state = emptyState()
      yield* running(world, state, ["pack.br"], ({ published }) =>
        Effect.map(published, (files) => assert.deepStrictEqual(Object.keys(files).sort(), ["a.js", "a.js.br"])),
      )
      yield* running(
        world,
        state,
        [],
        ({ published }) => Effect.map(published, (files) => assert.deepStrictEqual(files, { "a.js": "one" })),
        "f2",
      )
    }),
  )

  it.effect(
    "a file of the source that is called so wins, whoever comes first, and the companion is back when it goes",
    () =>
      Effect.gen(function* () {
        for (const first of [{ "a.js": "one" }, { "a.js.br": "mine" }, { "a.js": "one", "a.js.br": "mine" }]) {
          const world = yield* site(first)
          yield* running(world, emptyState(), ["pack.br"], ({ conveyor, published, server }) =>
            Effect.gen(function* () {
              yield* world.disk.write("/site/a.js.br", "mine")
              yield* world.disk.write("/site/a.js", "two")
              yield* untilQuiet(conveyor)
              assert.deepStrictEqual(yield* published, { "a.js": "two", "a.js.br": "mine" })
              assert.isUndefined((yield* deliveryOf("a.js"))?.companions)
              yield* world.disk.write("/site/a.js.br", "mine too")
              yield* world.disk.write("/site/a.js", "three")
              yield* untilQuiet(conveyor)
              assert.deepStrictEqual(yield* published, { "a.js": "three", "a.js.br": "mine too" })
              yield* world.disk.remove("/site/a.js.br")
              yield* untilQuiet(conveyor)
              assert.deepStrictEqual(yield* published, { "a.js": "three", "a.js.br": "packed three" })
              yield* world.disk.write("/site/a.js.br", "again")
              yield* world.disk.remove("/site/a.js")
              yield* untilQuiet(conveyor)
              assert.deepStrictEqual(yield* published, { "a.js.br": "again" })
              const ledger = yield* Ledger
              assert.deepStrictEqual(yield* ledger.failures(10), [])
              assert.deepStrictEqual(yield* server.violations, [])
            }),
          )
        }
      }),
  )

  it.effect("a file that lost its companion to another file has it again as soon as that one goes", () =>
    Effect.gen(function* () {
      const world = yield* site({ "a.js": "one" })
      yield* running(world, emptyState(), ["pack.br"], ({ conveyor, published }) =>
        Effect.gen(function* () {
          yield* world.disk.write("/site/a.js.br", "mine")
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* published, { "a.js": "one", "a.js.br": "mine" })
          assert.strictEqual((yield* deliveryOf("a.js"))?.fingerprint, "f1")
          yield* world.disk.remove("/site/a.js.br")
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* published, { "a.js": "one", "a.js.br": "packed one" })
        }),
      )
    }),
  )

  it.effect("a file is not delivered without them; one whose name is refused is left out", () =>
    Effect.gen(function* () {
      const refuse = (reason: "Rejected" | "NameRefused"): ServerFault => ({
        fault: { _tag: "Fail", reason: { _tag: reason } },
        operations: ["put"],
        path: (at) => at.endsWith(".br"),
      })
      const world = yield* site({ "a.js": "one" })
      const server = world.servers.get("cdn" as ServerName)
      yield* server.inject(refuse("Rejected"))
      yield* running(world, emptyState(), ["pack.br", "pack.gz"], ({ conveyor, published }) =>
        Effect.gen(function* () {
          assert.isUndefined(yield* deliveryOf("a.js"))
          yield* server.heal
          yield* TestClock.adjust("5 minutes")
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual((yield* deliveryOf("a.js"))?.companions, [".br", ".gz"])
          yield* server.inject(refuse("NameRefused"))
          yield* world.disk.write("/site/a.js", "two")
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual(yield* published, { "a.js": "two", "a.js.gz": "packed two" })
        }),
      )
    }),
  )

  it.effect("after a stop at any moment the next run leaves each file with what belongs to it, and nothing else", () =>
    Effect.gen(function* () {
      const between = new Set<string>()
      for (let step = 0; step < 30; step++) {
        const world = yield* site({ "a.js": "one", "b.js": "one" })
        const state = emptyState()
        yield* running(world, state, ["pack.br"], ({ published }) =>
          Effect.gen(function* () {
            yield* world.disk.write("/site/a.js", "two")
            yield* world.disk.write("/site/b.js", "incompressible")
            yield* world.disk.write("/site/c.js", "three")
            for (let turn = 0; turn < step * 2; turn++) yield* Effect.yieldNow
            between.add(JSON.stringify(yield* published))
          }),
        )
        if (step % 2 === 0) yield* world.disk.remove("/site/c.js")
        yield* TestClock.adjust(UPLOAD_DOUBT)
        const wanted = {
          "a.js": "two",
          "a.js.br": "packed two",
          "b.js": "incompressible",
          ...(step % 2 === 0 ? {} : { "c.js": "three", "c.js.br": "packed three" }),
        }
        yield* running(world, state, ["pack.br"], ({ published }) =>
          Effect.map(published, (files) => assert.deepStrictEqual(files, wanted, `step ${step}`)),
        )
      }
      // Before, after, and moments in between.
      assert.isAtLeast(between.size, 3)
    }),
  )

  it.effect("verify compares them, and its repair brings them back", () =>
    Effect.gen(function* () {
      const world = yield* site({ "a.js": "one" })
      yield* running(world, emptyState(), ["pack.br"], ({ server }) =>
        Effect.gen(function* () {
          const verify = yield* makeVerify(configOf(["pack.br"]))
          const verdict = Effect.gen(function* () {
            const delivery = yield* deliveryOf("a.js")
            return delivery === undefined ? undefined : yield* verify(delivery)
          })
          assert.deepStrictEqual(yield* verdict, { _tag: "Same" })
          yield* server.meddle("a.js.br" as never, bytesOf("packed own"))
          const differs = yield* verdict
          assert.strictEqual(differs?._tag, "Differs")
          assert.include(differs?._tag === "Differs" ? differs.detail : "", "a.js.br: its content is another")
          yield* server.meddle("a.js.br" as never, undefined)
          const missing = yield* verdict
          assert.include(missing?._tag === "Differs" ? missing.detail : "", "a.js.br: it is not there")
        }),
      )
    }),
  )

  it.effect("what a later step changed has none, and a suffix that is a path is refused", () =>
    Effect.gen(function* () {
      const world = yield* site({ "a.js": "one" })
      yield* running(world, emptyState(), ["pack.br", "text.Shout", "pack.gz"], ({ published }) =>
        Effect.map(published, (files) => assert.deepStrictEqual(files, { "a.js": "ONE", "a.js.gz": "packed ONE" })),
      )
      const other = yield* site({ "a.js": "one" })
      yield* running(other, emptyState(), ["bad.Suffix"], ({ published }) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* published, {})
          const ledger = yield* Ledger
          assert.include((yield* ledger.failures(10))[0]?.reason, "suffix")
        }),
      )
    }),
  )

  it.effect("a CDN is told of them with their file", () =>
    Effect.gen(function* () {
      const world = yield* site({ "a.js": "one" }, true)
      yield* running(world, emptyState(), ["pack.br"], ({ conveyor, server }) =>
        Effect.gen(function* () {
          yield* world.disk.write("/site/a.js", "two")
          yield* untilQuiet(conveyor)
          assert.deepStrictEqual((yield* server.invalidations).flat().map(String).sort(), ["a.js", "a.js.br"])
          yield* world.disk.write("/site/a.js", "incompressible")
          yield* untilQuiet(conveyor)
          yield* turns
          assert.includeMembers((yield* server.invalidations).slice(1).flat().map(String), ["a.js", "a.js.br"])
        }),
      )
    }),
  )
})
