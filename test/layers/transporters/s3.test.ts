import { createHash } from "node:crypto"
import type { ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Redacted, Stream } from "effect"
import type { ServerName } from "../../../src/domain/Path.ts"
import { type OutputFile, Transporter } from "../../../src/domain/Transporter.ts"
import { s3 } from "../../../src/layers/transporters/s3.ts"
import type { S3Settings } from "../../../src/layers/transporters/settings.ts"
import { contentOf, outputFile, remote, specimen } from "../../contract/transporter.ts"
import { accept, type Asked, refuse, regionIn, signatureIn, signatureOf, startStubStore } from "./s3/stubStore.ts"

const settingsFor = (endpoint: string, some: Partial<S3Settings> = {}): S3Settings => ({
  bucket_name: "assets",
  access_key_id: Redacted.make("KEYID"),
  secret_access_key: Redacted.make("SECRET"),
  bucket_prefix: "",
  endpoint,
  checksum: "when_required",
  connectTimeout: 5_000,
  idleTimeout: 5_000,
  ...some,
})

const open = (settings: S3Settings, maxConnections = 0) =>
  Effect.map(Layer.build(s3.layer(settings, { name: "cdn" as ServerName, maxConnections })), (context) =>
    Context.get(context, Transporter),
  )

const stub = (answer: (asked: Asked, response: ServerResponse, socket: Socket, count: number) => void) => {
  let count = 0
  return Effect.acquireRelease(
    Effect.promise(() => startStubStore((asked, response, socket) => answer(asked, response, socket, ++count))),
    (store) => Effect.promise(store.close),
  )
}

const file = (bytes: Uint8Array, some: Partial<OutputFile> = {}): OutputFile => ({
  ...outputFile(contentOf(bytes)),
  ...some,
})

describe("s3 against a store of few words", () => {
  it.live("nothing is asked before the first file, and the address needs no connection", () =>
    Effect.gen(function* () {
      const store = yield* stub((asked, response) => accept(response, asked))
      const transporter = yield* open(settingsFor(store.endpoint))
      assert.strictEqual(transporter.url(remote("a b")), `${store.endpoint}/assets/a%20b`)
      assert.strictEqual(store.connections(), 0)
    }),
  )

  it.live("the first request and those after it, which go a shorter way, say the same and are signed right", () =>
    Effect.gen(function* () {
      const store = yield* stub((asked, response) => accept(response, asked))
      const transporter = yield* open(
        settingsFor(store.endpoint, { acl: "public-read", storageClass: "STANDARD", bucket_prefix: "my-" }),
      )
      const headers = {
        "content-encoding": "br",
        "content-language": "de",
        "content-disposition": 'attachment; filename="a"',
        "x-amz-meta-who": "Zoë",
        "x-amz-website-redirect-location": "/x",
      }
      const odd = remote("p q/d/it's (a) *+&=:@,;$!~ é\u0001.css")
      for (const size of [3, 3, 0, 0]) yield* transporter.put(file(specimen(size), { headers, uniqueName: true }), odd)
      const [first, second, third, fourth] = store.asked
      assert.isTrue(first!.headers["user-agent"]?.includes("aws-sdk"))
      assert.isUndefined(second!.headers["user-agent"])
      const own = new Set([
        "user-agent",
        "x-amz-user-agent",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
        "authorization",
        "x-amz-date",
      ])
      const said = ({ headers, method, path }: Asked) => ({
        method,
        path: path.replace("?x-id=PutObject", ""),
        headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !own.has(name))),
      })
      assert.deepStrictEqual(said(first!), said(second!))
      assert.strictEqual(third!.body.length, 0)
      assert.deepStrictEqual(said(third!), said(fourth!))
      for (const asked of store.asked) assert.strictEqual(signatureIn(asked), signatureOf(asked, "SECRET"))
      assert.strictEqual(second!.headers["x-amz-acl"], "public-read")
      assert.strictEqual(second!.headers["cache-control"], "public, max-age=315360000, immutable")
      assert.strictEqual(second!.headers["expires"], "Tue, 20 Jan 2037 03:00:00 GMT")
    }),
  )

  it.live("without acl and storageClass neither is sent, and no checksum but Content-MD5", () =>
    Effect.gen(function* () {
      const store = yield* stub((asked, response) => accept(response, asked))
      const transporter = yield* open(settingsFor(store.endpoint))
      for (const _ of [1, 2]) yield* transporter.put(file(specimen(3)), remote("a"))
      for (const { headers } of store.asked) {
        const names = Object.keys(headers).filter((name) => /acl|storage|checksum|trailer|cache|expires/.test(name))
        assert.deepStrictEqual(names, [])
        assert.strictEqual(headers["content-md5"], createHash("md5").update(specimen(3)).digest("base64"))
      }
    }),
  )

  it.live("checksum when_supported sends the client's own checksum with each file", () =>
    Effect.gen(function* () {
      const store = yield* stub((asked, response) => accept(response, asked))
      const transporter = yield* open(settingsFor(store.endpoint, { checksum: "when_supported" }))
      for (const _ of [1, 2]) yield* transporter.put(file(specimen(3)), remote("a"))
      for (const asked of store.asked) {
        assert.isTrue(Object.keys(asked.headers).some((name) => name.startsWith("x-amz-checksum-")))
        assert.strictEqual(signatureIn(asked), signatureOf(asked, "SECRET"))
      }
    }),
  )

  it.live("a tag that is the MD5 of other bytes fails the upload", () =>
    Effect.gen(function* () {
      const other = `"${"0".repeat(32)}"`
      const store = yield* stub((asked, response) => accept(response, asked, { etag: other }))
      const transporter = yield* open(settingsFor(store.endpoint))
      for (const _ of [1, 2]) {
        const error = yield* Effect.flip(transporter.put(file(specimen(3)), remote("a")))
        assert.strictEqual(error.reason._tag, "VerificationFailed")
      }
    }),
  )

  it.live("where the tag is no MD5 the size is asked for, and another size fails the upload", () =>
    Effect.gen(function* () {
      let size = 3
      const store = yield* stub((asked, response) => {
        if (asked.method === "HEAD") response.writeHead(200, { "content-length": String(size) }).end()
        else accept(response, asked, { etag: `"${"0".repeat(32)}"`, "x-amz-server-side-encryption": "aws:kms" })
      })
      const transporter = yield* open(settingsFor(store.endpoint))
      for (const _ of [1, 2]) yield* transporter.put(file(specimen(3)), remote("a"))
      assert.deepStrictEqual(
        store.asked.map((asked) => asked.method),
        ["PUT", "HEAD", "PUT", "HEAD"],
      )
      size = 2
      const error = yield* Effect.flip(transporter.put(file(specimen(3)), remote("a")))
      assert.strictEqual(error.reason._tag, "VerificationFailed")
    }),
  )

  it.live("the region is learned from the store's answer, once, by all requests under way", () =>
    Effect.gen(function* () {
      const store = yield* stub((asked, response) => {
        if (regionIn(asked) === "eu-west-3") accept(response, asked)
        else refuse(response, 400, "AuthorizationHeaderMalformed", { "x-amz-bucket-region": "eu-west-3" })
      })
      const transporter = yield* open(settingsFor(store.endpoint))
      const some = Array.from({ length: 8 }, (_, at) => transporter.put(file(specimen(3)), remote(`f${at}`)))
      yield* Effect.all(some, { concurrency: "unbounded" })
      const before = store.asked.length
      for (const _ of [1, 2, 3]) yield* transporter.put(file(specimen(3)), remote("later"))
      assert.strictEqual(store.asked.length, before + 3)
      assert.isTrue(store.asked.slice(before).every((asked) => regionIn(asked) === "eu-west-3"))
    }),
  )

  it.live("a region that the config gives is kept, and the message names the right one", () =>
    Effect.gen(function* () {
      const store = yield* stub((_, response) =>
        refuse(response, 400, "AuthorizationHeaderMalformed", { "x-amz-bucket-region": "eu-west-3" }),
      )
      const transporter = yield* open(settingsFor(store.endpoint, { region: "us-west-2" }))
      const error = yield* Effect.flip(transporter.put(file(specimen(3)), remote("a")))
      assert.include(error.message, "eu-west-3")
      assert.strictEqual(store.asked.length, 1)
    }),
  )

  it.live("SlowDown is Throttled with the time it names, at the first request and at later ones, and asked once", () =>
    Effect.gen(function* () {
      let slow = true
      const store = yield* stub((asked, response) =>
        slow ? refuse(response, 503, "SlowDown", { "retry-after": "3" }) : accept(response, asked),
      )
      const transporter = yield* open(settingsFor(store.endpoint))
      const check = Effect.gen(function* () {
        const before = store.asked.length
        const error = yield* Effect.flip(transporter.put(file(specimen(3)), remote("a")))
        assert.deepStrictEqual(error.reason, { _tag: "Throttled", retryAfterMillis: 3_000 })
        assert.strictEqual(store.asked.length, before + 1)
      })
      yield* check
      slow = false
      yield* transporter.put(file(specimen(3)), remote("a"))
      slow = true
      yield* check
    }),
  )

  it.live("a refusal on the short way is read like one of the client", () =>
    Effect.gen(function* () {
      let refused = false
      const store = yield* stub((asked, response) =>
        refused ? refuse(response, 403, "QuotaExceeded") : accept(response, asked),
      )
      const transporter = yield* open(settingsFor(store.endpoint))
      yield* transporter.put(file(specimen(3)), remote("a"))
      refused = true
      const error = yield* Effect.flip(transporter.put(file(specimen(3)), remote("a")))
      assert.strictEqual(error.reason._tag, "OutOfSpace")
      assert.include(String((error.cause as Error).message), "it <is> QuotaExceeded")
    }),
  )

  it.live("a connection that the store closed while it was idle is replaced without a word", () =>
    Effect.gen(function* () {
      const store = yield* stub((asked, response, socket, count) => {
        if (count === 2) socket.resetAndDestroy()
        else accept(response, asked)
      })
      const transporter = yield* open(settingsFor(store.endpoint), 1)
      yield* transporter.put(file(specimen(3)), remote("a"))
      yield* transporter.put(file(specimen(3)), remote("a"))
      assert.strictEqual(store.asked.length, 3)
      assert.strictEqual(store.connections(), 2)
    }),
  )

  it.live("a store that keeps breaking connections is Unreachable after two attempts", () =>
    Effect.gen(function* () {
      const store = yield* stub((_asked, _response, socket) => socket.resetAndDestroy())
      const transporter = yield* open(settingsFor(store.endpoint))
      const error = yield* Effect.flip(transporter.put(file(specimen(3)), remote("a")))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.strictEqual(store.asked.length, 2)
    }),
  )

  it.live("a store that says nothing is given up after the idle deadline, and its connection is closed", () =>
    Effect.gen(function* () {
      const store = yield* stub(() => {})
      const transporter = yield* open(settingsFor(store.endpoint, { idleTimeout: 300 }))
      const error = yield* Effect.flip(transporter.put(file(specimen(3)), remote("a")))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.include(error.message, "in time")
      yield* Effect.promise(async () => {
        for (let turn = 0; turn < 200 && store.open() > 0; turn++) await new Promise((next) => setImmediate(next))
      })
      assert.strictEqual(store.open(), 0)
    }),
  )

  it.live("totalTimeout ends an operation however lively the store is", () =>
    Effect.gen(function* () {
      const store = yield* stub((_, response) => {
        const drip = setInterval(() => response.write(" "), 20)
        response.once("close", () => clearInterval(drip))
        response.writeHead(200)
      })
      const transporter = yield* open(settingsFor(store.endpoint, { totalTimeout: 400 }))
      const error = yield* Effect.flip(transporter.put(file(specimen(3)), remote("a")))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.include(error.message, "totalTimeout")
    }),
  )

  it.live("no more connections than maxConnections, and all are kept for the next file", () =>
    Effect.gen(function* () {
      let now = 0
      let most = 0
      const store = yield* stub((asked, response) => {
        most = Math.max(most, ++now)
        setImmediate(() => {
          now -= 1
          accept(response, asked)
        })
      })
      const transporter = yield* open(settingsFor(store.endpoint), 3)
      const some = Array.from({ length: 40 }, (_, at) => transporter.put(file(specimen(3)), remote(`f${at}`)))
      yield* Effect.all(some, { concurrency: "unbounded" })
      assert.strictEqual(transporter.capabilities.connections, 3)
      assert.isAtMost(most, 3)
      assert.isAtMost(store.connections(), 3)
    }),
  )

  it.live("waiting for one's turn is no failure to connect", () =>
    Effect.gen(function* () {
      const store = yield* stub((asked, response) => setTimeout(() => accept(response, asked), 200))
      const transporter = yield* open(settingsFor(store.endpoint, { connectTimeout: 500 }), 1)
      const some = Array.from({ length: 5 }, (_, at) => transporter.put(file(specimen(3)), remote(`f${at}`)))
      yield* Effect.all(some, { concurrency: "unbounded" })
      assert.strictEqual(store.asked.length, 5)
    }),
  )

  it.live("the Scope closes the connections", () =>
    Effect.gen(function* () {
      const store = yield* stub((asked, response) => accept(response, asked))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const transporter = yield* open(settingsFor(store.endpoint))
          yield* transporter.put(file(specimen(3)), remote("a"))
          assert.strictEqual(store.open(), 1)
        }),
      )
      yield* Effect.promise(async () => {
        for (let turn = 0; turn < 200 && store.open() > 0; turn++) await new Promise((next) => setImmediate(next))
      })
      assert.strictEqual(store.open(), 0)
    }),
  )

  it.live("interruption closes the connection", () =>
    Effect.gen(function* () {
      let came = (): void => {}
      const arrived = new Promise<void>((resolve) => (came = resolve))
      const store = yield* stub(() => came())
      const transporter = yield* open(settingsFor(store.endpoint))
      const fiber = yield* Effect.forkChild(transporter.put(file(specimen(3)), remote("a")))
      yield* Effect.promise(() => arrived)
      yield* Fiber.interrupt(fiber)
      yield* Effect.promise(async () => {
        for (let turn = 0; turn < 200 && store.open() > 0; turn++) await new Promise((next) => setImmediate(next))
      })
      assert.strictEqual(store.open(), 0)
    }),
  )

  it.live("names that S3 can not have never reach the wire", () =>
    Effect.gen(function* () {
      const store = yield* stub((asked, response) => accept(response, asked))
      const transporter = yield* open(settingsFor(store.endpoint))
      const raw = remote("caf\udce9")
      const refused = [
        transporter.put(file(specimen(1)), raw),
        transporter.remove(raw),
        Effect.asVoid(transporter.stat(raw)),
      ]
      for (const operation of refused)
        assert.strictEqual((yield* Effect.flip(Effect.asVoid(operation))).reason._tag, "NameRefused")
      assert.strictEqual(store.asked.length, 0)
    }),
  )

  it.live("a bucket that is missing is said in words, and takes the whole server out", () =>
    Effect.gen(function* () {
      const store = yield* stub((_, response) => refuse(response, 404, "NoSuchBucket"))
      const transporter = yield* open(settingsFor(store.endpoint))
      for (const operation of [
        Effect.asVoid(transporter.put(file(specimen(1)), remote("a"))),
        transporter.remove(remote("a")),
      ]) {
        const error = yield* Effect.flip(operation)
        assert.strictEqual(error.reason._tag, "Unreachable")
        assert.include(error.message, 'bucket "assets" does not exist')
      }
    }),
  )

  it.live("an upload whose end was answered by a broken connection is recognised as done", () =>
    Effect.gen(function* () {
      const parts: Array<Buffer> = []
      let aborts = 0
      const bytes = specimen(9 * 1_048_576)
      const store = yield* stub((asked, response, socket) => {
        if (asked.path.includes("uploads")) {
          response.end("<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
        } else if (asked.method === "PUT") {
          parts.push(createHash("md5").update(asked.body).digest())
          accept(response, asked)
        } else if (asked.method === "POST") {
          socket.resetAndDestroy()
        } else if (asked.method === "HEAD") {
          parts.sort((a, b) =>
            a.equals(
              createHash("md5")
                .update(bytes.subarray(0, 8 * 1_048_576))
                .digest(),
            )
              ? -1
              : b.length - 16,
          )
          const tag = `${createHash("md5").update(Buffer.concat(parts)).digest("hex")}-2`
          response.writeHead(200, { etag: `"${tag}"`, "content-length": String(bytes.length) }).end()
        } else {
          aborts += asked.method === "DELETE" ? 1 : 0
          response.writeHead(204).end()
        }
      })
      const transporter = yield* open(settingsFor(store.endpoint))
      const receipt = yield* transporter.put(
        { ...file(new Uint8Array(0)), content: { ...contentOf(bytes), bytes: Stream.make(bytes) } },
        remote("large"),
      )
      assert.strictEqual(receipt.sha256, createHash("sha256").update(bytes).digest("hex"))
      assert.strictEqual(aborts, 0)
      for (const asked of store.asked) assert.strictEqual(signatureIn(asked), signatureOf(asked, "SECRET"))
      const sent = store.asked.filter((asked) => asked.method === "PUT")
      assert.deepStrictEqual(sent.map((asked) => [asked.path.replace(/x-id=\w+&?/, ""), asked.body.length]).sort(), [
        ["/assets/large?partNumber=1&uploadId=u1", 5 * 1_048_576],
        ["/assets/large?partNumber=2&uploadId=u1", 4 * 1_048_576],
      ])
    }),
  )

  it.live(
    "of old unfinished uploads those of others and of other places are left alone, on whichever page they are",
    () =>
      Effect.gen(function* () {
        const upload = (key: string, id: string, initiator: string, year: number) =>
          `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiator><ID>${initiator}</ID></Initiator><Initiated>${year}-01-01T00:00:00.000Z</Initiated></Upload>`
        const now = new Date().getUTCFullYear() + 1
        const list = (uploads: string, next = "") =>
          `<ListMultipartUploadsResult><IsTruncated>${next !== ""}</IsTruncated>${next}${uploads}</ListMultipartUploadsResult>`
        const mine = upload("p/large", "u1", "me", now)
        const aborted: Array<string> = []
        const store = yield* stub((asked, response) => {
          const query = new URLSearchParams(asked.path.split("?")[1])
          if (asked.method === "POST" && query.has("uploads")) {
            response.end("<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
          } else if (asked.method === "GET" && query.get("prefix") === "p/large") {
            response.end(list(mine))
          } else if (asked.method === "GET" && query.get("key-marker") === null) {
            assert.strictEqual(query.get("prefix"), "p/")
            const next = "<NextKeyMarker>p/c</NextKeyMarker><NextUploadIdMarker>u4</NextUploadIdMarker>"
            response.end(list(upload("p/a", "u2", "me", 2020) + upload("p/b", "u3", "you", 2020) + mine, next))
          } else if (asked.method === "GET") {
            response.end(list(upload("p/d", "u5", "me", 2020) + upload("p/e", "u6", "me", now)))
          } else if (asked.method === "DELETE") {
            aborted.push(query.get("uploadId") ?? "")
            response.writeHead(204).end()
          } else if (asked.method === "POST") {
            response.end("<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>")
          } else if (asked.method === "HEAD") {
            response.writeHead(200, { "content-length": String(9 * 1_048_576) }).end()
          } else {
            accept(response, asked)
          }
        })
        const transporter = yield* open(settingsFor(store.endpoint))
        yield* transporter.put(file(specimen(9 * 1_048_576)), remote("p/large"))
        assert.deepStrictEqual(aborted, ["u2", "u5"])
        const asked = store.asked.length
        yield* transporter.put(file(specimen(9 * 1_048_576)), remote("p/large"))
        assert.isFalse(store.asked.slice(asked).some(({ method }) => method === "GET"))
      }),
  )
})
