/** The configs of simulated worlds, and what an operator changes in them. */
import { Effect } from "effect"
import type { Config, Settings } from "../../src/domain/Config.ts"
import { ProcessorError } from "../../src/domain/Errors.ts"
import type { RuleId, ServerName, SourceName } from "../../src/domain/Path.ts"
import {
  defineProcessor,
  type ProcessedFile,
  type ProcessorDefinition,
  type ProcessorJob,
} from "../../src/domain/Processor.ts"
import type { Rule } from "../../src/domain/Rule.ts"
import { spacesToDashes } from "../../src/layers/processors/filename.ts"
import { md5, mtime } from "../../src/layers/processors/uniqueFilename.ts"
import { testSource } from "../../src/testing.ts"
import { testSettings } from "../support/conveyor.ts"
import type { Chance } from "./random.ts"
import { linkUpdater } from "./styles.ts"

export const sourceNames = ["site", "media"] as const
export const serverNames = ["cdn", "mirror", "vault"] as const

export const chainNames = [
  "filename.SpacesToDashes",
  "unique_filename.MD5",
  "unique_filename.Mtime",
  "simulation.Stamp",
  "link_updater.CSSURLUpdater",
  "simulation.Pack",
] as const
export type ChainName = (typeof chainNames)[number]

export interface SimulatedRule {
  readonly label: string
  readonly source: string
  /** At most one of the three. */
  readonly extension?: string
  readonly below?: string
  readonly minimum?: number
  readonly chain: ReadonlyArray<ChainName>
  readonly servers: ReadonlyArray<string>
  /** The directory on its servers, of this rule alone unless several are to share one. */
  readonly path: string
  readonly deletion?: number | undefined
  readonly onFailure?: "hold" | "original" | undefined
}

export interface SimulatedConfig {
  readonly sources: ReadonlyArray<string>
  readonly servers: ReadonlyArray<string>
  readonly rules: ReadonlyArray<SimulatedRule>
  readonly settings: Pick<
    Settings,
    "maxSimultaneousTransporters" | "maxSimultaneousProcessorChains" | "gracePeriod" | "reconcileInterval"
  >
  readonly connections: number
}

/** What its output begins with. */
export const stamp = "stamped:"

/** Files that hold this can not be processed. */
export const poison = "poison"

/** Makes another file of it, in the job's own directory; stumbles over poison. It says of every other that it takes long. */
const stamping: ProcessorDefinition = {
  name: "simulation.Stamp",
  long: (_settings, baseName) => baseName.length % 2 === 0,
  process: (job) =>
    Effect.gen(function* () {
      const text = new TextDecoder().decode(yield* job.read)
      if (text.includes(poison)) {
        return yield* new ProcessorError({ processor: "simulation.Stamp", path: job.path, detail: "it is poison" })
      }
      return { content: yield* job.write(new TextEncoder().encode(stamp + text)), baseName: job.baseName }
    }),
}

/** Where what is packed is published, beside the file that it is made of. */
export const packedSuffix = ".br"

/** The packed form of a text; undefined where it is not shorter. */
export const packed = (text: string): string | undefined => {
  const short = `packed:${text.replaceAll(/-+/g, "-")}`
  return short.length < text.length ? short : undefined
}

/** Publishes what is in a file once more beside it, packed, where the server has no headers; elsewhere it does nothing. */
const packing: ProcessorDefinition = defineProcessor({
  name: "simulation.Pack",
  perServer: true,
  process: Effect.fnUntraced(function* (job: ProcessorJob) {
    const unchanged: ProcessedFile = { content: job.content, baseName: job.baseName }
    if (job.serverHas?.headers === true) return unchanged
    const made = packed(new TextDecoder().decode(yield* job.read))
    if (made === undefined) return unchanged
    const content = yield* job.write(new TextEncoder().encode(made))
    return { ...unchanged, companions: [{ suffix: packedSuffix, content }] }
  }),
})

export const processors = [spacesToDashes, md5, mtime, stamping, linkUpdater, packing]

/** The directory that several rules may share. */
const SHARED = "shared"

const everyRule: ReadonlyArray<SimulatedRule> = [
  { label: "all", source: "site", chain: [], servers: ["cdn"], path: "all" },
  {
    label: "unique",
    source: "site",
    extension: "css",
    chain: ["filename.SpacesToDashes", "unique_filename.MD5"],
    servers: ["cdn", "mirror"],
    path: "unique",
  },
  { label: "stamped", source: "site", below: "a", chain: ["simulation.Stamp"], servers: ["mirror"], path: "stamped" },
  { label: "big", source: "site", minimum: 60, chain: ["unique_filename.Mtime"], servers: ["vault"], path: "big" },
  { label: "media", source: "media", chain: ["filename.SpacesToDashes"], servers: ["mirror", "cdn"], path: "media" },
  {
    label: "drop",
    source: "media",
    extension: "drop",
    chain: [],
    servers: ["cdn", "vault"],
    path: "drop",
    deletion: 5,
  },
  {
    label: "styles",
    source: "site",
    extension: "css",
    chain: ["filename.SpacesToDashes", "link_updater.CSSURLUpdater", "unique_filename.MD5"],
    servers: ["cdn", "mirror", "vault"],
    path: "styles",
  },
  {
    label: "sheets",
    source: "media",
    extension: "css",
    chain: ["link_updater.CSSURLUpdater"],
    servers: ["cdn", "vault"],
    path: "sheets",
  },
  {
    label: "images",
    source: "site",
    extension: "png",
    chain: ["unique_filename.MD5"],
    servers: ["cdn", "mirror", "vault"],
    path: "images",
  },
]

const chains: ReadonlyArray<ReadonlyArray<ChainName>> = [
  [],
  ["filename.SpacesToDashes"],
  ["unique_filename.MD5"],
  ["filename.SpacesToDashes", "unique_filename.MD5"],
  ["simulation.Stamp", "unique_filename.MD5"],
  ["simulation.Stamp"],
  ["link_updater.CSSURLUpdater"],
  ["link_updater.CSSURLUpdater", "unique_filename.MD5"],
  ["unique_filename.MD5", "link_updater.CSSURLUpdater"],
  ["simulation.Stamp", "link_updater.CSSURLUpdater", "unique_filename.MD5"],
  ["link_updater.CSSURLUpdater", "simulation.Stamp", "unique_filename.Mtime"],
  ["simulation.Pack"],
  ["filename.SpacesToDashes", "simulation.Pack"],
  ["simulation.Pack", "unique_filename.MD5"],
  ["simulation.Stamp", "simulation.Pack"],
  ["link_updater.CSSURLUpdater", "simulation.Pack", "unique_filename.MD5"],
  ["simulation.Pack", "simulation.Stamp"],
]

/** A config to begin with. */
export const firstConfig = (chance: Chance, reliable: boolean): SimulatedConfig => {
  const servers = serverNames.slice(0, 1 + chance.below(3))
  const sources = chance.happens(0.4) ? ["site"] : ["site", "media"]
  const isSharing = chance.happens(0.25)
  const isPacking = chance.happens(0.25)
  const rules = everyRule
    .map((rule): SimulatedRule => ({
      ...rule,
      servers: rule.servers.filter((server) => servers.includes(server as never)),
    }))
    .filter((rule) => rule.servers.length > 0 && sources.includes(rule.source))
    .filter((rule) => rule.label === "all" || chance.happens(0.6))
    .map((rule) => (isSharing && chance.happens(0.5) ? { ...rule, path: SHARED } : rule))
    .map((rule) => (chance.happens(0.15) ? { ...rule, chain: chance.pick(chains) } : rule))
    .map((rule): SimulatedRule =>
      isPacking && chance.happens(0.7) ? { ...rule, chain: [...rule.chain, "simulation.Pack"] } : rule,
    )
    .map((rule) => (chance.happens(0.3) ? { ...rule, onFailure: "original" as const } : rule))
  return {
    sources,
    servers,
    rules,
    settings: {
      maxSimultaneousTransporters: chance.pick([2, 4, 16]),
      maxSimultaneousProcessorChains: chance.pick([1, 2, 4]),
      gracePeriod: chance.pick([0, 5_000, 60_000]),
      // Where no hint is lost for good, nothing may depend on the reconcile.
      reconcileInterval: reliable ? 86_400_000 : chance.pick([60_000, 120_000]),
    },
    connections: chance.pick([1, 2, 4, 4, 8, 16]),
  }
}

/** What an operator edits. */
export type Edit =
  | { readonly kind: "remove rule" | "add rule"; readonly rule: string }
  | { readonly kind: "remove destination" | "add destination"; readonly rule: string; readonly server: string }
  | { readonly kind: "remove server" | "add server"; readonly server: string }
  | { readonly kind: "remove source" | "add source"; readonly source: string }
  /** The source goes to this server no more, under whatever rule. */
  | { readonly kind: "withdraw"; readonly source: string; readonly server: string }
  | { readonly kind: "chain"; readonly rule: string; readonly chain: ReadonlyArray<ChainName> }
  | { readonly kind: "move"; readonly rule: string; readonly path: string }
  | { readonly kind: "deletion"; readonly rule: string; readonly deletion: number | undefined }
  | { readonly kind: "on failure"; readonly rule: string; readonly what: "hold" | "original" }

export const someEdit = (chance: Chance): Edit => {
  const rule = chance.pick(everyRule).label
  const server = chance.pick(serverNames)
  return chance.weighted<() => Edit>([
    [2, () => ({ kind: "remove rule", rule })],
    [3, () => ({ kind: "add rule", rule })],
    [2, () => ({ kind: "remove destination", rule, server })],
    [3, () => ({ kind: "add destination", rule, server })],
    [1, () => ({ kind: "remove server", server })],
    [2, () => ({ kind: "add server", server })],
    [1, () => ({ kind: "remove source", source: chance.pick(sourceNames) })],
    [1, () => ({ kind: "add source", source: chance.pick(sourceNames) })],
    [2.5, () => ({ kind: "withdraw", source: chance.pick(sourceNames), server })],
    [2, () => ({ kind: "chain", rule, chain: chance.pick(chains) })],
    [2, () => ({ kind: "move", rule, path: chance.pick([`${rule}1`, `${rule}2`, SHARED]) })],
    [0.5, () => ({ kind: "on failure", rule, what: chance.pick(["hold", "original"]) })],
    [1, () => ({ kind: "deletion", rule, deletion: chance.pick([undefined, 0, 5, 30]) })],
  ])()
}

const without = <A>(list: ReadonlyArray<A>, one: A): ReadonlyArray<A> => list.filter((other) => other !== one)
const withOne = <A>(list: ReadonlyArray<A>, one: A): ReadonlyArray<A> => [...without(list, one), one]

/** The config after an edit; an edit that makes no sense changes nothing. */
export const edited = (config: SimulatedConfig, edit: Edit): SimulatedConfig => {
  const change = (label: string, to: (rule: SimulatedRule) => SimulatedRule): SimulatedConfig => ({
    ...config,
    rules: config.rules
      .map((rule) => (rule.label === label ? to(rule) : rule))
      .filter((rule) => rule.servers.length > 0),
  })
  switch (edit.kind) {
    case "remove rule":
      return { ...config, rules: config.rules.filter((rule) => rule.label !== edit.rule) }
    case "add rule": {
      const found = everyRule.find((rule) => rule.label === edit.rule)!
      const servers = found.servers.filter((server) => config.servers.includes(server))
      const known = config.rules.some((rule) => rule.label === edit.rule)
      if (known || servers.length === 0 || !config.sources.includes(found.source)) return config
      return { ...config, rules: [...config.rules, { ...found, servers }] }
    }
    case "remove destination":
      return change(edit.rule, (rule) => ({ ...rule, servers: without(rule.servers, edit.server) }))
    case "add destination":
      if (!config.servers.includes(edit.server)) return config
      return change(edit.rule, (rule) => ({ ...rule, servers: withOne(rule.servers, edit.server) }))
    case "remove server":
      return {
        ...config,
        servers: without(config.servers, edit.server),
        rules: config.rules
          .map((rule) => ({ ...rule, servers: without(rule.servers, edit.server) }))
          .filter((rule) => rule.servers.length > 0),
      }
    case "add server":
      return { ...config, servers: withOne(config.servers, edit.server) }
    case "remove source":
      return {
        ...config,
        sources: without(config.sources, edit.source),
        rules: config.rules.filter((rule) => rule.source !== edit.source),
      }
    case "withdraw":
      return {
        ...config,
        rules: config.rules
          .map((rule) =>
            rule.source === edit.source ? { ...rule, servers: without(rule.servers, edit.server) } : rule,
          )
          .filter((rule) => rule.servers.length > 0),
      }
    case "add source":
      return { ...config, sources: withOne(config.sources, edit.source) }
    case "chain":
      return change(edit.rule, (rule) => ({ ...rule, chain: edit.chain }))
    case "move":
      return change(edit.rule, (rule) => ({ ...rule, path: edit.path }))
    case "deletion":
      return change(edit.rule, (rule) => ({ ...rule, deletion: edit.deletion }))
    case "on failure":
      return change(edit.rule, (rule) => ({ ...rule, onFailure: edit.what }))
  }
}

const filterOf = (rule: SimulatedRule): Rule["filter"] => {
  if (rule.extension !== undefined) return { extensions: new Set([rule.extension]) }
  if (rule.below !== undefined) return { paths: [rule.below] }
  if (rule.minimum !== undefined) return { size: { conditionType: "minimum", bytes: rule.minimum } }
  return undefined
}

export const idOf = (rule: SimulatedRule): RuleId => `${rule.source}/${rule.label}` as RuleId

/** As the config file's loader would give it. */
export const toConfig = (config: SimulatedConfig): Config => ({
  file: "/config.xml",
  settings: { ...testSettings, ...config.settings },
  sources: config.sources.map((name) =>
    testSource(name, `/${name}`, { ignoredDirs: new Set([".git"]), documentRoot: "/" }),
  ),
  servers: config.servers.map((name) => ({
    name: name as ServerName,
    transporter: "memory",
    maxConnections: config.connections,
    settings: {},
  })),
  rules: config.rules.map((rule) => ({
    id: idOf(rule),
    label: rule.label,
    source: rule.source as SourceName,
    filter: filterOf(rule),
    chain: rule.chain.map((name) => ({ name, settings: {} })),
    destinations: rule.servers.map((server) => ({
      server: server as ServerName,
      path: rule.path,
      // Other sources decide where references lead.
      fingerprint: JSON.stringify([
        rule.chain,
        rule.path,
        ...(rule.chain.includes("link_updater.CSSURLUpdater") ? config.sources.toSorted() : []),
      ]),
    })),
    fileDeletionDelayAfterSync: rule.deletion,
    ...(rule.onFailure === undefined ? {} : { onFailure: rule.onFailure }),
  })),
  warnings: [],
})
