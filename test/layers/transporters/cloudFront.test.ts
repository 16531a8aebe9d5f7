import type { ServerResponse } from "node:http"
import { XMLParser } from "fast-xml-parser"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import type { ServerName } from "../../../src/domain/Path.ts"
import { Transporter } from "../../../src/domain/Transporter.ts"
import { cf } from "../../../src/layers/transporters/cloudFront.ts"
import { makeInvalidator } from "../../../src/layers/transporters/cloudFront/invalidator.ts"
import type { CloudFrontSettings } from "../../../src/layers/transporters/settings.ts"
import { remote } from "../../contract/transporter.ts"
import { type Asked, signatureIn, signatureOf, startStubStore } from "./s3/stubStore.ts"

const keys = { access_key_id: Redacted.make("KEYID"), secret_access_key: Redacted.make("SECRET") }

const settings: CloudFrontSettings = {
  ...keys,
  bucket_name: "assets",
  bucket_prefix: "my-",
  distro_domain_name: "d1.cloudfront.net",
  checksum: "when_required",
  connectTimeout: 5_000,
  idleTimeout: 5_000,
}

const open = (some: Partial<CloudFrontSettings> = {}) =>
  Effect.map(
    Layer.build(cf.layer({ ...settings, ...some }, { name: "cdn" as ServerName, maxConnections: 0 })),
    (context) => Context.get(context, Transporter),
  )

const stub = (answer: (asked: Asked, response: ServerResponse) => void) =>
  Effect.acquireRelease(
    Effect.promise(() => startStubStore(answer)),
    (store) => Effect.promise(store.close),
  )

const created = (response: ServerResponse) => {
  response.writeHead(201, { "content-type": "text/xml" })
  response.end(
    '<?xml version="1.0"?><Invalidation xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Id>I1</Id><Status>InProgress</Status></Invalidation>',
  )
}

const refused = (response: ServerResponse, status: number, code: string) => {
  response.writeHead(status, { "content-type": "text/xml" })
  response.end(
    `<ErrorResponse xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Error><Type>Sender</Type><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`,
  )
}

const invalidatorAt = (endpoint: string) =>
  makeInvalidator({
    server: "cdn" as ServerName,
    distribution: "E1ABCDEFGHIJKL",
    settings: { ...keys, connectTimeout: 5_000, idleTimeout: 5_000 },
    endpoint,
    pathOf: (path) => `/p/${path}`,
  })

const batchOf = (asked: Asked) => {
  const parsed = new XMLParser({ ignoreAttributes: false }).parse(asked.body.toString()) as {
    InvalidationBatch: {
      "@_xmlns": string
      CallerReference: string
      Paths: { Quantity: number; Items: { Path: string | Array<string> } }
    }
  }
  const batch = parsed.InvalidationBatch
  return { ...batch, paths: [batch.Paths.Items.Path].flat() }
}

describe("cf", () => {
  it.effect("addresses are the distribution's", () =>
    Effect.gen(function* () {
      const transporter = yield* open()
      assert.strictEqual(transporter.url(remote("p/a b.css")), "https://d1.cloudfront.net/p/a%20b.css")
      assert.isUndefined(transporter.invalidator)
    }),
  )

  it.effect("an address of its own wins, and with distribution_id there is an invalidator", () =>
    Effect.gen(function* () {
      const transporter = yield* open({ url: "//cdn.example/x/", distribution_id: "E1ABCDEFGHIJKL" })
      assert.strictEqual(transporter.url(remote("a")), "//cdn.example/x/a")
      assert.isDefined(transporter.invalidator)
    }),
  )

  it.live("an invalidation is one signed request that names the paths", () =>
    Effect.gen(function* () {
      const store = yield* stub((_, response) => created(response))
      const invalidator = yield* invalidatorAt(store.endpoint)
      yield* invalidator.invalidate([])
      assert.strictEqual(store.asked.length, 0)
      yield* invalidator.invalidate([remote("a&<b>.css"), remote("c"), remote("c")])
      const [asked] = store.asked
      assert.strictEqual(asked!.method, "POST")
      assert.strictEqual(asked!.path, "/2020-05-31/distribution/E1ABCDEFGHIJKL/invalidation")
      assert.include(asked!.headers.authorization, "/us-east-1/cloudfront/aws4_request")
      assert.strictEqual(signatureIn(asked!), signatureOf(asked!, "SECRET"))
      const batch = batchOf(asked!)
      assert.strictEqual(batch["@_xmlns"], "http://cloudfront.amazonaws.com/doc/2020-05-31/")
      assert.strictEqual(batch.Paths.Quantity, 2)
      assert.deepStrictEqual(
        batch.paths.map((path) => path.replaceAll("&amp;", "&").replaceAll("&lt;", "<").replaceAll("&gt;", ">")),
        ["/p/a&<b>.css", "/p/c"],
      )
    }),
  )

  it.live("many paths become wildcards of one request, and each order has a reference of its own", () =>
    Effect.gen(function* () {
      const store = yield* stub((_, response) => created(response))
      const invalidator = yield* invalidatorAt(store.endpoint)
      const paths = Array.from({ length: 5_000 }, (_, at) => remote(`css/${at % 7}/f${at}.css`))
      yield* invalidator.invalidate(paths)
      yield* invalidator.invalidate(paths)
      const [first, second] = store.asked.map(batchOf)
      assert.strictEqual(store.asked.length, 2)
      assert.deepStrictEqual(
        first!.paths,
        Array.from({ length: 7 }, (_, at) => `/p/css/${at}/*`),
      )
      assert.notStrictEqual(first!.CallerReference, second!.CallerReference)
    }),
  )

  for (const [status, code, reason, words] of [
    [400, "TooManyInvalidationsInProgress", { _tag: "Throttled", retryAfterMillis: 60_000 }, "less"],
    [503, "ServiceUnavailable", { _tag: "Throttled" }, "less"],
    [403, "AccessDenied", { _tag: "PermissionDenied" }, "cloudfront:CreateInvalidation"],
    [404, "NoSuchDistribution", { _tag: "Rejected" }, "distribution_id"],
    [403, "SignatureDoesNotMatch", { _tag: "Unauthorized" }, "secret_access_key"],
  ] as const) {
    it.live(`${code} is ${reason._tag}, and asked once`, () =>
      Effect.gen(function* () {
        const store = yield* stub((_, response) => refused(response, status, code))
        const invalidator = yield* invalidatorAt(store.endpoint)
        const error = yield* Effect.flip(invalidator.invalidate([remote("a")]))
        assert.deepStrictEqual(error.reason, reason)
        assert.strictEqual(error.operation, "invalidate")
        assert.include(error.message, words)
        assert.strictEqual(store.asked.length, 1)
      }),
    )
  }
})
