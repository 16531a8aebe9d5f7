/** The built program tells CloudFront what changed; Amazon is a stub that keeps objects and checks what it is asked. */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import type { ServerResponse } from "node:http"
import fs from "node:fs"
import path from "node:path"
import { makePlace, type Place, removePlace, runBeside } from "../support/program.ts"
import { startStubAmazon, type StubAmazon } from "../support/stubAmazon.ts"
import { type Asked, signatureIn, signatureOf } from "../layers/transporters/s3/stubStore.ts"

const namespace = 'xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"'

const created = (_: Asked, response: ServerResponse) => {
  response.writeHead(201, { "content-type": "text/xml" })
  response.end(`<?xml version="1.0"?><Invalidation ${namespace}><Id>I1</Id><Status>InProgress</Status></Invalidation>`)
}

const denied = (_: Asked, response: ServerResponse) => {
  response.writeHead(403, { "content-type": "text/xml" })
  response.end(
    `<ErrorResponse ${namespace}><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`,
  )
}

let place: Place
let amazon: StubAmazon
let answer = created

const rules = '<rule for="site" label="all"><destinations><destination server="cf"/></destinations></rule>'
const prepare = () =>
  makePlace({
    rules,
    servers: `<server name="cf" transporter="cf">
      <bucket_name>assets</bucket_name><access_key_id>KEYID</access_key_id><secret_access_key>SECRET</secret_access_key>
      <endpoint>${amazon.endpoint}</endpoint><distro_domain_name>d1.cloudfront.net</distro_domain_name>
      <distribution_id>E1ABCDEFGHIJKL</distribution_id>
    </server>`,
  })
const once = () => runBeside([place.config, "--once"], amazon.environment)
const write = (name: string, text: string) => fs.writeFileSync(path.join(place.site, name), text)

beforeEach(async () => {
  answer = created
  amazon = await startStubAmazon((asked, response) => answer(asked, response))
  place = prepare()
})
afterEach(async () => {
  removePlace(place)
  await amazon.close()
})

describe("invalidation by the program", { timeout: 120_000 }, () => {
  it("--once tells of changed and removed addresses in one signed order, and waits until it is taken", async () => {
    for (const name of ["a b.css", "b.js", "gone.js"]) write(name, "1")
    const first = await once()
    assert.strictEqual(first.code, 0, first.err)
    assert.strictEqual(amazon.objects.get("/assets/a%20b.css")?.toString(), "1")
    assert.strictEqual(amazon.asked.length, 0)
    write("a b.css", "changed")
    write("new.js", "1")
    fs.rmSync(path.join(place.site, "gone.js"))
    const second = await once()
    assert.strictEqual(second.code, 0, second.err)
    const [asked] = amazon.asked
    assert.strictEqual(amazon.asked.length, 1)
    assert.strictEqual(asked?.method, "POST")
    assert.strictEqual(asked?.path, "/2020-05-31/distribution/E1ABCDEFGHIJKL/invalidation")
    assert.strictEqual(signatureIn(asked!), signatureOf(asked!, "SECRET"))
    assert.match(
      asked!.body.toString(),
      /<Paths><Quantity>2<\/Quantity><Items><Path>\/a%20b\.css<\/Path><Path>\/gone\.js<\/Path><\/Items><\/Paths>/,
    )
    assert.strictEqual((await once()).code, 0)
    assert.strictEqual(amazon.asked.length, 1)
  })

  it("an order that is refused fails --once and nothing else; the next run gives it", async () => {
    write("a.css", "1")
    assert.strictEqual((await once()).code, 0)
    answer = denied
    write("a.css", "changed")
    const refused = await once()
    assert.strictEqual(refused.code, 1)
    assert.match(refused.out, /not in sync: 1 file delivered/)
    assert.match(refused.out, /the CDN of "cf" was not told of 1 changed address: .*cloudfront:CreateInvalidation/)
    assert.notInclude(refused.out + refused.err, "SECRET")
    assert.strictEqual(amazon.objects.get("/assets/a.css")?.toString(), "changed")
    answer = created
    amazon.asked.length = 0
    const again = await once()
    assert.strictEqual(again.code, 0, again.out + again.err)
    assert.match(amazon.asked[0]!.body.toString(), /<Path>\/a\.css<\/Path>/)
  })
})
