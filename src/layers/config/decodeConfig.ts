/**
 * The text of a config file, decoded.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import type { Config, Settings } from "../../domain/Config.ts"
import type { ConfigError } from "../../domain/Errors.ts"
import { CONFIG_BYTES } from "../../domain/Limits.ts"
import type { Context } from "./Context.ts"
import type { Disk } from "./Disk.ts"
import { attribute, childrenNamed, type Element, type Text } from "./Element.ts"
import { canonicalJson } from "./fingerprint.ts"
import { shown } from "./nearest.ts"
import { checkFeedback } from "./feedback.ts"
import { decodeAttributes, noAttributes } from "./fields.ts"
import { findAll } from "./found.ts"
import type { Lookup } from "./Lookup.ts"
import { Mistakes } from "./mistakes.ts"
import { replaceReferences } from "./references.ts"
import { decodeRules, type ProcessorAt } from "./rules.ts"
import { decodeServers } from "./servers.ts"
import { decodeSettings } from "./settings.ts"
import { decodeSources } from "./sources.ts"
import { checkChildren } from "./structure.ts"
import { parseXml } from "./xml.ts"

/** What a config is decoded with. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Cores of this machine: the default number of processor chains at once. */
  readonly cores: number
  readonly disk: Disk
  readonly lookup: Lookup
  /** Finds out what processors lack on this machine (undefined: nothing). Absent: nobody asks. */
  readonly available?:
    | ((
        uses: ReadonlyArray<ProcessorAt>,
        configFile: string,
        settings: Settings,
      ) => Effect.Effect<ReadonlyArray<string | undefined>>)
    | undefined
}

const namesOf = (elements: ReadonlyArray<Element>): ReadonlyArray<Text> =>
  elements.flatMap((element) => attribute(element, "name") ?? [])

/** Offset into the text that precedes the first byte that is not UTF-8. */
const validPrefix = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).split("\ufffd")[0] ?? ""

const textOf = (bytes: Uint8Array, file: string): Effect.Effect<string, ConfigError> =>
  Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
    catch: () => {
      const before = validPrefix(bytes)
      const mistakes = new Mistakes(before)
      mistakes.add(
        { offset: before.length, element: "config" },
        "holds bytes that are not UTF-8",
        "Save the file as UTF-8.",
      )
      return mistakes.error(file)
    },
  })

/** The error of a file that can not be looked at any closer. */
export const unreadable = (file: string, problem: string, cure: string): ConfigError => {
  const mistakes = new Mistakes("")
  mistakes.add({ offset: 0, element: "config" }, problem, cure)
  return mistakes.error(file)
}

/**
 * Decodes a config. `file` is its absolute path: relative paths in it are relative to its directory. Fails with every
 * mistake in it, whatever bytes it holds.
 */
export const decodeConfig = (
  content: string | Uint8Array,
  options: Surroundings & { readonly file: string },
): Effect.Effect<Config, ConfigError> =>
  Effect.gen(function* () {
    const { cores, disk, env, file, lookup } = options
    if (content.length > CONFIG_BYTES) {
      return yield* unreadable(file, `is larger than ${CONFIG_BYTES} bytes`, "Split it, or remove what is not needed.")
    }
    const decoded = typeof content === "string" ? content : yield* textOf(content, file)
    const text = decoded.startsWith("\ufeff") ? decoded.slice(1) : decoded
    const mistakes = new Mistakes(text)
    const context: Context = { file, disk, cores, mistakes, warnings: [] }
    const references = { env, disk, directory: Path.dirname(file) }
    const root = parseXml(text, mistakes, (value, problem) => replaceReferences(value, references, problem))
    if (root === undefined) return yield* mistakes.error(file)

    checkChildren(root, { settings: "optional", sources: "once", servers: "once", rules: "once" }, mistakes)
    decodeAttributes(noAttributes, root, mistakes)
    const [settingsElement] = childrenNamed(root, "settings")
    const [sourcesElement] = childrenNamed(root, "sources")
    const [serversElement] = childrenNamed(root, "servers")
    const [rulesElement] = childrenNamed(root, "rules")

    const serverElements = childrenNamed(serversElement, "server")
    const processorElements = childrenNamed(rulesElement, "rule")
      .flatMap((rule) => childrenNamed(rule, "processorChain"))
      .flatMap((chain) => childrenNamed(chain, "processor"))
    const transporter = yield* findAll(
      serverElements.flatMap((element) => attribute(element, "transporter") ?? []),
      (name) => lookup.transporter(name, file),
    )
    const processor = yield* findAll(
      processorElements.flatMap((element) => attribute(element, "name") ?? []),
      (name) => lookup.processor(name, file),
    )

    const uses: Array<ProcessorAt> = []
    const settings = decodeSettings(settingsElement, context)
    const decodedSources = sourcesElement === undefined ? [] : decodeSources(sourcesElement, context, settings.settings)
    const servers = serversElement === undefined ? [] : decodeServers(serversElement, context, transporter)
    const rules =
      rulesElement === undefined
        ? []
        : decodeRules(rulesElement, context, {
            sourceNames: namesOf(childrenNamed(sourcesElement, "source")),
            serverNames: namesOf(serverElements),
            servers,
            sources: decodedSources.map(({ source }) => source),
            processor,
            uses,
          })
    checkFeedback({ settings, settingsElement, sources: decodedSources, servers, rules }, context)

    const different = [...new Map(uses.map((at) => [canonicalJson(at.use), at])).values()]
    const lacks = yield* options.available?.(different, file, settings.settings) ?? Effect.succeed([])
    different.forEach(({ name }, index) => {
      const what = lacks[index]
      if (what === undefined) return
      mistakes.add(
        name,
        `processor ${shown(name.written)} can not do its work here: ${what}`,
        "Mend that, or take it out of the chain.",
      )
    })

    if (!mistakes.none) return yield* mistakes.error(file)
    return {
      file,
      settings: settings.settings,
      sources: decodedSources.map(({ source }) => source),
      servers: servers.map(({ server }) => server),
      rules: rules.map(({ rule }) => rule),
      warnings: context.warnings,
    }
  })
