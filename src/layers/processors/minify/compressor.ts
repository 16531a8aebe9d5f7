/**
 * What the processors that run a compressor of the old days have in common.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { ProcessorError } from "../../../domain/Errors.ts"
import { MINIFY_BYTES } from "../../../domain/Limits.ts"
import { extensionOf } from "../../../domain/Path.ts"
import { defineProcessor, type ProcessedFile, type ProcessorDefinition } from "../../../domain/Processor.ts"
import { filter, type Invocation } from "./filter.ts"
import { isMinified, textOf } from "./minifier.ts"
import { withoutMapReference } from "./sourceMap.ts"

/** One such program. */
export interface Compressor {
  readonly name: string
  /** What people call it. */
  readonly title: string
  readonly extensions: ReadonlySet<string>
  /** How it is started for a text of this extension. Fails with what is missing and how to get it. */
  readonly invocation: (extension: string, text: string) => Effect.Effect<Invocation, string>
  /** Fails with what is missing and how to get it. */
  readonly ready: Effect.Effect<void, string>
  /** The first mistake in what it says when it fails. */
  readonly mistake: (messages: string) => string
  /** What the program is known to break in a file, though it says nothing. */
  readonly broken?: (input: string, output: string, extension: string) => string | undefined
  /** What to use instead, by extension. */
  readonly instead: (extension: string) => string
}

/** A processor that publishes what the program makes of a file, unless that is not smaller. */
export const compressor = (options: Compressor): ProcessorDefinition => {
  const { extensions, instead, invocation, name, ready, title } = options
  return defineProcessor({
    name,
    extensions,
    available: Effect.mapError(ready, (detail) => new ProcessorError({ processor: name, path: "its program", detail })),
    process: Effect.fnUntraced(function* (job) {
      const unchanged: ProcessedFile = { content: job.content, baseName: job.baseName }
      if (isMinified(job.baseName) || job.content.size > MINIFY_BYTES) return unchanged
      const extension = extensionOf(job.baseName)
      const fail = (detail: string) => new ProcessorError({ processor: name, path: job.path, detail })
      const bytes = yield* job.read
      const input = textOf(bytes)
      if (input === undefined || input.trim() === "") return unchanged
      const program = yield* Effect.mapError(invocation(extension, input), fail)
      const { code, messages, output, problem } = yield* filter(program, bytes)
      const cure = `Correct the file, or use ${instead(extension)} in its place`
      if (problem !== undefined) return yield* fail(`${title}: ${problem}. ${cure}`)
      if (code !== 0) return yield* fail(`${title} does not understand it: ${options.mistake(messages)}. ${cure}`)
      const text = withoutMapReference(textOf(output) ?? "")
      if (text.trim() === "") return unchanged
      const broken = options.broken?.(input, text, extension)
      if (broken !== undefined) {
        return yield* fail(`${title} would break it: ${broken}. Use ${instead(extension)} in its place`)
      }
      const made = new TextEncoder().encode(text)
      if (made.length >= bytes.length) return unchanged
      return { content: yield* job.write(made), baseName: job.baseName }
    }),
  })
}
