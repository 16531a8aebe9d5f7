import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Redacted, type Scope } from "effect"
import { TestClock } from "effect/testing"
import type { TransportError } from "../../../src/domain/Errors.ts"
import type { RemotePath, ServerName } from "../../../src/domain/Path.ts"
import { Transporter, type TransporterShape } from "../../../src/domain/Transporter.ts"
import {
  begunAt,
  containerUrl,
  objectUrl,
  refusalOf,
  segmentName,
  uploadId,
  uploadOf,
} from "../../../src/layers/transporters/cloudFiles/address.ts"
import { type Answer, Broken } from "../../../src/layers/transporters/cloudFiles/exchange.ts"
import { type About, meaningOf, meaningOfBroken } from "../../../src/layers/transporters/cloudFiles/failure.ts"
import { signInOf } from "../../../src/layers/transporters/cloudFiles/identity.ts"
import { segmentBytesOf } from "../../../src/layers/transporters/cloudFiles/segments.ts"
import { cloudFiles } from "../../../src/layers/transporters/cloudFiles.ts"
import type { CloudFilesSettings } from "../../../src/layers/transporters/settings.ts"
import { contentOf, outputFile, remote, sha256, specimen } from "../../contract/transporter.ts"
import { startSwiftStub, type StubRequest, type SwiftStub } from "./swiftStub.ts"

const MEBI = 1_048_576

const settings = (some: Partial<CloudFilesSettings> = {}): CloudFilesSettings => ({
  username: "jane",
  api_key: Redacted.make("s3cret"),
  container: "box",
  connectTimeout: 5000,
  idleTimeout: 5000,
  ...some,
})

const stubbed: Effect.Effect<SwiftStub, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => startSwiftStub()),
  (stub) => Effect.promise(() => stub.close()),
)

const open = (
  stub: SwiftStub,
  some: Partial<CloudFilesSettings> = {},
): Effect.Effect<TransporterShape, TransportError, Scope.Scope> =>
  Effect.map(
    Layer.build(
      cloudFiles.layer(settings({ auth_url: `${stub.address}/auth/v1.0`, ...some }), {
        name: "cdn" as ServerName,
        maxConnections: 0,
      }),
    ),
    (context) => Context.get(context, Transporter),
  )

const put = (transporter: TransporterShape, path: string, bytes: Uint8Array) =>
  transporter.put(outputFile(contentOf(bytes)), remote(path))
const failure = <A>(effect: Effect.Effect<A, TransportError>) => Effect.orDie(Effect.flip(effect))
const signIns = (stub: SwiftStub) => stub.seen.filter(({ path }) => /auth|\/v2\.0/.test(path))
const about: About = { container: "box", where: "https://host", signingIn: false, hasAuthUrl: true }
const answer = (status: number, some: Partial<Answer> = {}): Answer => ({ status, headers: {}, body: "", ...some })

describe("cloudfiles signs in", () => {
  const bodyOf = (some: Partial<CloudFilesSettings>) => {
    const { request } = signInOf(settings(some))
    const body = request.body === undefined ? undefined : JSON.parse(new TextDecoder().decode(request.body))
    return { method: request.method, url: request.url, body }
  }

  it("as the path of auth_url says", () => {
    for (const [auth_url, url] of [
      [undefined, "https://identity.api.rackspacecloud.com/v2.0/tokens"],
      ["https://lon.identity.api.rackspacecloud.com/v2.0/", "https://lon.identity.api.rackspacecloud.com/v2.0/tokens"],
      ["https://k:5000/v3", "https://k:5000/v3/auth/tokens"],
      ["https://k/identity/v3/", "https://k/identity/v3/auth/tokens"],
      ["https://k/v3/auth/tokens", "https://k/v3/auth/tokens"],
      ["https://s/auth/v1.0", "https://s/auth/v1.0"],
      ["https://s/v1", "https://s/v1"],
    ] as const) {
      assert.strictEqual(bodyOf(auth_url === undefined ? {} : { auth_url }).url, url)
    }
  })

  it("at Rackspace with an API key", () =>
    assert.deepStrictEqual(bodyOf({}), {
      method: "POST",
      url: "https://identity.api.rackspacecloud.com/v2.0/tokens",
      body: { auth: { "RAX-KSKEY:apiKeyCredentials": { username: "jane", apiKey: "s3cret" } } },
    }))

  it("at Keystone with a password, for a project where one is set", () => {
    const user = (domain: string) => ({
      methods: ["password"],
      password: { user: { name: "jane", domain: { name: domain }, password: "s3cret" } },
    })
    assert.deepStrictEqual(bodyOf({ auth_url: "https://k/v3" }).body, { auth: { identity: user("Default") } })
    assert.deepStrictEqual(bodyOf({ auth_url: "https://k/v3", project: "site", domain: "corp" }).body, {
      auth: { identity: user("corp"), scope: { project: { name: "site", domain: { name: "corp" } } } },
    })
  })

  it("of version 1 with headers, in UTF-8", () => {
    const { request } = signInOf(settings({ auth_url: "https://s/auth", username: "jané" }))
    assert.deepStrictEqual(request.headers, { "x-auth-user": "jan\u00c3\u00a9", "x-auth-key": "s3cret" })
  })

  it.live("in the region that is set, and says which there are when none or a wrong one is", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      const auth_url = `${stub.address}/identity/v3`
      yield* put(yield* open(stub, { auth_url, region: "ONE" }), "a/b", specimen(10))
      assert.isTrue(stub.objects.has("/box/a/b"))
      for (const some of [{ auth_url }, { auth_url, region: "three" }]) {
        const error = yield* failure(put(yield* open(stub, some), "a", specimen(10)))
        assert.strictEqual(error.reason._tag, "Unauthorized")
        assert.include(error.message, "one, two")
      }
    }),
  )

  it.live("at Rackspace's kind of service, which has a default region and tells the CDN's address", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      const auth_url = `${stub.address}/v2.0`
      const transporter = yield* open(stub, { auth_url })
      assert.strictEqual(transporter.url(remote("a b")), "cloudfiles://box/a b")
      yield* put(transporter, "a b", specimen(10))
      assert.strictEqual(transporter.url(remote("a b")), "http://abc.cdn.example/a%20b")
      const own = yield* open(stub, { auth_url, url: "https://cdn.example/x" })
      assert.strictEqual(own.url(remote("a b")), "https://cdn.example/x/a%20b")
      stub.instead = ({ path }) =>
        path.startsWith("/cdn/")
          ? { status: 204, headers: { "x-cdn-uri": "http://x", "x-cdn-enabled": "False" } }
          : undefined
      const off = yield* open(stub, { auth_url })
      yield* put(off, "a", specimen(10))
      assert.strictEqual(off.url(remote("a")), `${stub.address}/v1/acc/box/a`)
    }),
  )

  it.live("once for many files, and once again for all when the token is refused", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      const transporter = yield* open(stub)
      const many = (round: string) =>
        Effect.forEach(
          Array.from({ length: 16 }, (_, at) => `${round}-${at}`),
          (path) => put(transporter, path, specimen(10)),
          { concurrency: "unbounded" },
        )
      yield* many("first")
      assert.strictEqual(signIns(stub).length, 1)
      stub.tokens.clear()
      yield* many("second")
      assert.strictEqual(signIns(stub).length, 2)
      assert.strictEqual(stub.objects.size, 32)
    }),
  )

  it.live("again before the token has had its time", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      stub.life = 3600
      const transporter = yield* open(stub)
      yield* put(transporter, "a", specimen(10))
      yield* TestClock.adjust(3_530_000)
      yield* put(transporter, "b", specimen(10))
      assert.strictEqual(signIns(stub).length, 1)
      yield* TestClock.adjust(20_000)
      yield* put(transporter, "c", specimen(10))
      assert.strictEqual(signIns(stub).length, 2)
    }).pipe(Effect.provide(TestClock.layer())),
  )

  it.live("not for ever: a new token that is refused as well is told", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      const transporter = yield* open(stub)
      stub.instead = ({ method }) => (method === "PUT" ? { status: 401 } : undefined)
      const error = yield* failure(put(transporter, "a", specimen(10)))
      assert.strictEqual(error.reason._tag, "Unauthorized")
      assert.strictEqual(signIns(stub).length, 2)
    }),
  )

  it.live("and a failure is shared by all who wait for it", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      stub.instead = () => ({ status: 401, body: "no s3cret" })
      const transporter = yield* open(stub)
      const errors = yield* Effect.forEach([1, 2, 3], (at) => failure(put(transporter, `${at}`, specimen(1))), {
        concurrency: "unbounded",
      })
      for (const error of errors) {
        assert.strictEqual(error.reason._tag, "Unauthorized")
        assert.notInclude(error.message, "s3cret")
      }
      assert.strictEqual(stub.seen.length, 1)
    }),
  )
})

describe("cloudfiles and services that misbehave", () => {
  it.live("credentials are not sent on to where an answer points", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      const trap = yield* stubbed
      const location = `${trap.address}/auth/v1.0`
      stub.instead = () => ({ status: 301, headers: { location } })
      const transporter = yield* open(stub)
      const error = yield* failure(put(transporter, "a", specimen(10)))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.include(error.message, location)
      stub.instead = ({ method }) => (method === "PUT" ? { status: 307, headers: { location } } : undefined)
      assert.strictEqual((yield* failure(put(transporter, "a", specimen(10)))).reason._tag, "Unreachable")
      assert.deepStrictEqual(trap.seen, [])
    }),
  )

  it.live("bytes that arrive as others are noticed, whether the service does or not", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      const transporter = yield* open(stub)
      const other = { etag: "0".repeat(32) }
      for (const instead of [{ status: 422 }, { status: 201, headers: other }]) {
        stub.instead = ({ method, path }) => (method === "PUT" && !path.includes("manifest") ? instead : undefined)
        for (const size of [10, 9 * MEBI]) {
          const error = yield* failure(put(transporter, "a", specimen(size)))
          assert.strictEqual(error.reason._tag, "VerificationFailed")
        }
      }
      assert.strictEqual(stub.objects.size, 0)
    }),
  )

  it.live("a tag that is not told is asked for", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      const transporter = yield* open(stub)
      stub.instead = ({ method }) => (method === "PUT" ? { status: 201 } : undefined)
      assert.strictEqual((yield* failure(put(transporter, "a", specimen(10)))).reason._tag, "VerificationFailed")
      stub.objects.set("/box/a", { body: Buffer.from(specimen(10)), headers: {} })
      yield* put(transporter, "a", specimen(10))
    }),
  )

  it.live("one without static large objects gets no manifest for a file", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      const transporter = yield* open(stub)
      const isManifest = ({ body, path }: StubRequest) => path.includes("multipart-manifest=put") && body.length === 1
      stub.instead = (request) => (isManifest(request) ? { status: 201, headers: { etag: "x" } } : undefined)
      const error = yield* failure(put(transporter, "film", specimen(9 * MEBI)))
      assert.strictEqual(error.reason._tag, "Rejected")
      assert.include(error.message, "static large objects")
      assert.strictEqual(stub.objects.size, 0)
      assert.isFalse(stub.seen.some(({ method, path }) => method === "PUT" && path.startsWith("/v1/acc/box/film")))
    }),
  )

  const manifestOf = (path: string) => (request: StubRequest) =>
    request.method === "PUT" && request.path === `/v1/acc/box/${path}?multipart-manifest=put`

  it.live("a large file that was put together while the answer got lost is not sent again", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      const transporter = yield* open(stub)
      const bytes = specimen(9 * MEBI)
      const isManifest = manifestOf("film")
      stub.instead = (request) => {
        if (!isManifest(request)) {
          const there = stub.objects.get("/box/film")
          const tag = there?.headers["x-tag"]
          return request.method === "HEAD" && typeof tag === "string"
            ? { status: 200, headers: { etag: `"${tag}"`, "content-length": String(bytes.length) } }
            : undefined
        }
        const segments = JSON.parse(request.body.toString()) as ReadonlyArray<{ readonly etag: string }>
        const tag = createHash("md5")
          .update(segments.map((segment) => segment.etag).join(""))
          .digest("hex")
        stub.objects.set("/box/film", { body: Buffer.from("put together"), headers: { "x-tag": tag } })
        return "break"
      }
      const receipt = yield* put(transporter, "film", bytes)
      assert.strictEqual(receipt.sha256, sha256(bytes))
    }),
  )

  it.live("a manifest that is refused leaves no segments; one of unknown fate leaves them, for it may come true", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      const transporter = yield* open(stub)
      const isManifest = manifestOf("film")
      stub.instead = (request) => (isManifest(request) ? { status: 400, body: "no" } : undefined)
      assert.strictEqual((yield* failure(put(transporter, "film", specimen(9 * MEBI)))).reason._tag, "Rejected")
      assert.strictEqual(stub.objects.size, 0)
      stub.instead = (request) => (isManifest(request) ? "break" : undefined)
      assert.strictEqual((yield* failure(put(transporter, "film", specimen(9 * MEBI)))).reason._tag, "Unreachable")
      assert.strictEqual(stub.objects.size, 2)
    }),
  )

  it.live("the length of a body is told, not found out", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      yield* put(yield* open(stub), "a", specimen(1000))
      const sent = stub.seen.find(({ method }) => method === "PUT")
      assert.strictEqual(sent?.headers["content-length"], "1000")
      assert.isUndefined(sent?.headers["transfer-encoding"])
      assert.isUndefined(sent?.headers["traceparent"])
    }),
  )

  it.live("a list of segments may not be allowed", () =>
    Effect.gen(function* () {
      const stub = yield* stubbed
      stub.instead = ({ path }) => (path.includes("prefix=") ? { status: 403 } : undefined)
      const transporter = yield* open(stub)
      yield* put(transporter, "a", specimen(10))
      yield* transporter.remove(remote("a"))
      assert.isTrue(Option.isNone(yield* transporter.stat(remote("a"))))
    }),
  )
})

describe("cloudfiles tells what an answer means", () => {
  for (const [status, some, tag, words] of [
    [400, { body: "Invalid UTF8 or contains NULL" }, "NameRefused", "UTF8"],
    [400, { body: "odd" }, "Rejected", "odd"],
    [401, {}, "Unauthorized", "token"],
    [403, { body: "<html><h1>Forbidden</h1><p>Denied.</p></html>" }, "PermissionDenied", "Forbidden: Denied."],
    [404, {}, "Unreachable", "create it"],
    [408, {}, "Unreachable", "408"],
    [413, { body: "Upload exceeds quota." }, "OutOfSpace", "quota"],
    [413, { body: "Your request is too large." }, "Rejected", "too large"],
    [422, {}, "VerificationFailed", "not those that were sent"],
    [500, { body: "oops" }, "Rejected", "oops"],
    [502, {}, "Unreachable", "502"],
    [504, {}, "Unreachable", "504"],
    [507, {}, "OutOfSpace", "no room"],
    [302, { headers: { location: "https://other/" } }, "Unreachable", "https://other/"],
  ] as const) {
    it(`${status} ${JSON.stringify(some)}`, () => {
      const meaning = meaningOf(answer(status, some), about, 0)
      assert.strictEqual(meaning.reason._tag, tag)
      assert.include(meaning.detail, words)
    })
  }

  for (const status of [413, 429, 498, 503]) {
    it(`${status} asks for less, and may say until when`, () => {
      const inSeconds = answer(status, { headers: { "retry-after": "7" } })
      assert.deepStrictEqual(meaningOf(inSeconds, about, 0).reason, { _tag: "Throttled", retryAfterMillis: 7000 })
      const at = answer(status, { headers: { "retry-after": "Thu, 01 Jan 1970 00:01:00 GMT" } })
      assert.deepStrictEqual(meaningOf(at, about, 10_000).reason, { _tag: "Throttled", retryAfterMillis: 50_000 })
      if (status !== 413) assert.deepStrictEqual(meaningOf(answer(status), about, 0).reason, { _tag: "Throttled" })
    })
  }

  for (const [status, tag, words] of [
    [300, "Unreachable", "/v3"],
    [400, "Unauthorized", "settings; check auth_url"],
    [401, "Unauthorized", "api_key"],
    [403, "Unauthorized", "api_key"],
    [404, "Unreachable", "auth_url"],
    [500, "Unreachable", "auth_url"],
  ] as const) {
    it(`${status} on signing in`, () => {
      const meaning = meaningOf(answer(status), { ...about, signingIn: true }, 0)
      assert.strictEqual(meaning.reason._tag, tag)
      assert.include(meaning.detail, words)
    })
  }

  for (const [code, words] of [
    ["ECONNREFUSED", "refuses connections"],
    ["ENOTFOUND", "auth_url"],
    ["EAI_AGAIN", "DNS"],
    ["ENETUNREACH", "no way"],
    ["ECONNRESET", "broke"],
    ["ETIMEDOUT", "in time: silence; check auth_url and firewalls"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "NODE_EXTRA_CA_CERTS"],
    ["HPE_INVALID_CONSTANT", "silence (HPE_INVALID_CONSTANT)"],
  ] as const) {
    it(code, () => {
      const meaning = meaningOfBroken(new Broken({ code, words: "silence" }), about)
      assert.strictEqual(meaning.reason._tag, "Unreachable")
      assert.include(meaning.detail, words)
    })
  }
})

describe("cloudfiles names", () => {
  it("objects by their bytes", () =>
    assert.strictEqual(
      objectUrl(containerUrl("https://s/v1/acc/", "bøx x"), "a b/#é?%2e"),
      "https://s/v1/acc/b%C3%B8x%20x/a%20b/%23%C3%A9%3F%252e",
    ))

  it("segments so that their file and age can be told, whatever the file's name", () => {
    for (const path of ["a", "a/b", "x\ny/é", ".fc/a-0001", "a/0abcdefgh-00000000-0001"]) {
      const upload = { path: path as RemotePath, id: uploadId(1_700_000_000_123, "0abcdef9") }
      assert.deepStrictEqual(uploadOf(segmentName(upload, 1000)), upload)
      assert.strictEqual(begunAt(upload.id), 1_700_000_000_123)
    }
    assert.isUndefined(uploadOf(".fc-segments/notes"))
    assert.isUndefined(uploadOf("other/a/0abcdefgh-00000000-0001"))
  })

  it("what can not be stored is refused", () => {
    assert.isUndefined(refusalOf("é".repeat(512) as RemotePath))
    for (const path of ["caf\udce9", `${"é".repeat(512)}x`, ".fc-segments/a", ".fc-segments"]) {
      assert.isString(refusalOf(path as RemotePath), path)
    }
  })

  it("segments grow where there would be too many", () => {
    assert.strictEqual(segmentBytesOf(9 * MEBI), 8 * MEBI)
    assert.isAtMost(Math.ceil((50_000 * MEBI + 1) / segmentBytesOf(50_000 * MEBI + 1)), 1000)
  })
})
