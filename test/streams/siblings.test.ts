import { gunzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type { RelativePath, ServerName } from "../../src/domain/Path.ts"
import { defineProcessor } from "../../src/domain/Processor.ts"
import { SourceFiles } from "../../src/domain/SourceFiles.ts"
import { brotli, gzip } from "../../src/layers/processors/compress.ts"
import { sha256 } from "../../src/layers/processors/uniqueFilename.ts"
import { makeProcess } from "../../src/streams/process.ts"
import { booksOf } from "../../src/streams/shared.ts"
import { makeTestWorld } from "../../src/testing.ts"
import { testConfig, testRule } from "../support/conveyor.ts"

const shout = defineProcessor({
  name: "shout.Loud",
  process: (job) =>
    Effect.gen(function* () {
      const text = new TextDecoder().decode(yield* job.read).toUpperCase()
      return { content: yield* job.write(new TextEncoder().encode(text)), baseName: job.baseName }
    }),
})

const text = "the same words again and again, ".repeat(40)
const read = (content: { readonly bytes: Stream.Stream<Uint8Array, unknown> }) => Stream.mkUint8Array(content.bytes)

/** What a chain makes of one file for a server that has headers and one that has none. */
const chain = Effect.fnUntraced(function* (...names: ReadonlyArray<string>) {
  const world = yield* makeTestWorld({
    servers: ["store", { name: "files", capabilities: { headers: false } }],
    // Each decodes its own settings.
    processors: [sha256, shout, gzip as never, brotli as never],
  })
  yield* world.disk.mkdir("/site")
  const bytes = new TextEncoder().encode(text)
  yield* world.disk.write("/site/a.css", bytes)
  const config = testConfig({
    servers: ["store", "files"],
    rules: [testRule("all", ["store", "files"], { chain: names.map((name) => ({ name, settings: {} })) })],
  })
  const [rule] = config.rules
  const [book] = booksOf(config).values()
  if (rule === undefined || book === undefined) return assert.fail("no rule")
  return yield* Effect.gen(function* () {
    const process = yield* makeProcess(1)
    const state = yield* (yield* SourceFiles).stat(book.source, "a.css" as RelativePath)
    if (state === undefined) return assert.fail("no file")
    return yield* Effect.forEach(["store", "files"], (server) =>
      Effect.gen(function* () {
        const made = yield* process({ book, path: "a.css" as RelativePath, state, rule, server: server as ServerName })
        const siblings = yield* Effect.forEach(made.siblings ?? [], ({ content, suffix }) =>
          Effect.map(read(content), (bytes) => ({ suffix, bytes })),
        )
        return { ...made, bytes: yield* read(made.content), siblings }
      }),
    )
  }).pipe(Effect.scoped, Effect.provide(world.layer))
})

describe("a chain that compresses", () => {
  it.live("does what the server can take", () =>
    Effect.gen(function* () {
      const [store, files] = yield* chain("compress.Gzip", "compress.Brotli")
      assert.deepStrictEqual([store?.headers, store?.siblings.length], [{ "content-encoding": "gzip" }, 0])
      assert.strictEqual(gunzipSync(store?.bytes ?? "").toString(), text)
      assert.deepStrictEqual(files?.headers, {})
      assert.strictEqual(new TextDecoder().decode(files?.bytes), text)
      assert.deepStrictEqual(
        files?.siblings.map(({ suffix }) => suffix),
        [".gz", ".br"],
      )
    }),
  )

  it.live("keeps the compressed form when the file is renamed, and not when it is changed", () =>
    Effect.gen(function* () {
      const [, renamed] = yield* chain("compress.Gzip", "unique_filename.SHA256")
      assert.match(renamed?.baseName ?? "", /^a_[0-9a-f]{64}\.css$/)
      assert.strictEqual(gunzipSync(renamed?.siblings[0]?.bytes ?? "").toString(), text)
      const [, changed] = yield* chain("compress.Gzip", "shout.Loud")
      assert.strictEqual(new TextDecoder().decode(changed?.bytes), text.toUpperCase())
      assert.deepStrictEqual(changed?.siblings, [])
    }),
  )
})
