import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { makeDisk } from "../../../src/layers/memory/disk.ts"
import { runProcessor } from "../../../src/layers/memory/processors.ts"
import { makeWorkspace } from "../../../src/layers/memory/workspace.ts"
import { md5, mtime } from "../../../src/layers/processors/uniqueFilename.ts"
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
