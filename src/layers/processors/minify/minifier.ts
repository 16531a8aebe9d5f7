/**
 * What the processors that make text smaller have in common.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { ProcessorError } from "../../../domain/Errors.ts"
import { MINIFY_BYTES } from "../../../domain/Limits.ts"
import { baseNameOf } from "../../../domain/Path.ts"
import { defineProcessor, type ProcessedFile, type ProcessorDefinition } from "../../../domain/Processor.ts"
import { SyntaxMistake } from "./SyntaxMistake.ts"

/** One language. */
export interface Minifier<S> {
  readonly name: string
  readonly extensions: ReadonlySet<string>
  readonly settings?: Schema.Decoder<S>
  /** Loads what does the work. It may throw {@link SyntaxMistake}; undefined: this text stays as it is. */
  readonly load: () => Promise<(text: string, baseName: string, settings: S) => Promise<string | undefined>>
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const byteOrderMark = "\uFEFF"

/** The text of a file; undefined where it is not UTF-8, and so can not be read without being told its encoding. */
export const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** True where no byte of the text is beyond ASCII: it reads the same in every encoding that a server may announce. */
export const isAscii = (text: string): boolean => {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return false
  return true
}

/** `app.min.js` was minified by whoever made it. */
export const isMinified = (baseName: string): boolean => /[.-]min(?:[._-][^.]*)?\.[^.]+$/i.test(baseName)

/**
 * A processor that publishes the smaller text where there is one, else the file as it is: a file called `*.min.*`, one
 * that is not UTF-8, one over {@link MINIFY_BYTES}, and one that does not get smaller.
 */
export const minifier = <S>({ extensions, load, name, settings }: Minifier<S>): ProcessorDefinition<S> =>
  defineProcessor<S>({
    name,
    extensions,
    ...(settings === undefined ? {} : { settings }),
    process: Effect.fnUntraced(function* (job, decoded) {
      const unchanged: ProcessedFile = { content: job.content, baseName: job.baseName }
      if (isMinified(job.baseName) || isMinified(baseNameOf(job.path)) || job.content.size > MINIFY_BYTES) {
        return unchanged
      }
      const bytes = yield* job.read
      const text = textOf(bytes)
      if (text === undefined) return unchanged
      const marked = text.startsWith(byteOrderMark)
      const smaller = yield* Effect.tryPromise({
        try: async () => (await load())(marked ? text.slice(1) : text, job.baseName, decoded),
        catch: (cause) =>
          new ProcessorError({
            processor: name,
            path: job.path,
            detail:
              cause instanceof SyntaxMistake
                ? `${cause.message}. Correct the file, or take it out of this rule`
                : `it could not be minified: ${cause instanceof Error ? cause.message : String(cause)}`,
            cause,
          }),
      })
      if (smaller === undefined || smaller.trim() === "") return unchanged
      const made = new TextEncoder().encode(marked && !isAscii(smaller) ? byteOrderMark + smaller : smaller)
      if (made.length >= bytes.length) return unchanged
      return { content: yield* job.write(made), baseName: job.baseName }
    }),
  })
