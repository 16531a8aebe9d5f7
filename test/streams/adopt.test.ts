/** After the ledger was lost: servers are asked before anything is uploaded. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Ledger } from "../../src/domain/Ledger.ts"
import type { RelativePath, RemotePath, SourceName } from "../../src/domain/Path.ts"
import { layerMemory as layerLedger } from "../../src/layers/ledger/memory.ts"
import { md5 } from "../../src/layers/processors/uniqueFilename.ts"
import { layerMemory as layerPublisher } from "../../src/layers/publishers/memory.ts"
import type { AdoptProof } from "../../src/streams/adopt.ts"
import { makeConveyor } from "../../src/streams/conveyor.ts"
import { layerTestWorld, makeTestWorld, type MemoryServer } from "../../src/testing.ts"
import { testConfig, testRule, turns, untilQuiet } from "../support/conveyor.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const at = (path: string) => path as RemotePath

interface Situation {
  readonly files: Readonly<Record<string, string>>
  readonly held: Readonly<Record<string, string>>
  readonly proof?: AdoptProof
  readonly contentHash?: boolean
  readonly many?: boolean
  readonly unique?: boolean
  readonly deletes?: boolean
  readonly before?: (server: MemoryServer) => Effect.Effect<void>
}

/** What a run with a new ledger uploads, and what is recorded and held afterwards. */
const uploads = (situation: Situation) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(1_700_000_000_000)
    const { contentHash = true, many = false } = situation
    const world = yield* makeTestWorld({
      servers: [{ name: "cdn", many, capabilities: { contentHash } }],
      processors: [md5],
    })
    const server = world.servers.get("cdn")
    yield* world.disk.mkdir("/site")
    for (const [name, text] of Object.entries(situation.files)) yield* world.disk.write(`/site/${name}`, text)
    for (const [name, text] of Object.entries(situation.held)) yield* server.meddle(at(name), bytes(text))
    if (situation.before !== undefined) yield* situation.before(server)
    const chain = situation.unique === true ? [{ name: "unique_filename.MD5", settings: {} }] : []
    const rule = testRule("all", ["cdn"], {
      chain,
      fileDeletionDelayAfterSync: situation.deletes === true ? 86_400 : undefined,
    })
    const config = testConfig({ servers: ["cdn"], rules: [rule] })
    return yield* Effect.gen(function* () {
      const conveyor = yield* makeConveyor(config, { adopt: situation.proof ?? "content" })
      yield* Effect.forkScoped(conveyor.run)
      yield* turns
      yield* untilQuiet(conveyor)
      const ledger = yield* Ledger
      const recorded: Record<string, string> = {}
      for (const name of Object.keys(situation.files)) {
        for (const delivery of yield* ledger.deliveriesOf("site" as SourceName, name as RelativePath)) {
          recorded[name] = delivery.hash
        }
      }
      const log = yield* server.log
      const held = new Map(
        [...(yield* server.files)].map(([name, file]) => [name, new TextDecoder().decode(file.bytes)]),
      )
      return {
        put: log
          .filter((entry) => entry.operation === "put")
          .map((entry) => entry.path)
          .sort(),
        recorded,
        held: Object.fromEntries([...held].sort()),
        adopted: conveyor.tally().adopted,
        inSync: (yield* conveyor.status).inSync,
      }
    }).pipe(Effect.scoped, Effect.provide(layerTestWorld(world, { ledger: layerLedger, publisher: layerPublisher })))
  })

const sha256OfA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"

describe("adopting what servers hold", () => {
  for (const many of [false, true]) {
    it.effect(`uploads only what is missing or another content${many ? ", where files go together too" : ""}`, () =>
      Effect.gen(function* () {
        const result = yield* uploads({
          files: { a: "a", b: "b", c: "c", "d/e": "longer" },
          held: { a: "a", b: "x", "d/e": "long", surplus: "stays" },
          many,
        })
        assert.deepStrictEqual(result.put, [at("b"), at("c"), at("d/e")])
        assert.deepStrictEqual(result.held, { a: "a", b: "b", c: "c", "d/e": "longer", surplus: "stays" })
        assert.strictEqual(result.recorded["a"], sha256OfA)
        assert.strictEqual(Object.keys(result.recorded).length, 4)
        assert.strictEqual(result.adopted, 1)
        assert.isTrue(result.inSync)
      }),
    )
  }

  it.effect("a server that tells sizes only is not believed, unless the name promises the content", () =>
    Effect.gen(function* () {
      const plain = yield* uploads({ files: { a: "a" }, held: { a: "x" }, contentHash: false })
      assert.deepStrictEqual(plain.held, { a: "a" })
      const name = "a_0cc175b9c0f1b6a831c399e269772661"
      const unique = yield* uploads({ files: { a: "a" }, held: { [name]: "a" }, contentHash: false, unique: true })
      assert.deepStrictEqual(unique.put, [])
      assert.deepStrictEqual(Object.keys(unique.recorded), ["a"])
    }),
  )

  it.effect("by size: the size will do, but never for a source file that is to be deleted", () =>
    Effect.gen(function* () {
      const files = { a: "a", b: "bb" }
      const held = { a: "x", b: "b" }
      const kept = yield* uploads({ files, held, contentHash: false, proof: "size" })
      assert.deepStrictEqual(kept.put, [at("b")])
      assert.strictEqual(kept.recorded["a"], "")
      const deleted = yield* uploads({ files, held, contentHash: false, proof: "size", deletes: true })
      assert.deepStrictEqual(deleted.put, [at("a"), at("b")])
    }),
  )

  it.effect("where a server may not be asked, files are uploaded", () =>
    Effect.gen(function* () {
      const result = yield* uploads({
        files: { a: "a" },
        held: { a: "a" },
        before: (server) =>
          server.inject({ operations: ["stat"], fault: { _tag: "Fail", reason: { _tag: "PermissionDenied" } } }),
      })
      assert.deepStrictEqual(result.put, [at("a")])
      assert.isTrue(result.inSync)
    }),
  )
})
