import { brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { brotli, gzip } from "../../../src/layers/processors/compress.ts"
import { processorContract } from "../../contract/processor.ts"
import { bytesOf, packageFile, processed } from "./minify/run.ts"

const text = bytesOf("a sentence that comes again and again, ".repeat(50))
const noise = Uint8Array.from({ length: 64 }, (_, index) => (index * 7919 * (index + 13)) % 256)
const unchanged = [
  { path: "css/noise.css", bytes: noise, output: noise },
  { path: "empty.js", bytes: new Uint8Array(0), output: new Uint8Array(0) },
  { path: "packed.svg", bytes: gzipSync(text), output: gzipSync(text) },
  { path: "zstd.json", bytes: bytesOf("(\u00b5/\u00fd"), baseName: "zstd.json" },
].map((example) => ({ ...example, uniqueName: false }))

processorContract(gzip, {
  live: true,
  settings: { level: 9 },
  examples: [
    { path: "js/app.js", bytes: text, baseName: "app.js", uniqueName: false },
    { path: "js/app.js", bytes: text, baseName: "app.js", output: text, uniqueName: false, serverHeaders: false },
    ...unchanged,
  ],
})
processorContract(brotli, {
  live: true,
  settings: {},
  examples: [
    { path: "js/app.js", bytes: text, baseName: "app.js", uniqueName: false },
    { path: "js/app.js", bytes: text, baseName: "app.js", output: text, uniqueName: false, serverHeaders: false },
    ...unchanged,
  ],
})

const kinds = [
  {
    definition: gzip as typeof gzip | typeof brotli,
    encoding: "gzip",
    suffix: ".gz",
    unpack: gunzipSync,
    setting: "level",
    low: "1",
  },
  { definition: brotli, encoding: "br", suffix: ".br", unpack: brotliDecompressSync, setting: "quality", low: "1" },
]

for (const { definition, encoding, low, setting, suffix, unpack } of kinds) {
  // Both have settings of their own; here they are given as attributes.
  const run = (specimen: Parameters<typeof processed>[1], attributes?: Readonly<Record<string, string>>) =>
    processed(definition as typeof gzip, specimen, attributes)

  describe(definition.name, () => {
    it.live("a server with headers gets the file compressed, under its name, and is told so", () =>
      Effect.gen(function* () {
        const made = yield* run({ path: "js/app.js", bytes: text })
        assert.deepStrictEqual(Array.from(unpack(made.bytes)), Array.from(text))
        assert.isBelow(made.bytes.length, text.length / 10)
        assert.deepStrictEqual(made.headers, { "content-encoding": encoding })
        assert.strictEqual(made.baseName, "app.js")
      }),
    )

    it.live("a server without gets the file as it is, and the compressed one beside it", () =>
      Effect.gen(function* () {
        const made = yield* run({ path: "js/app.js", bytes: text, serverHeaders: false })
        assert.deepStrictEqual([made.origin, made.baseName, made.headers], ["source", "app.js", undefined])
        const [beside] = made.companions
        assert.deepStrictEqual(
          made.companions.map((one) => one.suffix),
          [suffix],
        )
        assert.deepStrictEqual(Array.from(unpack(beside?.bytes ?? text)), Array.from(text))
        const elsewhere = yield* run({ path: "js/app.js", bytes: text })
        assert.deepStrictEqual(elsewhere.companions, [])
        assert.deepStrictEqual(Array.from(elsewhere.bytes), Array.from(beside?.bytes ?? text))
      }),
    )

    it.live("what would not get smaller is published as it is", () =>
      Effect.gen(function* () {
        for (const { bytes, path } of unchanged) {
          for (const serverHeaders of [true, false]) {
            const made = yield* run({ path, bytes, serverHeaders })
            assert.deepStrictEqual([made.origin, made.headers, made.companions], ["source", undefined, []], path)
          }
        }
      }),
    )

    it.live("says the same every time, and less the harder it tries", () =>
      Effect.gen(function* () {
        const bytes = bytesOf(packageFile("bootstrap/dist/css/bootstrap-grid.css"))
        const first = yield* run({ path: "a.css", bytes })
        const second = yield* run({ path: "b.css", bytes, mtimeNs: 5n })
        assert.deepStrictEqual(Array.from(second.bytes), Array.from(first.bytes))
        const fast = yield* run({ path: "a.css", bytes }, { [setting]: low })
        assert.isAbove(fast.bytes.length, first.bytes.length)
        assert.deepStrictEqual(Array.from(unpack(fast.bytes)), Array.from(bytes))
      }),
    )

    it.live("refuses a setting that means nothing", () =>
      Effect.gen(function* () {
        for (const value of ["12", "-1", "1.5", "best", ""]) {
          const exit = yield* Effect.exit(run({ path: "a.css", bytes: text }, { [setting]: value }))
          assert.strictEqual(exit._tag, "Failure", value)
        }
      }),
    )

    it.live("leaves pictures, fonts and archives of compressed formats alone", () =>
      Effect.gen(function* () {
        for (const path of [
          "a.png",
          "a.jpg",
          "a.woff2",
          "a.zip",
          "a.mp4",
          "app.js.gz",
          "app.js.br",
          "a.pdf",
          "README",
        ]) {
          assert.strictEqual((yield* run({ path, bytes: text })).origin, "source", path)
        }
        for (const path of ["a.css", "a.mjs", "a.svg", "a.ttf", "a.wasm", "a.ICO", "a.json", "a.html"]) {
          assert.strictEqual((yield* run({ path, bytes: text })).origin, "temporary", path)
        }
      }),
    )
  })
}

describe("compressing twice", () => {
  it.live("changes nothing the second time", () =>
    Effect.gen(function* () {
      for (const first of [gzip, brotli]) {
        const once = yield* processed(first as typeof gzip, { path: "a.css", bytes: text })
        for (const second of [gzip, brotli]) {
          const twice = yield* processed(second as typeof gzip, { path: "a.css", bytes: once.bytes })
          assert.strictEqual(twice.origin, "source", `${first.name}, then ${second.name}`)
        }
      }
    }),
  )
})
