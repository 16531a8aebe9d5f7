import { assert, describe, it } from "@effect/vitest"
import type { RemotePath } from "../../../../src/domain/Path.ts"
import type { OutputFile } from "../../../../src/domain/Transporter.ts"
import { objectHeaders } from "../../../../src/layers/transporters/s3/headers.ts"
import { contentOf, outputFile } from "../../../contract/transporter.ts"

const file = (some: Partial<OutputFile> = {}): OutputFile => ({ ...outputFile(contentOf(new Uint8Array(1))), ...some })
const css = "d/style.css" as RemotePath

describe("what an S3 store is told about a file", () => {
  it("a plain file has its type and nothing else: no ACL, no caching, no storage class", () => {
    assert.deepStrictEqual(objectHeaders(file(), css, {}), { ContentType: "text/css; charset=utf-8" })
  })

  it("a file whose name promises its content may be kept for ever", () => {
    const headers = objectHeaders(file({ uniqueName: true }), css, {})
    assert.strictEqual(headers.CacheControl, "public, max-age=315360000, immutable")
    assert.strictEqual(headers.Expires?.toUTCString(), "Tue, 20 Jan 2037 03:00:00 GMT")
  })

  it("the setting wins over that, and the file's own headers win over the setting", () => {
    const setting = { cacheControl: "max-age=60" }
    assert.deepStrictEqual(objectHeaders(file({ uniqueName: true }), css, setting), {
      ContentType: "text/css; charset=utf-8",
      CacheControl: "max-age=60",
    })
    const headers = { "cache-control": "no-store" }
    assert.strictEqual(objectHeaders(file({ uniqueName: true, headers }), css, setting).CacheControl, "no-store")
  })

  it("all headers that the protocol has are passed on, metadata without its prefix and in ASCII", () => {
    const headers = {
      "content-type": "text/x",
      "content-encoding": "br",
      "content-language": "de",
      "content-disposition": "attachment",
      expires: "0",
      "x-amz-meta-who": "Zoë",
      "x-amz-website-redirect-location": "/x",
      vary: "accept-encoding",
    }
    assert.deepStrictEqual(objectHeaders(file({ headers }), css, { acl: "public-read", storageClass: "STANDARD_IA" }), {
      ContentType: "text/x",
      Expires: new Date(0),
      ContentEncoding: "br",
      ContentLanguage: "de",
      ContentDisposition: "attachment",
      WebsiteRedirectLocation: "/x",
      Metadata: { who: "Zo%C3%AB" },
      ACL: "public-read",
      StorageClass: "STANDARD_IA",
    })
  })
})
