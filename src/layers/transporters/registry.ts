/**
 * Transporters by name: the built-in ones, and those of third parties.
 *
 * @since 1.0.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Config } from "../../domain/Config.ts"
import { ConfigError, type TransportError } from "../../domain/Errors.ts"
import {
  type TransporterDefinition,
  Transporter,
  Transporters,
  type TransporterShape,
} from "../../domain/Transporter.ts"
import { LookupError } from "../config/Lookup.ts"
import { didYouMean, nearest, shown } from "../config/nearest.ts"
import { importModule, withOwnSchema } from "../config/thirdParty.ts"
import type { DiskWorkers } from "../disk/DiskWorkers.ts"
import { settingsTraits } from "./settings.ts"

/** What the host gives to built-in transporters. */
export type TransporterHost = DiskWorkers

/** A transporter whose settings only its own schema knows. */
export type AnyTransporter = TransporterDefinition<unknown, TransporterHost>

/** Sound because settings only ever come from the definition's own schema. */
const anyTransporter = <S, R extends TransporterHost>(definition: TransporterDefinition<S, R>): AnyTransporter =>
  definition as unknown as AnyTransporter

/** The built-in transporters, each in a module that is loaded when a config names it. Undefined: not part of this version. */
const builtIn: Readonly<Record<string, (() => Promise<AnyTransporter>) | undefined>> = {
  symlink_or_copy: async () => anyTransporter((await import("./symlinkOrCopy.ts")).symlinkOrCopy),
  ftp: async () => anyTransporter((await import("./ftp.ts")).ftp),
  sftp: async () => anyTransporter((await import("./sftp.ts")).sftp),
  s3: async () => anyTransporter((await import("./s3.ts")).s3),
  cf: async () => anyTransporter((await import("./cloudFront.ts")).cf),
  cloudfiles: async () => anyTransporter((await import("./cloudFiles.ts")).cloudFiles),
}

/** Names of the built-in transporters that this version has. */
export const transporterNames: ReadonlyArray<string> = Object.keys(builtIn).filter(
  (name) => builtIn[name] !== undefined,
)

const isTransporter = (value: unknown): value is AnyTransporter => {
  if (typeof value !== "object" || value === null) return false
  const { layer, name, settings } = value as Readonly<Record<string, unknown>>
  return typeof name === "string" && typeof layer === "function" && Schema.isSchema(settings)
}

const notFound = (name: string, problem: string): LookupError =>
  new LookupError({
    problem,
    cure: `${didYouMean(name, transporterNames, "transporters")} Of your own: a package or ./file.mjs.`,
  })

/** A module's transporter: the export named behind "#", else its default export. */
const thirdParty = (name: string, configFile: string): Effect.Effect<AnyTransporter, LookupError> =>
  Effect.gen(function* () {
    if (!/[./#]/.test(name) && nearest(name, Object.keys(builtIn)) !== undefined) {
      return yield* notFound(name, `there is no transporter ${shown(name)}`)
    }
    const hash = name.lastIndexOf("#")
    const specifier = hash === -1 ? name : name.slice(0, hash)
    const exported = hash === -1 ? "default" : name.slice(hash + 1)
    const module = yield* importModule(specifier, configFile, "transporter").pipe(
      Effect.mapError(
        (error) =>
          new LookupError({ problem: error.problem, cure: `${error.cure} Built in: ${transporterNames.join(", ")}.` }),
      ),
    )
    const definition = Object.hasOwn(module, exported) ? module[exported] : undefined
    if (isTransporter(definition)) return yield* withOwnSchema(definition, specifier, configFile)
    return yield* new LookupError({
      problem: `export ${shown(exported)} of module ${shown(specifier)} is ${definition === undefined ? "not there" : "no transporter"}`,
      cure: `Export what defineTransporter({ name, settings, layer }) returns${hash === -1 ? " as default, or name the export: module#Export" : ""}. It exports: ${Object.keys(module).join(", ")}.`,
    })
  })

/** The transporter of this name. Third-party modules are looked for from the config file. */
export const transporterDefinition = (name: string, configFile: string): Effect.Effect<AnyTransporter, LookupError> => {
  if (!Object.hasOwn(builtIn, name)) return thirdParty(name, configFile)
  const load = builtIn[name]
  if (load === undefined) {
    return Effect.fail(notFound(name, `transporter ${shown(name)} is not part of this version`))
  }
  return Effect.map(Effect.promise(load), (definition) => ({ ...settingsTraits[name], ...definition }))
}

/** The ways to all servers of a config. Each server's Layer is built once and lives as long as this one. */
export const transporters = (
  config: Config,
): Layer.Layer<Transporters, ConfigError | TransportError, TransporterHost> =>
  Layer.effect(
    Transporters,
    Effect.gen(function* () {
      const ways = new Map<string, TransporterShape>()
      for (const { maxConnections, name, settings, transporter } of config.servers) {
        const definition = yield* Effect.mapError(
          transporterDefinition(transporter, config.file),
          ({ cure, problem }) =>
            new ConfigError({ file: config.file, mistakes: [{ element: `server ${shown(name)}`, problem, cure }] }),
        )
        const layer = Layer.fresh(definition.layer(settings, { name, maxConnections }))
        ways.set(name, Context.get(yield* Layer.build(layer), Transporter))
      }
      return {
        get: (server) => {
          const way = ways.get(server)
          if (way === undefined) throw new Error(`server ${server} is not in the config that was loaded`)
          return way
        },
      }
    }),
  )
