/** `create-distribution`, against a stub that checks signature, path and XML. */
import type { ServerResponse } from "node:http"
import { XMLParser } from "fast-xml-parser"
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { type Asked, signatureIn, signatureOf } from "../layers/transporters/s3/stubStore.ts"
import { makePlace, type Place, removePlace, run, runBeside } from "../support/program.ts"
import { startStubAmazon, type StubAmazon } from "../support/stubAmazon.ts"

const answerWith = (response: ServerResponse, status: number, body: string) => {
  response.writeHead(status, { "content-type": "text/xml" })
  response.end(`<?xml version="1.0"?>${body}`)
}
const distribution = (status: string) =>
  `<Distribution xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Id>E2NEWNEWNEWNE</Id><Status>${status}</Status><DomainName>d2new.cloudfront.net</DomainName></Distribution>`
const refusal = (code: string) =>
  `<ErrorResponse xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Error><Type>Sender</Type><Code>${code}</Code><Message>it is so</Message></Error></ErrorResponse>`

let place: Place
let amazon: StubAmazon
let polls = 0
let answer: (asked: Asked, response: ServerResponse) => void

const bucket = (more = "") =>
  `<bucket_name>assets</bucket_name><bucket_prefix>acme-</bucket_prefix><access_key_id>KEYID</access_key_id><secret_access_key>SECRET</secret_access_key>${more}`
const create = (server: string) => runBeside(["create-distribution", place.config, server], amazon.environment)

beforeEach(async () => {
  polls = 0
  answer = (asked, response) => {
    if (asked.method === "POST") return answerWith(response, 201, distribution("InProgress"))
    polls++
    if (polls === 1) return answerWith(response, 503, refusal("ServiceUnavailable"))
    return answerWith(response, 200, distribution(polls < 3 ? "InProgress" : "Deployed"))
  }
  amazon = await startStubAmazon((asked, response) => answer(asked, response))
  place = makePlace({
    servers: `
      <server name="my bucket" transporter="s3">${bucket("<region>eu-central-1</region>")}</server>
      <server name="minio" transporter="s3">${bucket("<endpoint>https://minio.example</endpoint>")}</server>`,
  })
})
afterEach(async () => {
  removePlace(place)
  await amazon.close()
})

describe("create-distribution", { timeout: 120_000 }, () => {
  it("creates it for the server's bucket, waits until it is deployed, and says what to put into the config", async () => {
    const result = await create("my bucket")
    assert.strictEqual(result.code, 0, result.err)
    assert.match(result.out, /created distribution E2NEWNEWNEWNE: d2new\.cloudfront\.net/)
    assert.match(
      result.out,
      /<server name="my bucket" transporter="cf">:\n {2}<distro_domain_name>d2new\.cloudfront\.net<\/distro_domain_name>\n {2}<distribution_id>E2NEWNEWNEWNE<\/distribution_id>/,
    )
    assert.match(result.out, /it is deployed/)
    const [first, ...others] = amazon.asked
    assert.strictEqual(first!.method, "POST")
    assert.strictEqual(first!.path, "/2020-05-31/distribution")
    assert.strictEqual(signatureIn(first!), signatureOf(first!, "SECRET"))
    const { DistributionConfig: asked } = new XMLParser({ ignoreAttributes: false }).parse(first!.body.toString())
    assert.strictEqual(asked["@_xmlns"], "http://cloudfront.amazonaws.com/doc/2020-05-31/")
    assert.strictEqual(asked.Origins.Items.Origin.DomainName, "acme-assets.s3.eu-central-1.amazonaws.com")
    assert.strictEqual(asked.DefaultCacheBehavior.TargetOriginId, asked.Origins.Items.Origin.Id)
    assert.isTrue(asked.Enabled)
    assert.deepStrictEqual(
      others.map(({ method, path }) => `${method} ${path}`),
      Array.from({ length: 3 }, () => "GET /2020-05-31/distribution/E2NEWNEWNEWNE"),
    )
    await create("my bucket")
    const reference = (one: Asked) => /<CallerReference>.*<\/CallerReference>/.exec(one.body.toString())?.[0]
    const creations = amazon.asked.filter(({ method }) => method === "POST")
    assert.strictEqual(reference(creations[0]!), reference(creations[1]!))
  })

  it("a refusal is told with the permission it takes, without secrets, exit code 1", async () => {
    answer = (_, response) => answerWith(response, 403, refusal("AccessDenied"))
    const result = await create("my bucket")
    assert.strictEqual(result.code, 1)
    assert.match(result.err, /create distribution on "my bucket": .*cloudfront:CreateDistribution/)
    assert.notInclude(result.err, "SECRET")
  })

  it("one that is there already and was changed since is told", async () => {
    answer = (_, response) => answerWith(response, 409, refusal("DistributionAlreadyExists"))
    const result = await create("my bucket")
    assert.strictEqual(result.code, 1)
    assert.match(result.err, /there is one for this bucket already.*AWS console/)
  })

  it("servers that it can not be done for are told, exit code 2", () => {
    const create = (server: string) => run("create-distribution", place.config, server)
    for (const [server, words] of [
      ["origin", /no bucket \(its transporter is symlink_or_copy\)/],
      ["minio", /not at Amazon/],
      ["nobody", /there is no server "nobody"; there are: "origin", "my bucket", "minio"/],
    ] as const) {
      const result = create(server)
      assert.strictEqual(result.code, 2)
      assert.match(result.err, words)
    }
    assert.strictEqual(amazon.asked.length, 0)
  })
})
