/**
 * The contract of a transporter as a suite: every transporter runs it against its server. What a transporter declares to
 * be able to do is tested.
 */
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, type Layer, Option, type Scope, Stream } from "effect"
import { SourceError, type TransportError } from "../../src/domain/Errors.ts"
import { isSafe, percentEncode, type RelativePath, type RemotePath, type SourceName } from "../../src/domain/Path.ts"
import type { Content } from "../../src/domain/SourceFiles.ts"
import { type OutputFile, Transporter, type TransporterShape } from "../../src/domain/Transporter.ts"

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

export interface TransporterContractOptions {
  /** How long one test may take. */
  readonly timeout?: number
}

export const remote = (path: string): RemotePath => {
  if (!isSafe(path)) throw new Error(`not a safe path: ${path}`)
  return path as RemotePath
}

/** Bytes that look random and are the same at each run. */
export const specimen = (size: number, seed = 1): Uint8Array => {
  const bytes = new Uint8Array(size)
  let state = seed * 2_654_435_761 + 1
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

const PIECE = 65_536
const chunks = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.length / PIECE) }, (_, at) => bytes.slice(at * PIECE, (at + 1) * PIECE))

/** A content that is nowhere on disk. */
export const contentOf = (bytes: Uint8Array): Content => ({
  origin: "temporary",
  size: bytes.length,
  location: undefined,
  bytes: Stream.fromArray(chunks(bytes)),
})

export const outputFile = (content: Content): OutputFile => ({
  content,
  source: "site" as SourceName,
  path: "original.bin" as RelativePath,
  state: { size: content.size, mtimeNs: 1_700_000_000_123_000_000n, inode: 7n, mode: 0o644 },
  sourceStays: false,
  headers: {},
  uniqueName: false,
})

const breaking = (sent: Uint8Array, size: number, reason: SourceError["reason"]): Content => ({
  ...contentOf(new Uint8Array(size)),
  bytes: Stream.concat(
    Stream.fromArray(chunks(sent)),
    Stream.fail(new SourceError({ path: "original.bin", reason, detail: `it is ${reason}` })),
  ),
})

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

/** Runs the suite. `make` builds a server for one test; its Scope takes it down. */
export const transporterContract = (
  name: string,
  make: Effect.Effect<TransporterHarness, unknown, Scope.Scope>,
  options?: TransporterContractOptions,
): void => {
  const timeout = options?.timeout ?? 30_000
  const check = (
    what: string,
    body: (
      transporter: TransporterShape,
      harness: TransporterHarness,
    ) => Effect.Effect<unknown, TransportError, Scope.Scope>,
  ) =>
    it.live(
      what,
      () =>
        Effect.flatMap(make, (harness) =>
          Effect.provide(
            Effect.flatMap(Transporter, (transporter) => body(transporter, harness)),
            harness.layer,
          ),
        ),
      timeout,
    )

  const put = (transporter: TransporterShape, path: string, bytes: Uint8Array) =>
    transporter.put(outputFile(contentOf(bytes)), remote(path))
  const refusal = <A>(effect: Effect.Effect<A, TransportError>) =>
    Effect.map(Effect.orDie(Effect.flip(effect)), (error) => error.reason._tag)
  const holds = Effect.fnUntraced(function* (harness: TransporterHarness, path: string, bytes: Uint8Array) {
    const stored = yield* harness.read(remote(path))
    assert.isDefined(stored, `nothing at ${path}`)
    assert.strictEqual(sha256(stored), sha256(bytes), `other bytes at ${path}`)
  })
  const files = (harness: TransporterHarness) =>
    Effect.map(harness.everything, (all) => all.filter((path) => !path.endsWith("/")).sort())

  describe(`${name} keeps the contract of transporters:`, () => {
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
        assert.isTrue(Option.isNone(yield* transporter.stat(remote("a/one"))))
        assert.isTrue(Option.isSome(yield* transporter.stat(remote("a/two"))))
      }),
    )

    check(
      "stat of nothing is nothing",
      Effect.fnUntraced(function* (transporter) {
        yield* put(transporter, "a/file", specimen(5))
        for (const path of ["b", "a/b", "a/file/b", "x/y/z"]) {
          assert.isTrue(Option.isNone(yield* transporter.stat(remote(path))), path)
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
            assert.isTrue(harness.refuses?.(path) === true, `refused: ${String(exit.cause)}`)
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
        const versions = [specimen(400_000, 1), specimen(300_000, 2)]
        const known = new Set(versions.map(sha256))
        yield* put(transporter, "file.bin", versions[0]!)
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
        for (let round = 1; round <= 20; round++) yield* put(transporter, "file.bin", versions[round % 2]!)
        const exit = yield* Effect.andThen(Fiber.interrupt(reader), Fiber.await(reader))
        assert.isTrue(Exit.hasInterrupts(exit) && !Exit.hasDies(exit), String(exit))
        assert.isAbove(reads, 1)
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
        assert.isTrue(Exit.isFailure(failed))
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
  })
}
