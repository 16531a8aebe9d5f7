/**
 * The processors of a config: loaded, their settings decoded, each run where it belongs.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Config } from "../../domain/Config.ts"
import { ConfigError } from "../../domain/Errors.ts"
import { type ProcessorDefinition, Processors } from "../../domain/Processor.ts"
import type { ProcessorUse } from "../../domain/Rule.ts"
import { decoderOf } from "../../domain/Settings.ts"
import { canonicalJson } from "../config/fingerprint.ts"
import { shown } from "../config/nearest.ts"
import { DiskContent } from "../disk/DiskContent.ts"
import { DiskWorkers } from "../disk/DiskWorkers.ts"
import { makeHost } from "./isolation/host.ts"
import { makeResults } from "./results.ts"
import { processorDefinition, processorVersion } from "./registry.ts"

/** A processor in use. */
interface Ready {
  readonly definition: ProcessorDefinition
  readonly settings: unknown
  /** Of its code; undefined: its results are not kept. */
  readonly version: string | undefined
}

export interface ProcessorsOptions {
  /** Where results are kept; undefined: nowhere. */
  readonly cacheDirectory?: string | undefined
}

const key = (use: ProcessorUse): string => canonicalJson([use.name, use.settings])

/** The code of a processor whose results may be kept. */
const versionOf = Effect.fnUntraced(function* (definition: ProcessorDefinition, name: string, configFile: string) {
  const { cached, inline, perServer } = definition
  if (cached === false) return undefined
  if (cached === undefined && (inline === true || perServer === true)) return undefined
  const version = yield* processorVersion(name, configFile)
  return cached === undefined ? version : (version ?? "")
})

const load = Effect.fnUntraced(function* (use: ProcessorUse, file: string) {
  const fail = (problem: string) =>
    new ConfigError({ file, mistakes: [{ element: `processor ${shown(use.name)}`, problem }] })
  const definition = yield* Effect.mapError(processorDefinition(use.name, file), ({ problem }) => fail(problem))
  const decoded = decoderOf(definition)(use.settings)
  if (decoded._tag === "Mistakes") return yield* fail("its settings are not valid")
  const version = yield* versionOf(definition, use.name, file)
  const ready: Ready = { definition, settings: decoded.settings, version }
  return ready
})

/** The processors of a config's rules. */
export const processors = (
  config: Config,
  options: ProcessorsOptions = {},
): Layer.Layer<Processors, ConfigError, DiskWorkers> =>
  Layer.effect(
    Processors,
    Effect.gen(function* () {
      const { maxSimultaneousProcessorChains, processorCache, processorMemory, processorTimeout } = config.settings
      const ready = new Map<string, Ready>()
      for (const use of config.rules.flatMap((rule) => rule.chain)) {
        if (!ready.has(key(use))) ready.set(key(use), yield* load(use, config.file))
      }
      // Asked several times for each file, always with the rules' own objects.
      const byUse = new WeakMap<ProcessorUse, Ready>()
      const find = (use: ProcessorUse): Ready => {
        const found = byUse.get(use) ?? ready.get(key(use))
        if (found === undefined) throw new Error(`processor ${use.name} is not in the config that was loaded`)
        byUse.set(use, found)
        return found
      }
      const size = maxSimultaneousProcessorChains
      const host = yield* makeHost({ configFile: config.file, size, memory: processorMemory })
      const disk = yield* DiskWorkers
      const results =
        options.cacheDirectory === undefined || processorCache === 0
          ? undefined
          : yield* makeResults({ directory: options.cacheDirectory, bytes: processorCache, disk })
      return Processors.of({
        get: (use) => find(use).definition,
        settings: (use) => find(use).settings,
        run: (use, job) => {
          const { definition, settings, version } = find(use)
          const { content } = job
          // What is no file of this machine's disk can not be opened by another process.
          if (!(content instanceof DiskContent)) return definition.process(job, settings)
          const made =
            definition.inline === true
              ? Effect.map(definition.process(job, settings), (processed) => ({ processed, usedState: false }))
              : host.run(use, job, content, definition.timeLimit?.(settings) ?? processorTimeout)
          if (results === undefined || version === undefined) return Effect.map(made, ({ processed }) => processed)
          return results.orMake({ use, job, content, version, depends: dependsOn(definition, settings) }, made)
        },
      })
    }),
  )

const dependsOn = ({ cached }: ProcessorDefinition, settings: unknown): Effect.Effect<string | undefined> =>
  typeof cached === "function" ? cached(settings) : Effect.succeed("")
