/** Running one processor on one text, as the tests of these processors need it. */
import { readFileSync } from "node:fs"
import { Effect, Schema, Stream } from "effect"
import type { ProcessorDefinition } from "../../../../src/domain/Processor.ts"
import { makeDisk } from "../../../../src/layers/memory/disk.ts"
import { runProcessor, type Specimen } from "../../../../src/layers/memory/processors.ts"
import { makeWorkspace } from "../../../../src/layers/memory/workspace.ts"

const packages = new URL("../../../../node_modules/", import.meta.url)

/** A file of an installed package. */
export const packageFile = (path: string): string => readFileSync(new URL(path, packages), "utf8")

/** What a processor makes of some bytes, with these attributes in the config. */
export const processed = Effect.fnUntraced(function* <S>(
  definition: ProcessorDefinition<S>,
  specimen: Specimen,
  attributes: Readonly<Record<string, string>> = {},
) {
  const workspace = yield* makeWorkspace(yield* makeDisk)
  const settings =
    definition.settings === undefined
      ? (undefined as S)
      : yield* Effect.orDie(Schema.decodeUnknownEffect(definition.settings)(attributes))
  return yield* Effect.provide(
    Effect.scoped(
      Effect.gen(function* () {
        const made = yield* runProcessor(definition, settings, specimen)
        const bytes = yield* Stream.mkUint8Array(made.content.bytes)
        const companions = yield* Effect.forEach(made.companions ?? [], ({ content, suffix }) =>
          Effect.map(Stream.mkUint8Array(content.bytes), (beside) => ({ suffix, bytes: beside })),
        )
        return { ...made, bytes, companions, origin: made.content.origin }
      }),
    ),
    workspace.layer,
  )
})

/** The same for a text that is UTF-8. */
export const minified = Effect.fnUntraced(function* <S>(
  definition: ProcessorDefinition<S>,
  path: string,
  text: string,
  attributes?: Readonly<Record<string, string>>,
) {
  const { bytes } = yield* processed(definition, { path, bytes: new TextEncoder().encode(text) }, attributes)
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)
})

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
