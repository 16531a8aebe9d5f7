/**
 * Modules of third parties, found from where the config file is.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { hash } from "node:crypto"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"
import { type SchemaModules, settingsDecoder } from "../../domain/Settings.ts"
import { LookupError } from "./Lookup.ts"
import { shown } from "./nearest.ts"

/** A `package.json`'s entry for importing, by the conditions that hold here. */
const importTarget = (entry: unknown): string | undefined => {
  if (typeof entry === "string") return entry
  if (typeof entry !== "object" || entry === null) return undefined
  for (const [condition, target] of Object.entries(entry)) {
    if (condition === "import" || condition === "node" || condition === "default") {
      const found = importTarget(target)
      if (found !== undefined) return found
    }
  }
  return undefined
}

/** The file of a package that can only be imported, not required. */
const importOnly = (specifier: string, directories: ReadonlyArray<string>): string | undefined => {
  const [, name, rest] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(specifier) ?? []
  if (name === undefined) return undefined
  for (const directory of directories) {
    const home = Path.join(directory, name)
    const manifest = Path.join(home, "package.json")
    if (!Fs.existsSync(manifest)) continue
    const { exports } = JSON.parse(Fs.readFileSync(manifest, "utf8")) as { readonly exports?: unknown }
    const subpaths =
      typeof exports === "object" && exports !== null && Object.keys(exports).some((key) => key.startsWith("."))
    const entry = subpaths ? (exports as Record<string, unknown>)[`.${rest ?? ""}`] : rest === "" ? exports : undefined
    const target = importTarget(entry)
    return target === undefined ? undefined : Path.join(home, target)
  }
  return undefined
}

const resolve = (specifier: string, configFile: string): string => {
  const require = createRequire(configFile)
  try {
    return require.resolve(specifier)
  } catch (cause) {
    const found = specifier.startsWith(".") ? undefined : importOnly(specifier, require.resolve.paths(specifier) ?? [])
    if (found === undefined) throw cause
    return found
  }
}

/** Identifies the package that a file belongs to, with everything that its manifest says; undefined where there is none. */
export const packageVersion = (file: string): string | undefined => {
  for (let directory = Path.dirname(file); ; directory = Path.dirname(directory)) {
    const manifest = Path.join(directory, "package.json")
    if (Fs.existsSync(manifest)) {
      const text = Fs.readFileSync(manifest)
      // Packages have manifests below their own one that only say how modules are read.
      if (text.includes('"version"')) return hash("sha256", text, "hex")
    }
    if (directory === Path.dirname(directory)) return undefined
  }
}

/** The same for a package's module, found as it is imported. */
export const moduleVersion = (specifier: string, configFile: string): string | undefined => {
  try {
    const file = Fs.realpathSync(resolve(specifier, configFile))
    const inside = file.split(Path.sep).includes("node_modules")
    const version = inside ? packageVersion(file) : undefined
    return version === undefined ? undefined : `${version} ${hash("sha256", Fs.readFileSync(file), "hex")}`
  } catch {
    return undefined
  }
}

const firstLine = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split("\n")[0] ?? ""

/**
 * Imports a module: a package from the `node_modules` beside or above the config file, or a file relative to it.
 * Fails where it is not there or does not load.
 */
export const importModule = (
  specifier: string,
  configFile: string,
  kind: string,
): Effect.Effect<Readonly<Record<string, unknown>>, LookupError> =>
  Effect.gen(function* () {
    const file = yield* Effect.try({
      try: () => resolve(specifier, configFile),
      catch: () =>
        new LookupError({
          problem: `${kind} ${shown(specifier)} is not built in, and no module of this name is found from the config file`,
          cure: specifier.startsWith(".")
            ? "Correct the path; it is relative to the config file."
            : `Install it beside the config file (npm install ${/^[\w@/.-]+$/.test(specifier) ? specifier : "..."}), or name a file, e.g. ./my-${kind}.mjs.`,
        }),
    })
    return yield* Effect.tryPromise({
      try: () => import(/* @vite-ignore */ pathToFileURL(file).href) as Promise<Readonly<Record<string, unknown>>>,
      catch: (cause) =>
        new LookupError({
          problem: `the module of ${kind} ${shown(specifier)} does not load: ${firstLine(cause)}`,
          cure: "Load it with node to see the whole error.",
        }),
    })
  })

/** Imports a part of Effect as a module there would; undefined where it has none. */
const effectOf = (part: keyof SchemaModules, file: string): Promise<unknown> | undefined => {
  try {
    return import(/* @vite-ignore */ pathToFileURL(resolve(`effect/${part}`, file)).href)
  } catch {
    return undefined
  }
}

/** A definition whose settings are decoded by the copy of Effect that its module imports. */
export const withOwnSchema = <D extends { readonly settings?: Schema.Decoder<unknown> }>(
  definition: D,
  specifier: string,
  configFile: string,
): Effect.Effect<D> =>
  Effect.promise(async () => {
    const { settings } = definition
    if (settings === undefined) return definition
    const file = Fs.realpathSync(resolve(specifier, configFile))
    const [schema, issue] = await Promise.all([effectOf("Schema", file), effectOf("SchemaIssue", file)])
    if (schema === undefined || issue === undefined) return definition
    const copy = { Schema: schema, SchemaIssue: issue } as SchemaModules
    return { ...definition, decode: settingsDecoder(settings, copy) }
  })
