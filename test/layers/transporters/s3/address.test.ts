import { assert, describe, it } from "@effect/vitest"
import type { RemotePath } from "../../../../src/domain/Path.ts"
import {
  addressBehind,
  bucketOf,
  keyOf,
  pathStyle,
  type Place,
  publicAddress,
} from "../../../../src/layers/transporters/s3/address.ts"

const place = (some: Partial<Place> = {}): Place => ({ bucket_name: "assets", bucket_prefix: "", ...some })
const path = (text: string) => text as RemotePath

describe("where a file is in a bucket", () => {
  it("the key is the path, whatever the bucket is called", () => {
    assert.deepStrictEqual(keyOf(path("a/b é.css")), { key: "a/b é.css" })
  })

  it("the bucket is called by its prefix with the name behind it", () => {
    assert.strictEqual(bucketOf(place()), "assets")
    assert.strictEqual(bucketOf(place({ bucket_prefix: "acme-" })), "acme-assets")
    assert.strictEqual(
      publicAddress(place({ bucket_prefix: "acme-" }), path("a")),
      "https://acme-assets.s3.amazonaws.com/a",
    )
  })

  it("a name that is not UTF-8 is refused in words", () => {
    const found = keyOf(path("caf\udce9.txt"))
    assert.include("refused" in found ? found.refused : "", "UTF-8")
  })

  it("a key of 1024 bytes is the longest", () => {
    assert.property(keyOf(path("é".repeat(512))), "key")
    assert.property(keyOf(path(`${"é".repeat(512)}x`)), "refused")
  })

  it("an endpoint means path style unless the config says otherwise", () => {
    assert.isFalse(pathStyle(place()))
    assert.isTrue(pathStyle(place({ endpoint: "https://e.example" })))
    assert.isFalse(pathStyle(place({ endpoint: "https://e.example", forcePathStyle: false })))
  })

  for (const [what, settings, address] of [
    ["Amazon, no region", {}, "https://assets.s3.amazonaws.com/p%20q/a%26b"],
    ["Amazon, a region", { region: "eu-west-1" }, "https://assets.s3.eu-west-1.amazonaws.com/p%20q/a%26b"],
    ["a dotted bucket", { bucket_name: "a.example" }, "https://s3.amazonaws.com/a.example/p%20q/a%26b"],
    ["path style", { forcePathStyle: true }, "https://s3.amazonaws.com/assets/p%20q/a%26b"],
    ["an endpoint", { endpoint: "http://rgw:7480/" }, "http://rgw:7480/assets/p%20q/a%26b"],
    [
      "an endpoint with names",
      { endpoint: "https://e.example", forcePathStyle: false },
      "https://assets.e.example/p%20q/a%26b",
    ],
    ["an address of its own", { url: "//cdn.example/x" }, "//cdn.example/x/p%20q/a%26b"],
  ] as const) {
    it(`the public address: ${what}`, () =>
      assert.strictEqual(publicAddress(place(settings), path("p q/a&b")), address))
  }

  it("behind a distribution the whole bucket is served", () => {
    assert.strictEqual(addressBehind("d1.cloudfront.net", place(), path("p/a b")), "https://d1.cloudfront.net/p/a%20b")
    assert.strictEqual(addressBehind("d1.cloudfront.net", place({ url: "https://cdn/" }), path("a")), "https://cdn/a")
  })
})
