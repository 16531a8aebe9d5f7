import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { makeDisk } from "../../../src/layers/memory/disk.ts"
import { runProcessor } from "../../../src/layers/memory/processors.ts"
import { makeWorkspace } from "../../../src/layers/memory/workspace.ts"
import { md5, mtime, sha256, short } from "../../../src/layers/processors/uniqueFilename.ts"
import { processorContract } from "../../contract/processor.ts"

const bytes = new TextEncoder().encode("the bytes that are published\n")
const digest = createHash("md5").update(bytes).digest("hex")
const output = bytes
const uniqueName = true

processorContract(mtime, {
  settings: undefined,
  examples: [
    { path: "images/logo.gif", bytes, mtimeNs: 1_240_668_971_999_999_999n, baseName: "logo_1240668971.gif" },
    { path: "a.tar.gz", bytes, mtimeNs: 7_000_000_000n, baseName: "a.tar_7.gz" },
    { path: "README", bytes, mtimeNs: 0n, baseName: "README_0" },
    { path: ".htaccess", bytes, mtimeNs: 1_000_000_000n, baseName: ".htaccess_1" },
    { path: "old.gif", bytes, mtimeNs: -1n, baseName: "old_-1.gif" },
  ].map((example) => ({ ...example, output, uniqueName })),
})

processorContract(md5, {
  settings: undefined,
  examples: [
    { path: "images/logo.gif", bytes, baseName: `logo_${digest}.gif` },
    { path: "README", bytes, baseName: `README_${digest}` },
    { path: "empty.css", bytes: new Uint8Array(0), baseName: "empty_d41d8cd98f00b204e9800998ecf8427e.css" },
  ].map((example) => ({ ...example, output: example.bytes, uniqueName })),
})

const strong = createHash("sha256").update(bytes).digest("hex")
const brief = (BigInt(`0x${strong}`) % 36n ** 10n).toString(36).padStart(10, "0")

processorContract(sha256, {
  settings: undefined,
  examples: [
    { path: "images/logo.gif", bytes, baseName: `logo_${strong}.gif`, output, uniqueName },
    { path: "README", bytes, baseName: `README_${strong}`, output, uniqueName },
  ],
})

processorContract(short, {
  settings: undefined,
  examples: [
    { path: "images/logo.gif", bytes, baseName: `logo_${brief}.gif`, output, uniqueName },
    { path: "README", bytes, baseName: `README_${brief}`, output, uniqueName },
  ],
})

const nameOf = Effect.fnUntraced(function* (definition: typeof md5, content: ReadonlyArray<number>, mtimeNs: bigint) {
  const workspace = yield* makeWorkspace(yield* makeDisk)
  const specimen = { path: "a/logo.gif", bytes: Uint8Array.from(content), mtimeNs }
  const made = yield* Effect.provide(Effect.scoped(runProcessor(definition, undefined, specimen)), workspace.layer)
  return made.baseName
})

const byte = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))

describe("unique_filename", () => {
  it("has the classic names", () => {
    assert.strictEqual(mtime.name, "unique_filename.Mtime")
    assert.strictEqual(md5.name, "unique_filename.MD5")
  })

  it("has names of today", () => {
    assert.strictEqual(sha256.name, "unique_filename.SHA256")
    assert.strictEqual(short.name, "unique_filename.Short")
  })

  it.effect("Short: ten letters and digits, whatever the bytes, and 3,000 contents have 3,000 names", () =>
    Effect.gen(function* () {
      const names = new Set<string>()
      for (let number = 0; number < 3_000; number++) {
        names.add(yield* nameOf(short, [number & 255, number >> 8], 1n))
      }
      assert.strictEqual(names.size, 3_000)
      for (const name of names) assert.match(name, /^logo_[0-9a-z]{10}\.gif$/)
    }),
  )

  it.effect.prop(
    "MD5: names differ exactly when the bytes do, whatever the time",
    [Arbitrary.array(byte), Arbitrary.array(byte)],
    ([a, b]) =>
      Effect.gen(function* () {
        const same = JSON.stringify(a) === JSON.stringify(b)
        assert.strictEqual(yield* nameOf(md5, a, 1n), yield* nameOf(md5, a, 2n))
        assert.strictEqual((yield* nameOf(md5, a, 1n)) === (yield* nameOf(md5, b, 1n)), same)
      }),
  )
})
