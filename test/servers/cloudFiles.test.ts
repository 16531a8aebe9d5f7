import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Option, Redacted, type Scope, Stream } from "effect"
import { SourceError, type TransportError } from "../../src/domain/Errors.ts"
import { hasRawBytes, type RemotePath, type ServerName } from "../../src/domain/Path.ts"
import type { Content } from "../../src/domain/SourceFiles.ts"
import { type OutputFile, Transporter, type TransporterShape } from "../../src/domain/Transporter.ts"
import { segmentName, uploadId } from "../../src/layers/transporters/cloudFiles/address.ts"
import { cloudFiles } from "../../src/layers/transporters/cloudFiles.ts"
import type { CloudFilesSettings } from "../../src/layers/transporters/settings.ts"
import { contentOf, outputFile, remote, sha256, specimen, transporterContract } from "../contract/transporter.ts"
import { type FaultProxy, startFaultProxy } from "./faultProxy.ts"
import { startSwift, type Swift, swiftInstall, swiftInstalled } from "./start/swift.ts"

const runs = swiftInstalled() || process.env["REQUIRE_SERVERS"] === "1"
if (!runs)
  console.warn(`SKIPPED: cloudfiles against OpenStack Swift, which is not installed. Install it with: ${swiftInstall}`)

const MEBI = 1_048_576
const LARGE = 20 * MEBI + 17

let swift: Swift
let rooms = 0

/** A container that nothing else uses. */
const room = Effect.promise(async () => {
  rooms += 1
  const container = `room é ${rooms}`
  await swift.makeContainer(container)
  return container
})

const settingsFor = (container: string, some: Partial<CloudFilesSettings> = {}): CloudFilesSettings => ({
  username: swift.user.name,
  api_key: Redacted.make(swift.user.key),
  auth_url: swift.authUrl,
  container,
  connectTimeout: 10_000,
  idleTimeout: 20_000,
  ...some,
})

const layerOf = (settings: CloudFilesSettings) =>
  cloudFiles.layer(settings, { name: "cdn" as ServerName, maxConnections: 0 })

const open = (settings: CloudFilesSettings): Effect.Effect<TransporterShape, TransportError, Scope.Scope> =>
  Effect.map(Layer.build(layerOf(settings)), (context) => Context.get(context, Transporter))

const put = (transporter: TransporterShape, path: string, bytes: Uint8Array, some: Partial<OutputFile> = {}) =>
  transporter.put({ ...outputFile(contentOf(bytes)), ...some }, remote(path))

const failure = <A>(effect: Effect.Effect<A, TransportError>) => Effect.orDie(Effect.flip(effect))

const names = (container: string) => Effect.promise(() => swift.names(container))
const holds = (container: string, path: string, bytes: Uint8Array) =>
  Effect.promise(async () => {
    const stored = await swift.read(container, path)
    assert.isDefined(stored, `nothing at ${path}`)
    assert.strictEqual(sha256(stored), sha256(bytes), `other bytes at ${path}`)
  })

/** Waits for something that happens elsewhere, and fails when it does not. */
const eventually = (what: string, holds: () => boolean | Promise<boolean>) =>
  Effect.gen(function* () {
    const deadline = Date.now() + 10_000
    while (!(yield* Effect.promise(async () => holds()))) {
      if (Date.now() > deadline) assert.fail(`never: ${what}`)
      yield* Effect.sleep(20)
    }
  })

/** A content that stops after so many bytes until it is told to go on. */
const paused = (bytes: Uint8Array, after: number) =>
  Effect.gen(function* () {
    const reached = yield* Deferred.make<void>()
    const goOn = yield* Deferred.make<void>()
    const content: Content = {
      ...contentOf(bytes),
      bytes: Stream.concat(
        Stream.fromArray([bytes.slice(0, after)]),
        Stream.fromEffect(
          Deferred.succeed(reached, undefined).pipe(
            Effect.andThen(Deferred.await(goOn)),
            Effect.as(bytes.slice(after)),
          ),
        ),
      ),
    }
    return { content, reached: Deferred.await(reached), goOn: Deferred.succeed(goOn, undefined) }
  })

const proxied: Effect.Effect<FaultProxy, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => startFaultProxy(swift.port)),
  (proxy) => Effect.promise(() => proxy.close()),
)

/** Swift names the address it was asked at as the place of the files, so these go through the proxy as well. */
const through = (proxy: FaultProxy, container: string, some: Partial<CloudFilesSettings> = {}) =>
  settingsFor(container, { auth_url: `http://127.0.0.1:${proxy.port}/auth/v1.0`, ...some })

describe.skipIf(!runs)("cloudfiles against OpenStack Swift", { timeout: 60_000 }, () => {
  beforeAll(async () => {
    swift = await startSwift()
  }, 120_000)
  afterAll(async () => {
    await swift.stop()
  })

  transporterContract(
    "cloudfiles",
    Effect.map(room, (container) => ({
      layer: layerOf(settingsFor(container, { url: "https://cdn.example/" })),
      read: (path: RemotePath) => Effect.promise(() => swift.read(container, path)),
      everything: names(container),
      url: "https://cdn.example/",
      refuses: hasRawBytes,
      breakDown: Effect.as(
        Effect.promise(() => swift.down()),
        Effect.promise(() => swift.up()),
      ),
    })),
    { timeout: 60_000 },
  )

  describe("who signs in", () => {
    it.live("a wrong key is told so, and kept quiet", () =>
      Effect.gen(function* () {
        const transporter = yield* open(settingsFor(yield* room, { api_key: Redacted.make("s3cretive") }))
        const error = yield* failure(put(transporter, "file", specimen(10)))
        assert.strictEqual(error.reason._tag, "Unauthorized")
        assert.include(error.message, "api_key")
        assert.notInclude(JSON.stringify(error) + String(error.cause), "s3cretive")
      }),
    )

    it.live("an address where nobody signs in, and a port where nobody is", () =>
      Effect.gen(function* () {
        const container = yield* room
        for (const [auth_url, words] of [
          [`${swift.endpoint}/elsewhere`, "auth_url"],
          ["http://127.0.0.1:1/auth/v1.0", "refuses connections"],
        ] as const) {
          const error = yield* failure(put(yield* open(settingsFor(container, { auth_url })), "file", specimen(10)))
          assert.include(["Unreachable", "Unauthorized"], error.reason._tag, error.message)
          assert.include(error.message, words)
        }
      }),
    )

    it.live("a user who may not write is told so", () =>
      Effect.gen(function* () {
        const { key, name } = swift.stranger
        const container = yield* room
        const transporter = yield* open(settingsFor(container, { username: name, api_key: Redacted.make(key) }))
        const error = yield* failure(put(transporter, "file", specimen(10)))
        assert.strictEqual(error.reason._tag, "PermissionDenied")
        assert.include(error.message, container)
      }),
    )

    it.live("a container that does not exist is told so, and not made", () =>
      Effect.gen(function* () {
        const transporter = yield* open(settingsFor("not there"))
        const error = yield* failure(put(transporter, "file", specimen(10)))
        assert.strictEqual(error.reason._tag, "Unreachable")
        assert.include(error.message, `container "not there" does not exist`)
        assert.strictEqual((yield* Effect.promise(() => swift.ask("HEAD", "not there"))).status, 404)
      }),
    )

    it.live("tokens that the service forgot are replaced in the middle of work", () =>
      Effect.gen(function* () {
        const container = yield* room
        const transporter = yield* open(settingsFor(container))
        yield* put(transporter, "first", specimen(10))
        yield* Effect.promise(() => swift.forgetTokens())
        const paths = Array.from({ length: 20 }, (_, at) => `file-${at}`)
        yield* Effect.forEach(paths, (path) => put(transporter, path, specimen(3 * MEBI)), { concurrency: 16 })
        const { content, goOn, reached } = yield* paused(specimen(LARGE), 9 * MEBI)
        const fiber = yield* Effect.forkChild(transporter.put(outputFile(content), remote("large")))
        yield* reached
        yield* Effect.promise(() => swift.forgetTokens())
        yield* goOn
        yield* Fiber.join(fiber)
        yield* holds(container, "large", specimen(LARGE))
      }),
    )
  })

  describe("what is stored with a file", () => {
    const headersOf = (container: string, path: string) =>
      Effect.promise(async () => (await swift.ask("HEAD", container, path)).headers)

    it.live("headers, small and large", () =>
      Effect.gen(function* () {
        const container = yield* room
        const transporter = yield* open(settingsFor(container))
        for (const size of [100, 9 * MEBI]) {
          const path = `style-${size}.css`
          const headers = {
            "content-encoding": "gzip",
            "cache-control": "max-age=7",
            "x-object-meta-colour": "grün",
            "content-disposition": "inline",
          }
          yield* put(transporter, path, specimen(size), { headers })
          const kept = yield* headersOf(container, path)
          assert.strictEqual(kept.get("content-type"), "text/css; charset=utf-8")
          assert.strictEqual(kept.get("content-encoding"), "gzip")
          assert.strictEqual(kept.get("cache-control"), "max-age=7")
          assert.strictEqual(kept.get("content-disposition"), "inline")
          assert.strictEqual(kept.get("x-object-meta-colour"), "gr%C3%BCn")
          assert.strictEqual(kept.get("x-object-meta-mtime"), "1700000000.123000000")
        }
      }),
    )

    it.live("a name that promises its content may be kept for ever, another has no such header", () =>
      Effect.gen(function* () {
        const container = yield* room
        const transporter = yield* open(settingsFor(container))
        yield* put(transporter, "unique.css", specimen(5), { uniqueName: true })
        yield* put(transporter, "plain.css", specimen(5))
        const unique = yield* headersOf(container, "unique.css")
        assert.include(unique.get("cache-control") ?? "", "immutable")
        assert.isNotNull(unique.get("expires"))
        const plain = yield* headersOf(container, "plain.css")
        assert.isNull(plain.get("cache-control"))
        assert.isNull(plain.get("expires"))
      }),
    )

    it.live("without a url setting the public address is the container's", () =>
      Effect.gen(function* () {
        const container = yield* room
        const transporter = yield* open(settingsFor(container))
        yield* put(transporter, "a b/ü.css", specimen(5))
        const url = transporter.url(remote("a b/ü.css"))
        assert.strictEqual(url, `${swift.containerUrl(encodeURIComponent(container))}/a%20b/%C3%BC.css`)
        const bytes = yield* Effect.promise(async () => new Uint8Array(await (await fetch(url)).arrayBuffer()))
        assert.strictEqual(sha256(bytes), sha256(specimen(5)))
      }),
    )

    it.live("a full container is out of space, and the old file is still there", () =>
      Effect.gen(function* () {
        const container = yield* room
        const transporter = yield* open(settingsFor(container))
        yield* put(transporter, "file", specimen(1000))
        const headers = { "x-container-meta-quota-bytes": "5000" }
        yield* Effect.promise(() => swift.ask("POST", container, undefined, { headers }))
        const fresh = yield* open(settingsFor(container))
        for (const size of [9000, LARGE]) {
          const error = yield* failure(put(fresh, "file", specimen(size, 2)))
          assert.strictEqual(error.reason._tag, "OutOfSpace", error.message)
        }
        yield* holds(container, "file", specimen(1000))
        assert.deepStrictEqual(yield* names(container), ["file"])
      }),
    )

    it.live("names below that of the segments are refused", () =>
      Effect.gen(function* () {
        const container = yield* room
        const transporter = yield* open(settingsFor(container))
        for (const path of [".fc-segments", ".fc-segments/a"]) {
          assert.strictEqual((yield* failure(put(transporter, path, specimen(5)))).reason._tag, "NameRefused")
          assert.strictEqual((yield* failure(transporter.remove(remote(path)))).reason._tag, "NameRefused")
        }
        yield* put(transporter, ".fc-segments.css", specimen(5))
        yield* put(transporter, "é".repeat(512), specimen(5))
        const long = yield* failure(put(transporter, `${"é".repeat(512)}x`, specimen(5)))
        assert.strictEqual(long.reason._tag, "NameRefused")
        const longForLarge = yield* failure(put(transporter, "n".repeat(1000), specimen(9 * MEBI)))
        assert.strictEqual(longForLarge.reason._tag, "NameRefused")
        assert.strictEqual((yield* names(container)).length, 2)
      }),
    )
  })

  describe("large files", () => {
    const segments = (container: string) =>
      Effect.map(names(container), (all) => all.filter((name) => name.startsWith(".fc-segments/")))

    it.live("arrive in segments, whose longest name has room, and stat tells their SHA-256", () =>
      Effect.gen(function* () {
        const container = yield* room
        const transporter = yield* open(settingsFor(container))
        const path = `${"d/".repeat(300)}${"n".repeat(376)}`
        const bytes = specimen(LARGE)
        const receipt = yield* put(transporter, path, bytes)
        assert.strictEqual(receipt.sha256, sha256(bytes))
        yield* holds(container, path, bytes)
        assert.strictEqual((yield* segments(container)).length, 3)
        const stat = Option.getOrThrow(yield* transporter.stat(remote(path)))
        assert.deepStrictEqual(stat, { size: LARGE, hash: { algorithm: "sha256", hex: sha256(bytes) } })
        yield* transporter.remove(remote(path))
        assert.deepStrictEqual(yield* names(container), [])
      }),
    )

    it.live(
      "lose their segments when they are replaced by a large or small one or removed, by this run or the next",
      () =>
        Effect.gen(function* () {
          const container = yield* room
          const transporters = [yield* open(settingsFor(container)), yield* open(settingsFor(container))]
          const [one, other] = transporters as [TransporterShape, TransporterShape]
          yield* put(one, "a/file", specimen(LARGE, 1))
          yield* put(one, "a/file/below", specimen(9 * MEBI, 4))
          yield* put(one, "a/file", specimen(LARGE, 2))
          yield* holds(container, "a/file", specimen(LARGE, 2))
          assert.strictEqual((yield* segments(container)).length, 5)
          yield* put(other, "a/file", specimen(10, 3))
          yield* holds(container, "a/file", specimen(10, 3))
          yield* holds(container, "a/file/below", specimen(9 * MEBI, 4))
          assert.strictEqual((yield* segments(container)).length, 2)
          yield* put(other, "a/file", specimen(LARGE, 1))
          yield* other.remove(remote("a/file/below"))
          yield* other.remove(remote("a/file"))
          assert.deepStrictEqual(yield* names(container), [])
        }),
    )

    it.live("that change, or whose upload is interrupted, leave what was there and no segment", () =>
      Effect.gen(function* () {
        const container = yield* room
        const transporter = yield* open(settingsFor(container))
        yield* put(transporter, "file", specimen(50))
        const changed: Content = {
          ...contentOf(new Uint8Array(LARGE)),
          bytes: Stream.concat(
            Stream.fromArray([specimen(18 * MEBI)]),
            Stream.fail(new SourceError({ path: "x", reason: "Changed", detail: "it changed" })),
          ),
        }
        const error = yield* failure(transporter.put(outputFile(changed), remote("file")))
        assert.strictEqual(error.reason._tag, "SourceChanged")
        assert.deepStrictEqual(yield* names(container), ["file"])
        const { content, reached } = yield* paused(specimen(LARGE), 18 * MEBI)
        const fiber = yield* Effect.forkChild(transporter.put(outputFile(content), remote("file")))
        yield* reached
        yield* eventually("a segment is there", async () => (await swift.names(container)).length > 1)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* names(container), ["file"])
        yield* holds(container, "file", specimen(50))
      }),
    )

    it.live("of crashed runs lose the segments that no file refers to, and only these, when they are old", () =>
      Effect.gen(function* () {
        const container = yield* room
        const day = 86_400_000
        const store = (name: string) => Effect.promise(() => swift.ask("PUT", container, name, { body: "half" }))
        const old = uploadId(Date.now() - 2 * day, "00000001")
        const inUse = uploadId(Date.now() - 2 * day, "00000002")
        const young = uploadId(Date.now() - 1000, "00000003")
        const path = "d/film" as RemotePath
        const orphans = [segmentName({ path, id: old }, 1), segmentName({ path: "gone" as RemotePath, id: old }, 7)]
        const kept = [segmentName({ path, id: inUse }, 1), segmentName({ path, id: young }, 1), ".fc-segments/notes"]
        for (const name of [...orphans, ...kept]) yield* store(name)
        const etag = createHash("md5").update("half").digest("hex")
        const manifest = [{ path: `/${container}/${kept[0]}`, etag, size_bytes: 4 }]
        yield* Effect.promise(() =>
          swift.ask("PUT", container, path, { query: "multipart-manifest=put", body: JSON.stringify(manifest) }),
        )
        const transporter = yield* open(settingsFor(container))
        yield* put(transporter, "first", specimen(5))
        const expected = [...kept, path, "first"].sort()
        yield* eventually("the orphans are gone", async () => (await swift.names(container)).length <= expected.length)
        assert.deepStrictEqual([...(yield* names(container))].sort(), expected)
        yield* holds(container, path, Buffer.from("half"))
      }),
    )
  })

  describe("faults on the way", () => {
    it.live("a connection that breaks in the middle of a file leaves what was there", () =>
      Effect.gen(function* () {
        const container = yield* room
        const proxy = yield* proxied
        const transporter = yield* open(through(proxy, container))
        yield* put(transporter, "file", specimen(50))
        for (const size of [5 * MEBI, LARGE]) {
          proxy.cutAfter = 2 * MEBI
          const error = yield* failure(put(transporter, "file", specimen(size)))
          assert.strictEqual(error.reason._tag, "Unreachable")
          assert.include(error.message, "broke the connection")
          proxy.cutAfter = Number.POSITIVE_INFINITY
          yield* holds(container, "file", specimen(50))
          assert.deepStrictEqual(yield* names(container), ["file"])
        }
        yield* put(transporter, "file", specimen(60))
        yield* holds(container, "file", specimen(60))
      }),
    )

    it.live("a connection that broke while it was idle goes unnoticed", () =>
      Effect.gen(function* () {
        const container = yield* room
        const proxy = yield* proxied
        const transporter = yield* open(through(proxy, container))
        for (let round = 0; round < 3; round++) {
          yield* put(transporter, "file", specimen(50, round))
          proxy.resetWhenUsed()
        }
        yield* transporter.remove(remote("file"))
        assert.deepStrictEqual(yield* names(container), [])
      }),
    )

    it.live("silence is given up after idleTimeout, and the next try works", () =>
      Effect.gen(function* () {
        const container = yield* room
        const proxy = yield* proxied
        const transporter = yield* open(through(proxy, container, { idleTimeout: 400 }))
        yield* put(transporter, "file", specimen(50))
        proxy.mode = "blackhole"
        const begun = Date.now()
        for (const work of [
          put(transporter, "file", specimen(3 * MEBI)),
          transporter.stat(remote("file")),
          transporter.remove(remote("file")),
        ] as const) {
          const error = yield* failure(work as Effect.Effect<unknown, TransportError>)
          assert.strictEqual(error.reason._tag, "Unreachable")
          assert.include(error.message, "in time")
        }
        assert.isBelow(Date.now() - begun, 6000)
        proxy.reset()
        proxy.mode = "pass"
        yield* put(transporter, "file", specimen(60))
        yield* holds(container, "file", specimen(60))
      }),
    )

    it.live("totalTimeout ends what goes on too long", () =>
      Effect.gen(function* () {
        const container = yield* room
        const proxy = yield* proxied
        const transporter = yield* open(through(proxy, container, { totalTimeout: 500 }))
        proxy.mode = "blackhole"
        const error = yield* failure(put(transporter, "file", specimen(50)))
        assert.strictEqual(error.reason._tag, "Unreachable")
        assert.include(error.message, "totalTimeout")
      }),
    )

    it.live("connections that nobody uses are closed when the transporter is", () =>
      Effect.gen(function* () {
        const container = yield* room
        const proxy = yield* proxied
        yield* Effect.scoped(
          Effect.flatMap(open(through(proxy, container)), (transporter) =>
            Effect.forEach([1, 2, 3, 4], (at) => put(transporter, `${at}`, specimen(50)), { concurrency: 4 }),
          ),
        )
        yield* eventually("all are closed", () => proxy.open() === 0)
      }),
    )

    it.live("a service that is killed in the middle of a large file, and started again", () =>
      Effect.gen(function* () {
        const container = yield* room
        const transporter = yield* open(settingsFor(container))
        yield* put(transporter, "file", specimen(50))
        const { content, goOn, reached } = yield* paused(specimen(LARGE), 9 * MEBI)
        const fiber = yield* Effect.forkChild(Effect.exit(transporter.put(outputFile(content), remote("file"))))
        yield* reached
        yield* Effect.promise(() => swift.down())
        yield* goOn
        const exit = yield* Fiber.join(fiber)
        yield* Effect.promise(() => swift.up())
        const error = Option.getOrThrow(Exit.findErrorOption(exit))
        assert.strictEqual(error.reason._tag, "Unreachable")
        yield* holds(container, "file", specimen(50))
        yield* put(transporter, "file", specimen(LARGE))
        yield* holds(container, "file", specimen(LARGE))
      }),
    )
  })
})
