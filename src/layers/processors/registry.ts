/**
 * Processors by name: the built-in ones, and those of third parties.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Config } from "../../domain/Config.ts"
import { ConfigError } from "../../domain/Errors.ts"
import { type ProcessorDefinition, Processors } from "../../domain/Processor.ts"
import type { ProcessorUse } from "../../domain/Rule.ts"
import { canonicalJson } from "../config/fingerprint.ts"
import { LookupError } from "../config/Lookup.ts"
import { nearest, shown } from "../config/nearest.ts"
import { importModule } from "../config/thirdParty.ts"

/** Sound because settings only ever come from the definition's own schema. */
const anyProcessor = <S>(definition: ProcessorDefinition<S>): ProcessorDefinition =>
  definition as unknown as ProcessorDefinition

/** The built-in processors, each in a module that is loaded when a config names it. Undefined: not part of this version. */
const builtIn: Readonly<Record<string, (() => Promise<ProcessorDefinition>) | undefined>> = {
  "filename.SpacesToUnderscores": async () => (await import("./filename.ts")).spacesToUnderscores,
  "filename.SpacesToDashes": async () => (await import("./filename.ts")).spacesToDashes,
  "unique_filename.Mtime": async () => (await import("./uniqueFilename.ts")).mtime,
  "unique_filename.MD5": async () => (await import("./uniqueFilename.ts")).md5,
  "image_optimizer.Max": undefined,
  "image_optimizer.KeepMetadata": undefined,
  "image_optimizer.KeepFilename": undefined,
  "image_optimizer.KeepMetadataAndFilename": undefined,
  "yui_compressor.YUICompressor": undefined,
  "google_closure_compiler.GoogleClosureCompiler": undefined,
  "link_updater.CSSURLUpdater": async () => (await import("./linkUpdater.ts")).css,
  "link_updater.HTMLURLUpdater": async () => (await import("./linkUpdater.ts")).html,
  "link_updater.JSURLUpdater": async () => (await import("./linkUpdater.ts")).js,
  "command.Run": async () => anyProcessor((await import("./command.ts")).run),
  "video.Transcode": async () => anyProcessor((await import("./video.ts")).transcode),
}

/** Names of the built-in processors that this version has. */
export const processorNames: ReadonlyArray<string> = Object.keys(builtIn).filter((name) => builtIn[name] !== undefined)

const isProcessor = (value: unknown): value is ProcessorDefinition => {
  if (typeof value !== "object" || value === null) return false
  const { extensions, name, process, settings } = value as Readonly<Record<string, unknown>>
  return (
    typeof name === "string" &&
    typeof process === "function" &&
    (extensions === undefined || extensions instanceof Set) &&
    (settings === undefined || Schema.isSchema(settings))
  )
}

/** Module and export: "#" separates them, and where there is none the last ".". */
const split = (name: string): readonly [specifier: string, exported: string] => {
  const hash = name.lastIndexOf("#")
  const at = hash === -1 ? name.lastIndexOf(".") : hash
  return at <= 0 ? [name, ""] : [name.slice(0, at), name.slice(at + 1)]
}

const unknown = (name: string): LookupError => {
  const near = nearest(name, processorNames)
  return new LookupError({
    problem: `there is no processor ${shown(name)}`,
    cure: `${near === undefined ? "" : `Did you mean ${shown(near)}? `}Built in: ${processorNames.join(", ")}. Of your own: package.Export or ./file.mjs#Export.`,
  })
}

const thirdParty = (name: string, configFile: string): Effect.Effect<ProcessorDefinition, LookupError> =>
  Effect.gen(function* () {
    const [specifier, exported] = split(name)
    if (exported === "" || nearest(name, Object.keys(builtIn)) !== undefined) return yield* unknown(name)
    const module = yield* importModule(specifier, configFile, "processor")
    if (!Object.hasOwn(module, exported)) {
      return yield* new LookupError({
        problem: `module ${shown(specifier)} has no export ${shown(exported)}`,
        cure: `It exports: ${Object.keys(module).join(", ")}.`,
      })
    }
    const definition = module[exported]
    if (isProcessor(definition)) return definition
    return yield* new LookupError({
      problem: `export ${shown(exported)} of module ${shown(specifier)} is no processor`,
      cure: "Export what defineProcessor({ name, process }) returns.",
    })
  })

/** The processor of this name. Third-party modules are looked for from the config file. */
export const processorDefinition = (
  name: string,
  configFile: string,
): Effect.Effect<ProcessorDefinition, LookupError> => {
  if (!Object.hasOwn(builtIn, name)) return thirdParty(name, configFile)
  const load = builtIn[name]
  return load === undefined
    ? Effect.fail(
        new LookupError({
          problem: `processor ${shown(name)} is not part of this version`,
          cure: `Remove it from the chain. Built in: ${processorNames.join(", ")}.`,
        }),
      )
    : Effect.promise(load)
}

const key = (use: ProcessorUse): string => canonicalJson([use.name, use.settings])

/** The processors of a config's rules, loaded, with their settings decoded. */
export const processors = (config: Config): Layer.Layer<Processors, ConfigError> =>
  Layer.effect(
    Processors,
    Effect.gen(function* () {
      const ready = new Map<string, { readonly definition: ProcessorDefinition; readonly settings: unknown }>()
      const fail = (name: string, problem: string) =>
        new ConfigError({ file: config.file, mistakes: [{ element: `processor ${shown(name)}`, problem }] })
      for (const use of config.rules.flatMap((rule) => rule.chain)) {
        if (ready.has(key(use))) continue
        const definition = yield* Effect.mapError(processorDefinition(use.name, config.file), ({ problem }) =>
          fail(use.name, problem),
        )
        const settings =
          definition.settings === undefined
            ? Result.succeed({})
            : Schema.decodeUnknownResult(definition.settings)(use.settings)
        if (Result.isFailure(settings)) return yield* fail(use.name, "its settings are not valid")
        ready.set(key(use), { definition, settings: settings.success })
      }
      const find = (use: ProcessorUse) => {
        const found = ready.get(key(use))
        if (found === undefined) throw new Error(`processor ${use.name} is not in the config that was loaded`)
        return found
      }
      return { get: (use) => find(use).definition, settings: (use) => find(use).settings }
    }),
  )
