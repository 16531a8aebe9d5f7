import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { makeDisk } from "../../../src/layers/memory/disk.ts"
import { runProcessor } from "../../../src/layers/memory/processors.ts"
import { makeWorkspace } from "../../../src/layers/memory/workspace.ts"
import { spacesToDashes, spacesToUnderscores } from "../../../src/layers/processors/filename.ts"
import { processorContract } from "../../contract/processor.ts"

const bytes = new TextEncoder().encode("GIF89a")

const examples = (replacement: string) =>
  [
    ["my logo.gif", `my${replacement}logo.gif`],
    ["a directory with spaces/x.gif", "x.gif"],
    ["images/ two  spaces .gif", `${replacement}two${replacement}${replacement}spaces${replacement}.gif`],
    ["no extension", `no${replacement}extension`],
    [" ", replacement],
    ["a\u00A0b\tc.gif", "a\u00A0b\tc.gif"],
    ["r\uDCFFw name.gif", `r\uDCFFw${replacement}name.gif`],
  ].map(([path = "", baseName = ""]) => ({ path, bytes, baseName, output: bytes, uniqueName: false }))

processorContract(spacesToUnderscores, { settings: undefined, examples: examples("_") })
processorContract(spacesToDashes, { settings: undefined, examples: examples("-") })

describe("filename", () => {
  it("has the classic names", () => {
    assert.strictEqual(spacesToUnderscores.name, "filename.SpacesToUnderscores")
    assert.strictEqual(spacesToDashes.name, "filename.SpacesToDashes")
  })

  it.effect("hands on the very content it was given, without reading it", () =>
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace(yield* makeDisk)
      const specimen = { path: "a b.gif", bytes }
      const made = yield* Effect.provide(
        runProcessor(spacesToDashes, undefined, specimen),
        Layer.fresh(workspace.layer),
      )
      assert.strictEqual(made.content.origin, "source")
    }),
  )
})
