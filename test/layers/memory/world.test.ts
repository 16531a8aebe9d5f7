import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Option, Schema, Scope, Stream } from "effect"
import type { FileState } from "../../../src/domain/FileState.ts"
import { Ledger } from "../../../src/domain/Ledger.ts"
import type { RelativePath, RemotePath, ServerName } from "../../../src/domain/Path.ts"
import { defineProcessor, Processors, Workspace } from "../../../src/domain/Processor.ts"
import { Publisher } from "../../../src/domain/Publisher.ts"
import { SourceFiles } from "../../../src/domain/SourceFiles.ts"
import { Transporters } from "../../../src/domain/Transporter.ts"
import { Watcher } from "../../../src/domain/Watcher.ts"
import { md5, mtime } from "../../../src/layers/processors/uniqueFilename.ts"
import {
  layerTestWorld,
  makeDisk,
  makeTestWorld,
  makeWorkspace,
  runProcessor,
  testSource,
} from "../../../src/testing.ts"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe("Workspace in memory", () => {
  it.effect("keeps what is written until the job is over, and not a moment longer", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk
      const { places, service } = yield* makeWorkspace(disk)
      const scope = yield* Scope.make()
      const place = yield* Scope.provide(service.open, scope)
      const bytes = new TextEncoder().encode("body{}")
      const content = yield* place.write(bytes)
      bytes.fill(0)
      assert.strictEqual(text(yield* Stream.mkUint8Array(content.bytes)), "body{}", "it is a copy")
      assert.deepStrictEqual([content.origin, content.size, content.location], ["temporary", 6, undefined])
      assert.strictEqual(yield* service.hash(content, "md5"), "aa676972bbd2b68e94ef8e91e81d20be")
      const directory = yield* place.directory
      yield* disk.write(`${directory}/made.css`, "made")
      const adopted = yield* place.adopt("made.css")
      assert.strictEqual(text(yield* Stream.mkUint8Array(adopted.bytes)), "made")
      assert.strictEqual((yield* Effect.flip(place.adopt("missing.css")))._tag, "ProcessorError")
      assert.strictEqual(yield* places, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* places, 0)
      assert.strictEqual((yield* disk.files("/workspace")).size, 0)
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(content.bytes))).reason, "Vanished")
    }),
  )

  it.effect("keeps jobs apart", () =>
    Effect.gen(function* () {
      const { service } = yield* makeWorkspace(yield* makeDisk)
      const one = yield* service.open
      const two = yield* service.open
      const first = yield* one.write(Uint8Array.of(1))
      const second = yield* two.write(Uint8Array.of(2))
      assert.deepStrictEqual(yield* Stream.mkUint8Array(first.bytes), Uint8Array.of(1))
      assert.deepStrictEqual(yield* Stream.mkUint8Array(second.bytes), Uint8Array.of(2))
      assert.notStrictEqual(yield* one.directory, yield* two.directory)
    }),
  )
})

describe("runProcessor", () => {
  const shout = defineProcessor({
    name: "test.Shout",
    extensions: new Set(["txt"]),
    perServer: true,
    process: (job) =>
      Effect.gen(function* () {
        const bytes = yield* job.read
        const content = yield* job.write(new TextEncoder().encode(`${text(bytes).toUpperCase()} ${job.server}`))
        return { content, baseName: job.baseName }
      }),
  })

  it.effect("runs a processor as a chain does", () =>
    Effect.gen(function* () {
      const { layer } = yield* makeWorkspace(yield* makeDisk)
      const run = (path: string) =>
        Effect.gen(function* () {
          const specimen = { path, bytes: new TextEncoder().encode("hello"), server: "cdn" }
          const made = yield* runProcessor(shout, undefined, specimen)
          return `${made.baseName} ${text(yield* Stream.mkUint8Array(made.content.bytes))}`
        }).pipe(Effect.provide(layer))
      assert.strictEqual(yield* run("a/b.txt"), "b.txt HELLO cdn")
      assert.strictEqual(yield* run("a/b.TXT"), "b.TXT HELLO cdn")
      assert.strictEqual(yield* run("a/b.md"), "b.md hello")
    }),
  )
})

describe("TestWorld", () => {
  const parts = { ledger: Layer.mock(Ledger, {}), publisher: Layer.mock(Publisher, { isNew: true }) }

  it.effect("is one world: what is written on the disk is watched, read, processed and delivered", () =>
    Effect.gen(function* () {
      const world = yield* makeTestWorld({ servers: ["cdn"], processors: [md5, mtime] })
      const source = testSource("site", "/site")
      yield* world.disk.mkdir("/site")
      const deliver = Effect.gen(function* () {
        const session = yield* (yield* Watcher).open(source)
        yield* session.watch(["" as RelativePath])
        yield* world.disk.write("/site/a.css", "body{}")
        const heard = yield* Stream.runHead(session.signals)
        assert.strictEqual(Option.getOrUndefined(heard)?._tag, "Changes")
        const files = yield* SourceFiles
        const path = "a.css" as RelativePath
        const state = (yield* files.stat(source, path)) as FileState
        const content = files.content(source, path, state)
        const hash = yield* (yield* Workspace).hash(content, "md5")
        assert.strictEqual((yield* Processors).get({ name: md5.name, settings: {} }), md5)
        const transporter = (yield* Transporters).get("cdn" as ServerName)
        const to = `a_${hash}.css` as RemotePath
        const file = { content, source: source.name, path, state, sourceStays: true, headers: {}, uniqueName: true }
        yield* transporter.put(file, to)
        assert.strictEqual((yield* Publisher).isNew, true)
        yield* Ledger
        return to
      })
      const to = yield* Effect.scoped(deliver).pipe(Effect.provide(layerTestWorld(world, parts)))
      assert.strictEqual(to, "a_aa676972bbd2b68e94ef8e91e81d20be.css")
      assert.strictEqual(text(Option.getOrThrow(yield* world.servers.get("cdn").read(to))), "body{}")
      assert.strictEqual(yield* world.watcher.sessions, 0)
    }),
  )

  it.effect("decodes the settings of processors, and knows no others", () =>
    Effect.gen(function* () {
      const settings = Schema.Struct({ level: Schema.FiniteFromString })
      const definition = { ...md5, name: "test.Level", settings }
      const world = yield* makeTestWorld({ servers: [], processors: [definition] })
      const processors = yield* Effect.provide(Processors, world.layer)
      assert.deepStrictEqual(processors.settings({ name: "test.Level", settings: { level: "9" } }), { level: 9 })
      assert.throws(() => processors.get({ name: "test.Other", settings: {} }), /no processor is called test.Other/)
    }),
  )
})
