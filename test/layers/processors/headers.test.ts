import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { OutputFile } from "../../../src/domain/Transporter.ts"
import { setHeaders } from "../../../src/layers/processors/headers.ts"
import { objectHeaders as swiftHeaders } from "../../../src/layers/transporters/cloudFiles/headers.ts"
import { objectHeaders as s3Headers } from "../../../src/layers/transporters/s3/headers.ts"
import { processorContract } from "../../contract/processor.ts"
import { contentOf, outputFile, remote } from "../../contract/transporter.ts"
import { bytesOf, processed } from "./minify/run.ts"

const bytes = bytesOf("a{}")

processorContract(setHeaders, {
  settings: { cacheControl: "no-cache" },
  examples: [{ path: "css/a.css", bytes, baseName: "a.css", output: bytes, uniqueName: false }],
})

const run = (attributes: Readonly<Record<string, string>>) =>
  processed(setHeaders as Parameters<typeof processed>[0], { path: "css/a.css", bytes }, attributes)

describe("headers.Set", () => {
  it.live("every store is told what its rule says, in its own words", () =>
    Effect.gen(function* () {
      const { headers } = yield* run({
        cacheControl: "public, max-age=60",
        expires: "Tue, 20 Jan 2037 03:00:00 GMT",
        contentType: "text/css; charset=iso-8859-1",
        contentEncoding: "gzip",
        contentDisposition: "inline",
        contentLanguage: "de",
        metadata: "Owner = web team;ticket=7",
      })
      const file: OutputFile = { ...outputFile(contentOf(bytes)), headers: headers ?? {}, uniqueName: true }
      assert.deepStrictEqual(s3Headers(file, remote("a.css"), { cacheControl: "no-cache" }), {
        ContentType: "text/css; charset=iso-8859-1",
        CacheControl: "public, max-age=60",
        Expires: new Date("2037-01-20T03:00:00Z"),
        ContentEncoding: "gzip",
        ContentDisposition: "inline",
        ContentLanguage: "de",
        Metadata: { owner: "web team", ticket: "7" },
      })
      const swift = swiftHeaders(file, remote("a.css"))
      assert.strictEqual(swift["x-object-meta-owner"], "web team")
      assert.strictEqual(swift["cache-control"], "public, max-age=60")
      assert.deepStrictEqual(
        Object.keys(swift).filter((name) => name.startsWith("x-amz")),
        [],
      )
    }),
  )

  it.live("the file itself is handed on unread", () =>
    Effect.gen(function* () {
      const made = yield* run({ cacheControl: "no-cache" })
      assert.deepStrictEqual(made.headers, { "cache-control": "no-cache" })
      assert.strictEqual(made.content.origin, "source")
    }),
  )

  for (const [attributes, words] of [
    [{}, /sets nothing[^]*cacheControl/],
    [{ cacheControl: "a\nb" }, /is not a header value/],
    [{ metadata: "owner" }, /holds no pairs/],
    [{ metadata: "owner=\u0007" }, /holds no pairs/],
  ] as const) {
    it.live(`${JSON.stringify(attributes)} is a mistake`, () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(run(attributes))
        assert.match(String(exit), words)
      }),
    )
  }
})
