import { Effect, Stream } from "effect"
import type { ProcessorDefinition } from "../../../../src/domain/Processor.ts"
import { makeDisk } from "../../../../src/layers/memory/disk.ts"
import { runProcessor } from "../../../../src/layers/memory/processors.ts"
import { makeWorkspace } from "../../../../src/layers/memory/workspace.ts"

/** What a processor makes of a file of this name. `untouched`: the very content that it was given. */
export const optimized = Effect.fnUntraced(function* (
  definition: ProcessorDefinition,
  path: string,
  bytes: Uint8Array,
) {
  const { layer } = yield* makeWorkspace(yield* makeDisk)
  return yield* Effect.gen(function* () {
    const { baseName, content } = yield* runProcessor(definition, undefined, { path, bytes })
    const made = Buffer.from(yield* Stream.mkUint8Array(content.bytes))
    return { baseName, bytes: made, untouched: content.origin === "source" }
  }).pipe(Effect.scoped, Effect.provide(layer))
})
