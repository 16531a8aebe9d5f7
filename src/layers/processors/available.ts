/**
 * Whether a processor can do its work on this machine.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Settings } from "../../domain/Config.ts"
import type { ProcessorDefinition } from "../../domain/Processor.ts"
import type { ProcessorUse } from "../../domain/Rule.ts"
import { makeHost } from "./isolation/host.ts"

/** A processor in use. */
interface InUse {
  readonly use: ProcessorUse
  readonly definition: ProcessorDefinition
}

/**
 * Asks processors, where they will work: a library that is loaded to find out, or that crashes, does not burden the daemon.
 * For each: what is missing, or undefined.
 */
export const available = (
  uses: ReadonlyArray<InUse>,
  configFile: string,
  settings: Settings,
): Effect.Effect<ReadonlyArray<string | undefined>> =>
  Effect.scoped(
    Effect.gen(function* () {
      const host = yield* makeHost({ configFile, size: 1, memory: settings.processorMemory })
      return yield* Effect.forEach(uses, ({ definition, use }) =>
        definition.available === undefined && definition.availableWith === undefined
          ? Effect.succeed(undefined)
          : Effect.match(host.available(use, settings.processorTimeout), {
              onSuccess: () => undefined,
              onFailure: (error) => error.detail,
            }),
      )
    }),
  )
