/**
 * Processors by name: the built-in ones, and those of third parties.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { ProcessorDefinition } from "../../domain/Processor.ts"
import { LookupError } from "../config/Lookup.ts"
import { nearest, shown } from "../config/nearest.ts"
import { importModule, withOwnSchema, moduleVersion, packageVersion } from "../config/thirdParty.ts"

/** Sound because settings only ever come from the definition's own schema. */
const anyProcessor = <S>(definition: ProcessorDefinition<S>): ProcessorDefinition =>
  definition as unknown as ProcessorDefinition

/** The built-in processors, each in a module that is loaded when a config names it. Undefined: not part of this version. */
const builtIn: Readonly<Record<string, (() => Promise<ProcessorDefinition>) | undefined>> = {
  "filename.SpacesToUnderscores": async () => (await import("./filename.ts")).spacesToUnderscores,
  "filename.SpacesToDashes": async () => (await import("./filename.ts")).spacesToDashes,
  "unique_filename.Mtime": async () => (await import("./uniqueFilename.ts")).mtime,
  "unique_filename.MD5": async () => (await import("./uniqueFilename.ts")).md5,
  "unique_filename.SHA256": async () => (await import("./uniqueFilename.ts")).sha256,
  "unique_filename.Short": async () => (await import("./uniqueFilename.ts")).short,
  "minify.CSS": async () => (await import("./minify.ts")).css,
  "minify.JS": async () => (await import("./minify.ts")).javaScript,
  "minify.SVG": async () => (await import("./minify.ts")).svg,
  "minify.HTML": async () => anyProcessor((await import("./minify.ts")).html),
  "compress.Gzip": async () => anyProcessor((await import("./compress.ts")).gzip),
  "compress.Brotli": async () => anyProcessor((await import("./compress.ts")).brotli),
  "headers.Set": async () => anyProcessor((await import("./headers.ts")).setHeaders),
  "yui_compressor.YUICompressor": async () => (await import("./yuiCompressor.ts")).yuiCompressor,
  "google_closure_compiler.GoogleClosureCompiler": async () =>
    (await import("./googleClosureCompiler.ts")).googleClosureCompiler,
  "image_optimizer.Max": async () => (await import("./imageOptimizer.ts")).max,
  "image_optimizer.KeepMetadata": async () => (await import("./imageOptimizer.ts")).keepMetadata,
  "image_optimizer.KeepFilename": async () => (await import("./imageOptimizer.ts")).keepFilename,
  "image_optimizer.KeepMetadataAndFilename": async () => (await import("./imageOptimizer.ts")).keepMetadataAndFilename,
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
    if (isProcessor(definition)) return yield* withOwnSchema(definition, specifier, configFile)
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

/**
 * Identifies the code of a processor, for results that are kept: built-in ones change with this package, those of packages
 * with theirs. Undefined for a file beside the config: whatever it imports may change at any time.
 */
export const processorVersion = (name: string, configFile: string): Effect.Effect<string | undefined> =>
  Effect.sync(() => {
    if (Object.hasOwn(builtIn, name)) return packageVersion(import.meta.filename)
    const [specifier] = split(name)
    return specifier.startsWith(".") || specifier.startsWith("/") ? undefined : moduleVersion(specifier, configFile)
  })
