import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  NoSuchKey,
  S3Client,
} from "@aws-sdk/client-s3"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import type { TransportError } from "../../src/domain/Errors.ts"
import type { ServerName } from "../../src/domain/Path.ts"
import { type OutputFile, Transporter, type TransporterShape } from "../../src/domain/Transporter.ts"
import { s3 } from "../../src/layers/transporters/s3.ts"
import type { S3Settings } from "../../src/layers/transporters/settings.ts"
import { contentOf, outputFile, remote, sha256, specimen, transporterContract } from "../contract/transporter.ts"
import { startFaultProxy } from "./faultProxy.ts"
import { startSwift, type Swift, swiftInstall, swiftInstalled } from "./start/swift.ts"

const runs = swiftInstalled() || process.env["REQUIRE_SERVERS"] === "1"
if (!runs) console.warn(`SKIPPED: s3 against OpenStack Swift, which is not installed. Install it with: ${swiftInstall}`)

const MEBI = 1_048_576

let swift: Swift
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
  access_key_id: Redacted.make(swift.user.name),
  secret_access_key: Redacted.make(swift.user.key),
  bucket_prefix: "",
  endpoint: swift.endpoint,
  checksum: "when_required",
  connectTimeout: 10_000,
  idleTimeout: 20_000,
  ...some,
})

const layerOf = (settings: S3Settings) => s3.layer(settings, { name: "cdn" as ServerName, maxConnections: 0 })

const open = (settings: S3Settings) =>
  Effect.map(Layer.build(layerOf(settings)), (context) => Context.get(context, Transporter))

const put = (transporter: TransporterShape, path: string, bytes: Uint8Array, some: Partial<OutputFile> = {}) =>
  transporter.put({ ...outputFile(contentOf(bytes)), ...some }, remote(path))

const failure = <A>(effect: Effect.Effect<A, TransportError>) => Effect.orDie(Effect.flip(effect))

const read = async (name: string, key: string): Promise<Uint8Array | undefined> => {
  try {
    const found = await admin.send(new GetObjectCommand({ Bucket: name, Key: key }))
    return await found.Body?.transformToByteArray()
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined
    throw error
  }
}

const keys = async (name: string): Promise<ReadonlyArray<string>> => {
  const found = await admin.send(new ListObjectsV2Command({ Bucket: name, EncodingType: "url" }))
  return (found.Contents ?? []).map(({ Key }) => decodeURIComponent((Key ?? "").replaceAll("+", "%20")))
}

describe.skipIf(!runs)("s3 on OpenStack Swift", { timeout: 60_000 }, () => {
  beforeAll(async () => {
    swift = await startSwift()
    admin = new S3Client({
      endpoint: swift.endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: swift.user.name, secretAccessKey: swift.user.key },
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
    })
  }, 120_000)
  afterAll(async () => {
    admin.destroy()
    await swift.stop()
  })

  transporterContract(
    "s3 on Swift",
    Effect.gen(function* () {
      const name = yield* bucket
      const proxy = yield* Effect.acquireRelease(
        Effect.promise(() => startFaultProxy(swift.port)),
        (proxy) => Effect.promise(proxy.close),
      )
      return {
        layer: layerOf(
          settingsFor(name, { endpoint: `http://127.0.0.1:${proxy.port}`, url: "https://cdn.example/x/" }),
        ),
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

  it.live("headers are stored, with files in one piece and in parts, and no part is left", () =>
    Effect.gen(function* () {
      const name = yield* bucket
      const transporter = yield* open(settingsFor(name))
      for (const size of [10, 21 * MEBI + 7]) {
        const path = `p q/style-${size}.css`
        const receipt = yield* put(transporter, path, specimen(size), {
          uniqueName: true,
          headers: { "content-encoding": "gzip", "x-amz-meta-who": "Zoë" },
        })
        assert.strictEqual(receipt.sha256, sha256(specimen(size)))
        const stored = yield* Effect.promise(() => read(name, path))
        assert.strictEqual(sha256(stored!), receipt.sha256)
        const head = yield* Effect.promise(() => admin.send(new HeadObjectCommand({ Bucket: name, Key: path })))
        assert.strictEqual(head.ContentType, "text/css; charset=utf-8")
        assert.strictEqual(head.ContentEncoding, "gzip")
        assert.strictEqual(head.CacheControl, "public, max-age=315360000, immutable")
        assert.deepStrictEqual(head.Metadata, { who: "Zo%C3%AB" })
        assert.strictEqual(Option.getOrThrow(yield* transporter.stat(remote(path))).size, size)
      }
      const unfinished = yield* Effect.promise(() => admin.send(new ListMultipartUploadsCommand({ Bucket: name })))
      assert.deepStrictEqual(unfinished.Uploads ?? [], [])
    }),
  )

  it.live("each mistake in the settings is told in words that cure it, without the secret", () =>
    Effect.gen(function* () {
      const name = yield* bucket
      const mistakes: ReadonlyArray<readonly [some: Partial<S3Settings>, tag: string, words: RegExp]> = [
        [{ access_key_id: Redacted.make("test:nobody") }, "Unauthorized", /access_key_id/],
        [{ secret_access_key: Redacted.make("wr0ng") }, "Unauthorized", /secret_access_key/],
        [{ bucket_name: "never-made" }, "Unreachable", /bucket "never-made" does not exist/],
        [
          {
            access_key_id: Redacted.make(swift.stranger.name),
            secret_access_key: Redacted.make(swift.stranger.key),
          },
          "PermissionDenied",
          /access denied to bucket/,
        ],
      ]
      for (const [some, tag, words] of mistakes) {
        const error = yield* failure(put(yield* open(settingsFor(name, some)), "file", specimen(10)))
        assert.match(error.message, words)
        assert.strictEqual(error.reason._tag, tag, error.message)
        assert.notInclude(JSON.stringify(error) + error.message, "wr0ng")
      }
    }),
  )
})
