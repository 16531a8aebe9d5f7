/**
 * The contract of a transporter as a suite: every transporter runs it against its server. What a transporter declares to
 * be able to do is tested.
 *
 * @since 1.0.0
 */
import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { TransportError } from "../domain/Errors.ts"
import { percentEncode, type RemotePath } from "../domain/Path.ts"
import type { Content } from "../domain/SourceFiles.ts"
import { Transporter, type TransporterShape } from "../domain/Transporter.ts"
import { breaking, chunks, contentOf, outputFile, PIECE, remote, sha256, specimen } from "./specimens.ts"
import { type Check, type SuiteTest, testsOf } from "./suite.ts"

/** A server to try a transporter on. Each test gets one of its own, empty. */
export interface TransporterHarness {
  readonly layer: Layer.Layer<Transporter, TransportError>
  /** What the server's readers get at a path; undefined where there is nothing. */
  readonly read: (path: RemotePath) => Effect.Effect<Uint8Array | undefined>
  /** All that is stored below the root, temporaries included. Directories, where there are any, end in "/". */
  readonly everything: Effect.Effect<ReadonlyArray<string>>
  /** What the public address of the root is, with a "/" at its end. */
  readonly url: string
  /** Names that this server can not store: `put` has to say so, or to store them right. */
  readonly refuses?: (path: string) => boolean
  /** Makes the server fail until the effect that is given back is run. */
  readonly breakDown?: Effect.Effect<Effect.Effect<void>>
}

const ODD_NAMES: ReadonlyArray<readonly [what: string, path: string]> = [
  ["spaces", "with some spaces/ leading and trailing .txt "],
  ["quotes", `it's "quoted" \`here\`.txt`],
  ["a newline", "two\nlines.txt"],
  ["control characters", "tab\tbell\u0007return\r.txt"],
  ["an emoji", "smile 😀 and é.txt"],
  ["bytes that are not UTF-8", "caf\udce9-\udcff.txt"],
  ["'#'", "a#b.txt"],
  ["'?'", "a?b=c.txt"],
  ["'%'", "100%.txt and %2e%2e%2f.txt"],
  ["a backslash", "back\\slash.txt"],
  ["a leading dash", "-rf"],
  ["a leading dot", ".hidden/.file"],
  ["wildcards", "*[a-z]{b,c}.txt"],
  ["shell characters", "$(touch x);&|<>.txt"],
  ["255 bytes", "n".repeat(255)],
  ["many directories", `${Array.from({ length: 24 }, (_, depth) => `level-${depth}`).join("/")}/leaf.txt`],
]

/** What the contract asks for, each on a server of its own. `make` builds one; its Scope takes it down. */
export const transporterChecks = (
  make: Effect.Effect<TransporterHarness, unknown, Scope.Scope>,
): ReadonlyArray<Check> => {
  const checks: Array<Check> = []
  const check = (
    name: string,
    body: (
      transporter: TransporterShape,
      harness: TransporterHarness,
    ) => Effect.Effect<unknown, TransportError, Scope.Scope>,
  ) => {
    checks.push({
      name,
      check: Effect.flatMap(make, (harness) =>
        Effect.provide(
          Effect.flatMap(Transporter, (transporter) => body(transporter, harness)),
          harness.layer,
        ),
      ),
    })
  }

  const put = (transporter: TransporterShape, path: string, bytes: Uint8Array) =>
    transporter.put(outputFile(contentOf(bytes)), remote(path))
  const refusal = <A>(effect: Effect.Effect<A, TransportError>) =>
    Effect.map(Effect.orDie(Effect.flip(effect)), (error) => error.reason._tag)
  const holds = Effect.fnUntraced(function* (harness: TransporterHarness, path: string, bytes: Uint8Array) {
    const stored = yield* harness.read(remote(path))
    assert(stored !== undefined, `nothing at ${path}`)
    assert.strictEqual(sha256(stored), sha256(bytes), `other bytes at ${path}`)
  })
  const files = (harness: TransporterHarness) =>
    Effect.map(harness.everything, (all) => all.filter((path) => !path.endsWith("/")).sort())

  check(
    "a file is stored, and the receipt is the SHA-256 of its bytes",
    Effect.fnUntraced(function* (transporter, harness) {
      const bytes = specimen(1234)
      const receipt = yield* put(transporter, "a/b/file.bin", bytes)
      assert.strictEqual(receipt.sha256, sha256(bytes))
      yield* holds(harness, "a/b/file.bin", bytes)
      assert.deepStrictEqual(yield* files(harness), ["a/b/file.bin"])
    }),
  )

  for (const size of [0, 1, PIECE, 5_242_880 + 17]) {
    check(
      `${size} bytes arrive whole, and stat tells so`,
      Effect.fnUntraced(function* (transporter, harness) {
        const bytes = specimen(size)
        const receipt = yield* put(transporter, "file.bin", bytes)
        assert.strictEqual(receipt.sha256, sha256(bytes))
        yield* holds(harness, "file.bin", bytes)
        const stat = Option.getOrThrow(yield* transporter.stat(remote("file.bin")))
        assert.strictEqual(stat.size, size)
        assert.strictEqual(stat.hash !== undefined, transporter.capabilities.contentHash)
        if (stat.hash !== undefined) {
          const hash = createHash(stat.hash.algorithm).update(bytes).digest("hex")
          assert.strictEqual(stat.hash.hex, hash)
        }
      }),
    )
  }

  check(
    "a file is replaced by a longer and by a shorter one, and put twice is put once",
    Effect.fnUntraced(function* (transporter, harness) {
      for (const bytes of [specimen(100, 1), specimen(300_000, 2), specimen(10, 3), specimen(10, 3), specimen(0)]) {
        yield* put(transporter, "x/file.bin", bytes)
        yield* holds(harness, "x/file.bin", bytes)
      }
      assert.deepStrictEqual(yield* files(harness), ["x/file.bin"])
    }),
  )

  check(
    "a file is removed, once and again, and what never was is removed too",
    Effect.fnUntraced(function* (transporter, harness) {
      yield* put(transporter, "a/one", specimen(5))
      yield* put(transporter, "a/two", specimen(6))
      yield* transporter.remove(remote("a/one"))
      yield* transporter.remove(remote("a/one"))
      yield* transporter.remove(remote("never/was/here"))
      assert.deepStrictEqual(yield* files(harness), ["a/two"])
      assert(Option.isNone(yield* transporter.stat(remote("a/one"))))
      assert(Option.isSome(yield* transporter.stat(remote("a/two"))))
    }),
  )

  check(
    "stat of nothing is nothing",
    Effect.fnUntraced(function* (transporter) {
      yield* put(transporter, "a/file", specimen(5))
      for (const path of ["b", "a/b", "a/file/b", "x/y/z"]) {
        assert(Option.isNone(yield* transporter.stat(remote(path))), path)
      }
    }),
  )

  check(
    "removing the last file prunes what it leaves empty, and a directory that holds anything stays",
    Effect.fnUntraced(function* (transporter, harness) {
      if (!transporter.capabilities.directories) return
      yield* put(transporter, "a/keep", specimen(1))
      yield* put(transporter, "a/b/c/d/file", specimen(2))
      yield* transporter.remove(remote("a/b"))
      assert.deepStrictEqual(yield* files(harness), ["a/b/c/d/file", "a/keep"])
      yield* transporter.remove(remote("a/b/c/d/file"))
      assert.deepStrictEqual([...(yield* harness.everything)].sort(), ["a/", "a/keep"])
      yield* transporter.remove(remote("a/keep"))
      assert.deepStrictEqual(yield* harness.everything, [])
      yield* put(transporter, "a/b/again", specimen(3))
      yield* holds(harness, "a/b/again", specimen(3))
    }),
  )

  for (const [what, path] of ODD_NAMES) {
    check(
      `names with ${what}`,
      Effect.fnUntraced(function* (transporter, harness) {
        const bytes = specimen(100)
        const exit = yield* Effect.exit(put(transporter, path, bytes))
        if (Exit.isFailure(exit)) {
          assert(harness.refuses?.(path) === true, `refused: ${String(exit.cause)}`)
          assert.strictEqual(yield* refusal(put(transporter, path, bytes)), "NameRefused")
          assert.deepStrictEqual(yield* harness.everything, [])
          return
        }
        yield* holds(harness, path, bytes)
        assert.deepStrictEqual(yield* files(harness), [path])
        assert.strictEqual(Option.getOrThrow(yield* transporter.stat(remote(path))).size, 100)
        assert.strictEqual(transporter.url(remote(path)), harness.url + percentEncode(path))
        yield* transporter.remove(remote(path))
        assert.deepStrictEqual(yield* harness.everything, [])
      }),
    )
  }

  check(
    "whoever reads while a file is replaced sees the old or the new one, whole",
    Effect.fnUntraced(function* (transporter, harness) {
      if (!transporter.capabilities.atomicReplace) return
      const first = specimen(400_000, 1)
      const second = specimen(300_000, 2)
      const known = new Set([first, second].map(sha256))
      yield* put(transporter, "file.bin", first)
      let reads = 0
      const reader = yield* Effect.forkChild(
        Effect.forever(
          Effect.flatMap(harness.read(remote("file.bin")), (bytes) => {
            reads += 1
            if (bytes === undefined) return Effect.die(new Error("the file was missing"))
            return known.has(sha256(bytes)) ? Effect.yieldNow : Effect.die(new Error("a mixture was read"))
          }),
        ),
      )
      for (let round = 1; round <= 20; round++) {
        yield* put(transporter, "file.bin", round % 2 === 0 ? first : second)
        yield* Effect.yieldNow
      }
      const exit = yield* Effect.andThen(Fiber.interrupt(reader), Fiber.await(reader))
      assert(Exit.hasInterrupts(exit) && !Exit.hasDies(exit), String(exit))
      assert(reads > 1)
    }),
  )

  for (const reason of ["Changed", "Vanished"] as const) {
    for (const sent of [0, 1000, 200_000]) {
      check(
        `a source that is ${reason} after ${sent} bytes leaves what was there, and nothing else`,
        Effect.fnUntraced(function* (transporter, harness) {
          yield* put(transporter, "d/old", specimen(50))
          const content = breaking(specimen(sent), 400_000, reason)
          for (const path of ["d/old", "new/file"]) {
            const failed = yield* refusal(transporter.put(outputFile(content), remote(path)))
            assert.strictEqual(failed, "SourceChanged")
          }
          yield* holds(harness, "d/old", specimen(50))
          assert.deepStrictEqual(yield* files(harness), ["d/old"])
        }),
      )
    }
  }

  check(
    "interruption in the middle of a file leaves what was there, and nothing else",
    Effect.fnUntraced(function* (transporter, harness) {
      yield* put(transporter, "d/old", specimen(50))
      const half = yield* Deferred.make<void>()
      const content: Content = {
        ...contentOf(new Uint8Array(400_000)),
        bytes: Stream.concat(
          Stream.fromArray(chunks(specimen(200_000))),
          Stream.fromEffect(Effect.andThen(Deferred.succeed(half, undefined), Effect.never)),
        ),
      }
      for (const path of ["d/old", "new/file"]) {
        const fiber = yield* Effect.forkChild(transporter.put(outputFile(content), remote(path)))
        yield* Deferred.await(half)
        yield* Fiber.interrupt(fiber)
      }
      yield* holds(harness, "d/old", specimen(50))
      assert.deepStrictEqual(yield* files(harness), ["d/old"])
    }),
  )

  check(
    "many files at once into directories that do not exist yet",
    Effect.fnUntraced(function* (transporter, harness) {
      const paths = Array.from({ length: 60 }, (_, at) => `new/deep/${at % 3}/file-${String(at).padStart(2, "0")}`)
      const at = { concurrency: transporter.capabilities.connections, discard: true } as const
      yield* Effect.forEach(paths, (path, seed) => put(transporter, path, specimen(500, seed)), at)
      assert.deepStrictEqual(yield* files(harness), [...paths].sort())
      yield* Effect.forEach(paths, (path, seed) => holds(harness, path, specimen(500, seed)), { discard: true })
      yield* Effect.forEach(paths, (path) => transporter.remove(remote(path)), at)
      assert.deepStrictEqual(yield* harness.everything, [])
    }),
  )

  check(
    "files come and go in one directory at once",
    Effect.fnUntraced(function* (transporter, harness) {
      const cycle = (at: number) =>
        Effect.gen(function* () {
          for (let round = 0; round < 5; round++) {
            yield* put(transporter, `shared/inner/${at}`, specimen(200, round))
            if (round < 4) yield* transporter.remove(remote(`shared/inner/${at}`))
          }
        })
      const workers = Array.from({ length: 8 }, (_, at) => at)
      yield* Effect.forEach(workers, cycle, { concurrency: "unbounded", discard: true })
      assert.deepStrictEqual(
        yield* files(harness),
        workers.map((at) => `shared/inner/${at}`),
      )
    }),
  )

  check(
    "a server that fails says so, and after that all is well again",
    Effect.fnUntraced(function* (transporter, harness) {
      if (harness.breakDown === undefined) return
      yield* put(transporter, "d/old", specimen(50))
      const repair = yield* harness.breakDown
      const failed = yield* Effect.ensuring(Effect.exit(put(transporter, "d/new", specimen(60))), repair)
      assert(Exit.isFailure(failed))
      yield* holds(harness, "d/old", specimen(50))
      yield* put(transporter, "d/new", specimen(60))
      assert.deepStrictEqual(yield* files(harness), ["d/new", "d/old"])
    }),
  )

  check(
    "the public address is the root's with the path, percent-encoded",
    Effect.fnUntraced(function* (transporter, harness) {
      assert.strictEqual(transporter.url(remote("a b/c#d?.css")), `${harness.url}a%20b/c%23d%3F.css`)
    }),
  )

  return checks
}

/** The contract of transporters for any test runner: `for (const { name, run } of transporterSuite(...)) test(name, run)`. */
export const transporterSuite = (
  name: string,
  make: Effect.Effect<TransporterHarness, unknown, Scope.Scope>,
): ReadonlyArray<SuiteTest> => testsOf(`${name} keeps the contract of transporters`, transporterChecks(make))
