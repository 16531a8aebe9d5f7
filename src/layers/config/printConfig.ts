/**
 * A decoded config as the text of a config file.
 *
 * Decoding the text gives the same config again, with one thing to choose: secrets are not in a decoded config in any
 * form that could be written, so the caller says what is written for each, e.g. `${env:CDN_PASSWORD}`.
 *
 * @since 1.0.0
 */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Config, Server, Settings, Source } from "../../domain/Config.ts"
import type { Filter } from "../../domain/Filter.ts"
import type { Rule } from "../../domain/Rule.ts"
import { encodeEntities } from "./entities.ts"
import { writtenPattern } from "./pattern.ts"
import { escapeReferences } from "./references.ts"
import { percentage } from "./settings.ts"

/** How the parts that a config can not tell are written. */
export interface PrintOptions {
  /** What to write for a secret: a reference, or the secret itself. It is escaped as XML, but references in it work. */
  readonly secret: (server: Server, setting: string, value: Redacted.Redacted<unknown>) => string
  /** Schema of a transporter's settings; absent or undefined: settings are written as they are. */
  readonly schema?: (transporter: string) => Schema.Codec<unknown, unknown> | undefined
}

const plain = (text: string): string => encodeEntities(escapeReferences(text))

const attributes = (given: Readonly<Record<string, string | number | undefined>>): string =>
  Object.entries(given)
    .map(([name, value]) => (value === undefined ? "" : ` ${name}="${plain(String(value))}"`))
    .join("")

const leaf = (name: string, value: string | number | undefined, more = ""): ReadonlyArray<string> =>
  value === undefined ? [] : [`<${name}${more}>${plain(String(value))}</${name}>`]

const indent = (lines: ReadonlyArray<string>): ReadonlyArray<string> => lines.map((line) => `  ${line}`)

const block = (name: string, content: ReadonlyArray<string>, given = ""): ReadonlyArray<string> =>
  content.length === 0 ? [`<${name}${given} />`] : [`<${name}${given}>`, ...indent(content), `</${name}>`]

const millis = (time: number | undefined): string | undefined => (time === undefined ? undefined : `${time}ms`)

const printSettings = (settings: Settings): ReadonlyArray<string> =>
  block("settings", [
    ...leaf("stateDir", settings.stateDir),
    ...leaf("syncedFilesDb", settings.syncedFilesDb),
    ...leaf("workingDir", settings.workingDir),
    ...leaf("logFile", settings.logFile),
    ...leaf("fileLogLevel", settings.fileLogLevel),
    ...leaf("consoleLogLevel", settings.consoleLogLevel),
    ...settings.pidFiles.flatMap((file) => leaf("pidFile", file)),
    ...leaf("maxFilesInPipeline", settings.maxFilesInPipeline),
    ...leaf("maxSimultaneousProcessorChains", settings.maxSimultaneousProcessorChains),
    ...leaf("maxSimultaneousTransporters", settings.maxSimultaneousTransporters),
    ...leaf("retryInterval", millis(settings.retryInterval)),
    ...leaf("settle", millis(settings.settle)),
    ...leaf("reconcileInterval", millis(settings.reconcileInterval)),
    ...leaf("monitor", settings.monitor),
    ...leaf("symlinks", settings.symlinks),
    ...leaf("maxDeletes", percentage(settings.maxDeletes.share)),
    ...leaf("bandwidthLimit", settings.bandwidthLimit),
    ...leaf("status", settings.status),
    ...leaf("gracePeriod", millis(settings.gracePeriod)),
    ...leaf("processorTimeout", millis(settings.processorTimeout)),
    ...leaf("processorMemory", settings.processorMemory),
    ...leaf("processorCache", settings.processorCache),
  ])

const joined = (entries: Iterable<string>): string => [...entries].join(":")

const printSources = (sources: ReadonlyArray<Source>): ReadonlyArray<string> =>
  block(
    "sources",
    sources.map(
      ({ basePath, documentRoot, monitor, name, scanPath, symlinks }) =>
        `<source${attributes({ name, scanPath, documentRoot, basePath, monitor, symlinks })} />`,
    ),
    attributes({ ignoredDirs: joined(sources[0]?.ignoredDirs ?? []) }),
  )

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const printServer = (server: Server, options: PrintOptions): ReadonlyArray<string> => {
  const { maxConnections, name, transporter } = server
  const decoded = isRecord(server.settings) ? server.settings : {}
  const schema = options.schema?.(transporter)
  const encoded = schema === undefined ? undefined : Schema.encodeUnknownResult(schema)(server.settings)
  const writable =
    encoded !== undefined && Result.isSuccess(encoded) && isRecord(encoded.success) ? encoded.success : decoded
  const settings = Object.entries(decoded).flatMap(([setting, value]) => {
    if (Redacted.isRedacted(value))
      return [`<${setting}>${encodeEntities(options.secret(server, setting, value))}</${setting}>`]
    return value === undefined ? [] : leaf(setting, String(writable[setting]))
  })
  return block("server", settings, attributes({ name, transporter, maxConnections }))
}

const printFilter = (filter: Filter): ReadonlyArray<string> =>
  block("filter", [
    ...leaf("paths", filter.paths?.join(":")),
    ...leaf("extensions", filter.extensions === undefined ? undefined : joined(filter.extensions)),
    ...leaf("ignoredDirs", filter.ignoredDirs === undefined ? undefined : joined(filter.ignoredDirs)),
    ...leaf("pattern", filter.pattern === undefined ? undefined : writtenPattern(filter.pattern)),
    ...leaf("size", filter.size?.bytes, attributes({ conditionType: filter.size?.conditionType })),
  ])

const printRule = (rule: Rule): ReadonlyArray<string> =>
  block(
    "rule",
    [
      ...(rule.filter === undefined ? [] : printFilter(rule.filter)),
      ...block(
        "processorChain",
        rule.chain.map(({ name, settings }) => `<processor${attributes({ name, ...settings })} />`),
      ),
      ...block(
        "destinations",
        rule.destinations.map(({ path, server }) => `<destination${attributes({ server, path })} />`),
      ),
    ],
    attributes({
      for: rule.source,
      label: rule.label,
      fileDeletionDelayAfterSync: rule.fileDeletionDelayAfterSync,
      onFailure: rule.onFailure,
    }),
  )

/** The text of a config file that says what `config` says. */
export const printConfig = (config: Config, options: PrintOptions): string =>
  [
    '<?xml version="1.0" encoding="UTF-8"?>',
    ...block("config", [
      ...printSettings(config.settings),
      ...printSources(config.sources),
      ...block(
        "servers",
        config.servers.flatMap((server) => printServer(server, options)),
      ),
      ...block("rules", config.rules.flatMap(printRule)),
    ]),
    "",
  ].join("\n")
