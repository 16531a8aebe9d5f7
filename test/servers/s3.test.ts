import { createHash } from "node:crypto"
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  NoSuchKey,
  S3Client,
} from "@aws-sdk/client-s3"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Clock, Context, Deferred, Effect, Exit, Fiber, Layer, Option, Redacted, Stream } from "effect"
import { SourceError, type TransportError } from "../../src/domain/Errors.ts"
import type { ServerName } from "../../src/domain/Path.ts"
import type { Content } from "../../src/domain/SourceFiles.ts"
import { type OutputFile, Transporter, type TransporterShape } from "../../src/domain/Transporter.ts"
import { s3 } from "../../src/layers/transporters/s3.ts"
import type { S3Settings } from "../../src/layers/transporters/settings.ts"
import { contentOf, outputFile, remote, sha256, specimen, transporterContract } from "../contract/transporter.ts"
import { type FaultProxy, startFaultProxy } from "./faultProxy.ts"
import { type Gateway, gatewayInstall, gatewayInstalled, startGateway } from "./start/rgw.ts"

const runs = gatewayInstalled() || process.env["REQUIRE_SERVERS"] === "1"
if (!runs)
  console.warn(`SKIPPED: s3 against a Ceph gateway, which is not installed. Install it with: ${gatewayInstall}`)

const MiB = 1_048_576

let gateway: Gateway
let admin: S3Client
let buckets = 0

const bucket = Effect.promise(async () => {
  buckets += 1
  const name = `bucket-${buckets}`
  await admin.send(new CreateBucketCommand({ Bucket: name }))
  return name
})

const settingsFor = (name: string, some: Partial<S3Settings> = {}): S3Settings => ({
  bucket_name: name,
  access_key_id: Redacted.make(gateway.keys.id),
  secret_access_key: Redacted.make(gateway.keys.secret),
  bucket_prefix: "",
  endpoint: gateway.endpoint,
  checksum: "when_required",
  connectTimeout: 10_000,
  idleTimeout: 20_000,
  ...some,
})

const layerOf = (settings: S3Settings, maxConnections = 0) =>
  s3.layer(settings, { name: "cdn" as ServerName, maxConnections })

const open = (settings: S3Settings, maxConnections?: number) =>
  Effect.map(Layer.build(layerOf(settings, maxConnections)), (context) => Context.get(context, Transporter))

const keys = async (name: string): Promise<ReadonlyArray<string>> => {
  const found = await admin.send(new ListObjectsV2Command({ Bucket: name, EncodingType: "url" }))
  return (found.Contents ?? []).map(({ Key }) => decodeURIComponent((Key ?? "").replaceAll("+", "%20")))
}

const read = async (name: string, key: string): Promise<Uint8Array | undefined> => {
  try {
    const found = await admin.send(new GetObjectCommand({ Bucket: name, Key: key }))
    return await found.Body?.transformToByteArray()
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined
    throw error
  }
}

const unfinished = (name: string) =>
  Effect.promise(async () => (await admin.send(new ListMultipartUploadsCommand({ Bucket: name }))).Uploads ?? [])

const proxied = Effect.acquireRelease(
  Effect.promise(() => startFaultProxy(gateway.port)),
  (proxy) => Effect.promise(proxy.close),
)
const through = (proxy: FaultProxy) => ({ endpoint: `http://127.0.0.1:${proxy.port}` })

const put = (transporter: TransporterShape, path: string, bytes: Uint8Array, some: Partial<OutputFile> = {}) =>
  transporter.put({ ...outputFile(contentOf(bytes)), ...some }, remote(path))

const failure = <A>(effect: Effect.Effect<A, TransportError>) => Effect.orDie(Effect.flip(effect))

/** Waits for something that another process does. */
const eventually = (what: string, holds: () => Promise<boolean>) =>
  Effect.promise(async () => {
    const until = Date.now() + 15_000
    while (!(await holds())) {
      if (Date.now() > until) throw new Error(`never: ${what}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })

describe.skipIf(!runs)("s3 on a Ceph gateway", () => {
  beforeAll(async () => {
    gateway = await startGateway()
    admin = new S3Client({
      endpoint: gateway.endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: gateway.keys.id, secretAccessKey: gateway.keys.secret },
    })
  }, 120_000)

  afterAll(async () => {
    admin.destroy()
    await gateway.stop()
  })

  transporterContract(
    "s3",
    Effect.gen(function* () {
      const name = yield* bucket
      const proxy = yield* proxied
      return {
        layer: layerOf(settingsFor(name, { ...through(proxy), url: "https://cdn.example/x/" })),
        read: (path) => Effect.promise(() => read(name, path)),
        everything: Effect.promise(() => keys(name)),
        url: "https://cdn.example/x/",
        refuses: (path) => /[\uDC80-\uDCFF]/.test(path.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]/g, "")),
        breakDown: Effect.sync(() => {
          proxy.mode = "refuse"
          proxy.reset()
          return Effect.sync(() => {
            proxy.mode = "pass"
          })
        }),
      }
    }),
    { timeout: 60_000 },
  )

  describe("small files:", () => {
    it.live("headers of the file are stored with it", () =>
      Effect.gen(function* () {
        const name = yield* bucket
        const transporter = yield* open(settingsFor(name, { acl: "public-read" }))
        for (const path of ["p q/first.css", "p q/second.css"]) {
          yield* put(transporter, path, specimen(10), {
            uniqueName: true,
            headers: { "content-encoding": "gzip", "x-amz-meta-who": "Zoë" },
          })
          const head = yield* Effect.promise(() => admin.send(new HeadObjectCommand({ Bucket: name, Key: path })))
          assert.strictEqual(head.ContentType, "text/css; charset=utf-8")
          assert.strictEqual(head.ContentEncoding, "gzip")
          assert.strictEqual(head.CacheControl, "public, max-age=315360000, immutable")
          assert.deepStrictEqual(head.Metadata, { who: "Zo%C3%AB" })
          const published = yield* Effect.promise(() => fetch(transporter.url(remote(path))))
          assert.strictEqual(published.status, 200)
        }
      }),
    )

    it.live("without acl the object is private", () =>
      Effect.gen(function* () {
        const name = yield* bucket
        const transporter = yield* open(settingsFor(name))
        yield* put(transporter, "a", specimen(10))
        const published = yield* Effect.promise(() => fetch(transporter.url(remote("a"))))
        assert.strictEqual(published.status, 403)
      }),
    )

    it.live("a cut in the middle of a file is repaired once, and a store that keeps cutting is Unreachable", () =>
      Effect.gen(function* () {
        const name = yield* bucket
        const proxy = yield* proxied
        const transporter = yield* open(settingsFor(name, through(proxy)))
        yield* put(transporter, "a", specimen(1000, 1))
        proxy.resetWhenUsed()
        yield* put(transporter, "a", specimen(1000, 2))
        proxy.cutAfter = 500_000
        proxy.reset()
        const error = yield* failure(put(transporter, "a", specimen(2 * MiB, 3)))
        assert.strictEqual(error.reason._tag, "Unreachable")
        proxy.cutAfter = Number.POSITIVE_INFINITY
        const stored = yield* Effect.promise(() => read(name, "a"))
        assert.strictEqual(sha256(stored!), sha256(specimen(1000, 2)))
      }),
    )

    it.live("a stalled connection is given up after the idle deadline, and the next file arrives", () =>
      Effect.gen(function* () {
        const name = yield* bucket
        const proxy = yield* proxied
        const transporter = yield* open(settingsFor(name, { ...through(proxy), idleTimeout: 500 }))
        yield* put(transporter, "a", specimen(10))
        proxy.mode = "blackhole"
        const error = yield* failure(put(transporter, "b", specimen(10)))
        assert.strictEqual(error.reason._tag, "Unreachable")
        proxy.mode = "pass"
        yield* put(transporter, "b", specimen(10))
        assert.deepStrictEqual(yield* Effect.promise(() => keys(name)), ["a", "b"])
      }),
    )

    it.live("wrong keys, a wrong secret and no permission are told apart", () =>
      Effect.gen(function* () {
        const name = yield* bucket
        const refused = Effect.fnUntraced(function* (id: string, secret: string) {
          const settings = settingsFor(name, {
            access_key_id: Redacted.make(id),
            secret_access_key: Redacted.make(secret),
          })
          return yield* failure(put(yield* open(settings), "a", specimen(1)))
        })
        const unknown = yield* refused("NOBODY", "x")
        assert.strictEqual(unknown.reason._tag, "Unauthorized")
        assert.include(unknown.message, "access_key_id")
        const wrong = yield* refused(gateway.keys.id, "not-the-secret")
        assert.strictEqual(wrong.reason._tag, "Unauthorized")
        assert.notInclude(JSON.stringify(wrong) + wrong.message, "not-the-secret")
        const denied = yield* refused(gateway.other.id, gateway.other.secret)
        assert.strictEqual(denied.reason._tag, "PermissionDenied")
        assert.include(denied.message, "policy")
      }),
    )

    it.live(
      "a bucket that is missing, and a bucket that is full, take the server out",
      () =>
        Effect.gen(function* () {
          const missing = yield* open(settingsFor("never-made"))
          const absent = yield* failure(put(missing, "a", specimen(1)))
          assert.strictEqual(absent.reason._tag, "Unreachable")
          assert.include(absent.message, 'bucket "never-made" does not exist')
          const name = yield* bucket
          const transporter = yield* open(settingsFor(name))
          yield* put(transporter, "a", specimen(1))
          yield* Effect.promise(() =>
            gateway.administer(
              "radosgw-admin",
              "quota",
              "set",
              "--quota-scope=bucket",
              `--bucket=${name}`,
              "--max-objects=1",
            ),
          )
          yield* Effect.promise(() =>
            gateway.administer("radosgw-admin", "quota", "enable", "--quota-scope=bucket", `--bucket=${name}`),
          )
          let error: TransportError | undefined
          yield* eventually("the quota holds", async () => {
            const exit = await Effect.runPromiseExit(put(transporter, `b${Date.now()}`, specimen(1)))
            error = Exit.isFailure(exit) ? Option.getOrUndefined(Exit.findErrorOption(exit)) : undefined
            return error !== undefined
          })
          assert.strictEqual(error?.reason._tag, "OutOfSpace")
        }),
      60_000,
    )

    it.live("a clock that is wrong by an hour is made up for", () =>
      Effect.gen(function* () {
        const name = yield* bucket
        const transporter = yield* open(settingsFor(name))
        yield* put(transporter, "a", specimen(1))
        const RealDate = Date
        const skewed = class extends RealDate {
          constructor(...given: ReadonlyArray<unknown>) {
            super(...((given.length === 0 ? [RealDate.now() - 3_600_000] : given) as [number]))
          }
          static override now() {
            return RealDate.now() - 3_600_000
          }
        } as DateConstructor
        globalThis.Date = skewed
        yield* Effect.ensuring(
          put(transporter, "b", specimen(1)),
          Effect.sync(() => {
            globalThis.Date = RealDate
          }),
        )
        assert.deepStrictEqual(yield* Effect.promise(() => keys(name)), ["a", "b"])
      }),
    )
  })

  describe("files in parts:", () => {
    it.live(
      "arrive whole with their headers, several at once, in bounded memory",
      () =>
        Effect.gen(function* () {
          const name = yield* bucket
          const transporter = yield* open(settingsFor(name))
          const sizes = [8 * MiB, 8 * MiB + 1, 16 * MiB, 41 * MiB + 7]
          yield* Effect.forEach(
            sizes,
            Effect.fnUntraced(function* (size, at) {
              const bytes = specimen(size, at)
              const receipt = yield* put(transporter, `f${at}.css`, bytes, { uniqueName: true })
              assert.strictEqual(receipt.sha256, sha256(bytes))
              const stored = yield* Effect.promise(() => read(name, `f${at}.css`))
              assert.strictEqual(sha256(stored!), sha256(bytes))
              const head = yield* Effect.promise(() =>
                admin.send(new HeadObjectCommand({ Bucket: name, Key: `f${at}.css` })),
              )
              assert.strictEqual(head.ContentType, "text/css; charset=utf-8")
              assert.strictEqual(head.CacheControl, "public, max-age=315360000, immutable")
              const stat = Option.getOrThrow(yield* transporter.stat(remote(`f${at}.css`)))
              assert.strictEqual(stat.size, size)
            }),
            { concurrency: "unbounded", discard: true },
          )
          assert.deepStrictEqual(yield* unfinished(name), [])
        }),
      60_000,
    )

    /** A content of this many bytes that stops in the middle until it is let go on, and then fails or goes on. */
    const halting = (size: number, halt: number, then: Stream.Stream<Uint8Array, SourceError>) => {
      const reached = Deferred.makeUnsafe<void>()
      const content: Content = {
        ...contentOf(new Uint8Array(0)),
        size,
        bytes: Stream.make(specimen(halt)).pipe(
          Stream.concat(Stream.fromEffectDrain(Deferred.succeed(reached, undefined))),
          Stream.concat(then),
        ),
      }
      return { content, reached: Deferred.await(reached) }
    }

    it.live(
      "a source that changes at its end leaves the old object and no parts",
      () =>
        Effect.gen(function* () {
          const name = yield* bucket
          const transporter = yield* open(settingsFor(name))
          yield* put(transporter, "a", specimen(10))
          const changed = new SourceError({ path: "a", reason: "Changed", detail: "changed" })
          const { content } = halting(30 * MiB, 30 * MiB, Stream.fail(changed))
          const error = yield* failure(transporter.put(outputFile(content), remote("a")))
          assert.strictEqual(error.reason._tag, "SourceChanged")
          assert.deepStrictEqual(yield* unfinished(name), [])
          assert.strictEqual((yield* Effect.promise(() => read(name, "a")))?.length, 10)
        }),
      60_000,
    )

    it.live(
      "interruption leaves the old object and no parts",
      () =>
        Effect.gen(function* () {
          const name = yield* bucket
          const transporter = yield* open(settingsFor(name))
          yield* put(transporter, "a", specimen(10))
          const { content, reached } = halting(60 * MiB, 20 * MiB, Stream.never)
          const fiber = yield* Effect.forkChild(transporter.put(outputFile(content), remote("a")))
          yield* reached
          yield* eventually(
            "an upload is under way",
            async () => (await Effect.runPromise(unfinished(name))).length === 1,
          )
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual(yield* unfinished(name), [])
          assert.strictEqual((yield* Effect.promise(() => read(name, "a")))?.length, 10)
          yield* put(transporter, "b", specimen(20 * MiB))
        }),
      60_000,
    )

    it.live(
      "an upload that could not even be given up is given up with the next large file",
      () =>
        Effect.gen(function* () {
          const name = yield* bucket
          const proxy = yield* proxied
          const transporter = yield* open(settingsFor(name, through(proxy)))
          proxy.cutAfter = 3 * MiB
          const first = yield* failure(put(transporter, "a", specimen(20 * MiB)))
          assert.strictEqual(first.reason._tag, "Unreachable")
          proxy.cutAfter = Number.POSITIVE_INFINITY
          const { content, reached } = halting(40 * MiB, 20 * MiB, Stream.fromEffect(Effect.never))
          const fiber = yield* Effect.forkChild(transporter.put(outputFile(content), remote("a")))
          yield* reached
          proxy.mode = "refuse"
          proxy.reset()
          yield* Fiber.interrupt(fiber)
          assert.strictEqual((yield* unfinished(name)).length, 1)
          proxy.mode = "pass"
          yield* put(transporter, "b", specimen(9 * MiB))
          assert.deepStrictEqual(yield* unfinished(name), [])
        }),
      60_000,
    )

    it.live(
      "what a crashed run left behind is given up after a week; younger uploads and those of other places stay",
      () =>
        Effect.gen(function* () {
          const name = yield* bucket
          const begin = (key: string) =>
            Effect.promise(() => admin.send(new CreateMultipartUploadCommand({ Bucket: name, Key: key })))
          yield* begin("here/old")
          yield* begin("elsewhere/old")
          const settings = settingsFor(name)
          const keysLeft = Effect.map(unfinished(name), (all) => all.map(({ Key }) => Key))
          yield* put(yield* open(settings), "here/a", specimen(9 * MiB))
          assert.deepStrictEqual(yield* keysLeft, ["elsewhere/old", "here/old"])
          const now = yield* Clock.Clock
          const later: Clock.Clock = Object.assign(
            Object.create(Object.getPrototypeOf(now) as object) as Clock.Clock,
            now,
            {
              currentTimeMillis: Effect.map(now.currentTimeMillis, (millis) => millis + 700_000_000),
            },
          )
          yield* Effect.gen(function* () {
            yield* put(yield* open(settings), "here/b", specimen(9 * MiB))
          }).pipe(Effect.provideService(Clock.Clock, later))
          assert.deepStrictEqual(yield* keysLeft, ["elsewhere/old"])
        }),
      60_000,
    )

    it.live(
      "a gateway that stands still in the middle and goes on is waited for; its file arrives whole",
      () =>
        Effect.gen(function* () {
          const name = yield* bucket
          const transporter = yield* open(settingsFor(name))
          const bytes = specimen(30 * MiB)
          const { content, reached } = halting(bytes.length, 20 * MiB, Stream.make(bytes.subarray(20 * MiB)))
          const fiber = yield* Effect.forkChild(transporter.put(outputFile(content), remote("a")))
          yield* reached
          process.kill(gateway.pid("client.rgw"), "SIGSTOP")
          yield* Effect.sleep(300)
          process.kill(gateway.pid("client.rgw"), "SIGCONT")
          const receipt = yield* Fiber.join(fiber)
          const stored = yield* Effect.promise(() => read(name, "a"))
          assert.strictEqual(createHash("sha256").update(stored!).digest("hex"), receipt.sha256)
        }),
      60_000,
    )

    it.live(
      "a gateway that dies in the middle and comes up again: Unreachable, the old object stays, the next attempt arrives",
      () =>
        Effect.gen(function* () {
          const name = yield* bucket
          const transporter = yield* open(settingsFor(name))
          yield* put(transporter, "a", specimen(10))
          const bytes = specimen(30 * MiB)
          const { content, reached } = halting(bytes.length, 20 * MiB, Stream.make(bytes.subarray(20 * MiB)))
          const fiber = yield* Effect.forkChild(transporter.put(outputFile(content), remote("a")))
          yield* reached
          gateway.kill()
          const error = yield* failure(Fiber.join(fiber))
          assert.strictEqual(error.reason._tag, "Unreachable")
          yield* Effect.promise(gateway.restart)
          assert.strictEqual((yield* Effect.promise(() => read(name, "a")))?.length, 10)
          const receipt = yield* put(transporter, "a", bytes)
          assert.strictEqual(receipt.sha256, sha256(bytes))
          assert.strictEqual(sha256((yield* Effect.promise(() => read(name, "a")))!), sha256(bytes))
          assert.deepStrictEqual(yield* unfinished(name), [])
        }),
      120_000,
    )
  })
})
