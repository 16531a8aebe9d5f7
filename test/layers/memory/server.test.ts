import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Random, Stream } from "effect"
import { TestClock } from "effect/testing"
import { SourceError, type TransportReason } from "../../../src/domain/Errors.ts"
import { MEMORY_CHUNK } from "../../../src/domain/Limits.ts"
import type { RelativePath, RemotePath, ServerName, SourceName } from "../../../src/domain/Path.ts"
import type { Content } from "../../../src/domain/SourceFiles.ts"
import type { OutputFile } from "../../../src/domain/Transporter.ts"
import { contentOf, stateOf } from "../../../src/layers/memory/processors.ts"
import { makeServer, type MemoryServer } from "../../../src/layers/memory/server.ts"
import { makeServers } from "../../../src/layers/memory/servers.ts"

const at = (path: string) => path as RemotePath
const start = makeServer("cdn" as ServerName)

const output = (bytes: Uint8Array, content?: Partial<Content>): OutputFile => {
  const specimen = { path: "a.css", bytes }
  return {
    content: { ...contentOf(specimen), ...content },
    source: "site" as SourceName,
    path: "a.css" as RelativePath,
    state: stateOf(specimen),
    sourceStays: true,
    headers: { "content-type": "text/css" },
    uniqueName: false,
  }
}
const one = new TextEncoder().encode("one")
const two = new TextEncoder().encode("two!")
const big = (fill: number) => new Uint8Array(4 * MEMORY_CHUNK).fill(fill)
/** A file that comes in many parts. */
const inParts = (bytes: Uint8Array): OutputFile =>
  output(bytes, {
    bytes: Stream.fromArray(
      Array.from({ length: 4 }, (_, part) =>
        bytes.subarray((part * bytes.length) / 4, ((part + 1) * bytes.length) / 4),
      ),
    ),
  })

const held = (server: MemoryServer, path: string) =>
  Effect.map(server.read(at(path)), (bytes) => Option.getOrUndefined(bytes))
const reasonOf = (put: Effect.Effect<unknown, { readonly reason: TransportReason }>) =>
  Effect.map(Effect.flip(put), (error) => error.reason._tag)

describe("MemoryServer", () => {
  it.effect("stores whole files, replaces them, tells about them and removes them", () =>
    Effect.gen(function* () {
      const server = yield* start
      const { put, remove, stat, url } = server.transporter
      assert.deepStrictEqual(yield* stat(at("a b.css")), Option.none())
      const hex = createHash("sha256").update(one).digest("hex")
      assert.deepStrictEqual(yield* put(output(one), at("a b.css")), { sha256: hex })
      assert.deepStrictEqual(yield* stat(at("a b.css")), Option.some({ size: 3, hash: { algorithm: "sha256", hex } }))
      yield* put(output(two), at("a b.css"))
      assert.deepStrictEqual(yield* held(server, "a b.css"), two)
      assert.deepStrictEqual((yield* server.files).get(at("a b.css"))?.headers, { "content-type": "text/css" })
      assert.strictEqual(url(at("a b.css")), "https://cdn.example/a%20b.css")
      yield* remove(at("a b.css"))
      yield* remove(at("a b.css"))
      assert.isUndefined(yield* held(server, "a b.css"))
      assert.deepStrictEqual(
        (yield* server.log).map(({ operation, outcome }) => `${operation} ${outcome}`),
        ["stat done", "put done", "stat done", "put done", "remove done", "remove done"],
      )
    }),
  )

  const failing: ReadonlyArray<
    readonly [string, (server: MemoryServer) => Effect.Effect<void>, TransportReason["_tag"]]
  > = [
    ["is down", (server) => server.set({ up: false }), "Unreachable"],
    [
      "breaks the connection",
      (server) => server.inject({ fault: { _tag: "Disconnect", afterBytes: MEMORY_CHUNK } }),
      "Unreachable",
    ],
    [
      "breaks it after the last byte",
      (server) => server.inject({ fault: { _tag: "Disconnect", afterBytes: 1e9 } }),
      "Unreachable",
    ],
    ["is full", (server) => server.set({ capacity: 2 * MEMORY_CHUNK }), "OutOfSpace"],
    ["refuses", (server) => server.inject({ fault: { _tag: "Fail", reason: { _tag: "NameRefused" } } }), "NameRefused"],
  ]
  for (const [name, fault, reason] of failing) {
    it.effect(`that ${name} keeps the old file whole, and nothing of the new one`, () =>
      Effect.gen(function* () {
        const server = yield* start
        yield* server.transporter.put(output(one), at("a"))
        yield* fault(server)
        assert.strictEqual(yield* reasonOf(server.transporter.put(inParts(big(2)), at("a"))), reason)
        assert.deepStrictEqual(yield* held(server, "a"), one)
        assert.strictEqual(yield* server.uploads, 0)
        yield* server.heal
        yield* server.transporter.put(inParts(big(2)), at("a"))
        assert.deepStrictEqual(yield* held(server, "a"), big(2))
        assert.deepStrictEqual(yield* server.violations, [])
      }),
    )
  }

  it.effect("that loses its answer has done what was asked", () =>
    Effect.gen(function* () {
      const server = yield* start
      yield* server.inject({ fault: { _tag: "AnswerLost" }, times: 2 })
      assert.strictEqual(yield* reasonOf(server.transporter.put(output(one), at("a"))), "Unreachable")
      assert.deepStrictEqual(yield* held(server, "a"), one)
      assert.strictEqual(yield* reasonOf(server.transporter.remove(at("a"))), "Unreachable")
      assert.isUndefined(yield* held(server, "a"))
      yield* server.transporter.put(output(one), at("a"))
    }),
  )

  it.effect("strikes as often, where and on what it is told to", () =>
    Effect.gen(function* () {
      const server = yield* start
      yield* server.inject({
        fault: { _tag: "Fail", reason: { _tag: "Throttled", retryAfterMillis: 7 } },
        times: 2,
        operations: ["put"],
        path: (path) => path.endsWith(".css"),
      })
      const outcomes: Array<string> = []
      for (const path of ["a.js", "a.css", "b.css", "c.css"]) {
        const exit = yield* Effect.exit(server.transporter.put(output(one), at(path)))
        outcomes.push(`${path} ${Exit.isSuccess(exit) ? "done" : "failed"}`)
        yield* server.transporter.stat(at(path))
      }
      assert.deepStrictEqual(outcomes, ["a.js done", "a.css failed", "b.css failed", "c.css done"])
    }),
  )

  it.effect("strikes with the probability it is told, the same for the same seed", () => {
    const run = Effect.gen(function* () {
      const server = yield* start
      yield* server.inject({ fault: { _tag: "Fail", reason: { _tag: "Rejected" } }, probability: 0.3 })
      const exits = yield* Effect.forEach(Array.from({ length: 400 }), () =>
        Effect.exit(server.transporter.stat(at("a"))),
      )
      return exits.map((exit) => Exit.isSuccess(exit))
    })
    return Effect.gen(function* () {
      const first = yield* Random.withSeed(run, "1")
      const failures = first.filter((done) => !done).length
      assert.isAbove(failures, 80)
      assert.isBelow(failures, 160)
      assert.deepStrictEqual(yield* Random.withSeed(run, "1"), first)
      assert.notDeepEqual(yield* Random.withSeed(run, "2"), first)
    })
  })

  it.effect("takes its time, and may go down in the middle of an upload", () =>
    Effect.gen(function* () {
      const server = yield* start
      yield* server.set({ latency: { minimum: 100, maximum: 100 } })
      const slow = output(big(1), {
        bytes: Stream.fromArray([big(1).subarray(0, 10), big(1).subarray(10)]).pipe(Stream.tap(() => Effect.sleep(50))),
      })
      const fiber = yield* Effect.forkChild(Effect.exit(server.transporter.put(slow, at("a"))))
      yield* TestClock.adjust(160)
      assert.strictEqual(yield* server.uploads, 1)
      assert.isUndefined(yield* held(server, "a"), "readers see nothing of it")
      yield* server.set({ up: false })
      yield* TestClock.adjust(100)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
      assert.strictEqual(yield* server.uploads, 0)
    }),
  )

  it.effect("that hangs can be given up, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const server = yield* start
      yield* server.inject({ fault: { _tag: "Hang" }, times: 1 })
      const fiber = yield* Effect.forkChild(
        Effect.timeoutOption(server.transporter.put(output(one), at("a")), "30 seconds"),
      )
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), Option.none())
      assert.strictEqual(yield* server.uploads, 0)
      assert.deepStrictEqual(
        (yield* server.log).map(({ outcome }) => outcome),
        ["interrupted"],
      )
      yield* server.transporter.put(output(one), at("a"))
      assert.deepStrictEqual(yield* server.violations, [])
    }),
  )

  it.effect("readers see the old file or the new one at every moment, whenever an upload is interrupted", () =>
    Effect.gen(function* () {
      const server = yield* start
      for (let turns = 0; turns < 20; turns++) {
        yield* server.transporter.put(output(big(1)), at("a"))
        const fiber = yield* Effect.forkChild(server.transporter.put(inParts(big(2)), at("a")))
        for (let turn = 0; turn < turns; turn++) {
          yield* Effect.yieldNow
          const seen = yield* held(server, "a")
          assert.isTrue(Buffer.compare(seen ?? one, big(1)) === 0 || Buffer.compare(seen ?? one, big(2)) === 0)
        }
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* server.uploads, 0, `after ${turns} turns`)
        assert.deepStrictEqual(yield* server.violations, [])
      }
    }),
  )

  it.effect("tells a source that changed from one that can not be read, and keeps the old file", () =>
    Effect.gen(function* () {
      const server = yield* start
      yield* server.transporter.put(output(one), at("a"))
      const failed = (reason: SourceError["reason"]) =>
        output(two, { bytes: Stream.fail(new SourceError({ path: "a.css", reason, detail: "it" })) })
      const put = (file: OutputFile) => reasonOf(server.transporter.put(file, at("a")))
      assert.strictEqual(yield* put(failed("Changed")), "SourceChanged")
      assert.strictEqual(yield* put(failed("Vanished")), "SourceChanged")
      assert.strictEqual(yield* put(failed("Unreadable")), "Rejected")
      assert.strictEqual(yield* put(output(two, { size: 3 })), "SourceChanged", "longer than it said")
      assert.strictEqual(yield* put(output(two, { size: 5 })), "SourceChanged", "shorter than it said")
      assert.deepStrictEqual(yield* held(server, "a"), one)
    }),
  )

  it.effect("notices two writers on one path, and damage", () =>
    Effect.gen(function* () {
      const server = yield* start
      const puts = [output(one), output(two)].map((file) => server.transporter.put(file, at("a")))
      yield* Effect.all(puts, { concurrency: 2 })
      assert.deepStrictEqual(yield* server.violations, ["a was written by 2 at once"])
      yield* Effect.all([server.transporter.put(output(one), at("b")), server.transporter.put(output(one), at("c"))], {
        concurrency: 2,
      })
      assert.strictEqual((yield* server.violations).length, 1, "two paths are no matter")
      const stored = (yield* server.files).get(at("b"))
      stored?.bytes.fill(0)
      assert.strictEqual((yield* server.violations)[1], "b is not what was sent")
    }),
  )

  it.effect("counts what it has room for as files come and go", () =>
    Effect.gen(function* () {
      const server = yield* start
      yield* server.set({ capacity: 7 })
      yield* server.transporter.put(output(one), at("a"))
      yield* server.transporter.put(output(two), at("b"))
      assert.strictEqual(yield* reasonOf(server.transporter.put(output(one), at("c"))), "OutOfSpace")
      yield* server.transporter.remove(at("a"))
      yield* server.transporter.put(output(one), at("c"))
      yield* server.meddle(at("b"), undefined)
      yield* server.transporter.put(output(two), at("d"))
    }),
  )
})

describe("MemoryServers", () => {
  it.effect("are told apart by their names", () =>
    Effect.gen(function* () {
      const servers = yield* makeServers(["a", { name: "b c", url: "http://b/", capabilities: { contentHash: false } }])
      yield* servers.service.get("a" as ServerName).put(output(one), at("x"))
      assert.deepStrictEqual(yield* held(servers.get("a"), "x"), one)
      assert.isUndefined(yield* held(servers.get("b c"), "x"))
      assert.strictEqual(servers.get("b c").transporter.url(at("x")), "http://b/x")
      assert.throws(() => servers.get("nobody"), /no server is called nobody/)
      yield* servers.get("b c").transporter.put(output(two), at("x"))
      assert.deepStrictEqual(yield* servers.get("b c").transporter.stat(at("x")), Option.some({ size: 4 }))
      yield* servers.get("a").set({ up: false })
      yield* servers.heal
      yield* servers.get("a").transporter.remove(at("x"))
      assert.deepStrictEqual(yield* servers.violations, [])
    }),
  )
})
