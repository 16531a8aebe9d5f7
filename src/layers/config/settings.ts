/**
 * `<settings>`: how the daemon works.
 *
 * @since 1.0.0
 */
import * as Path from "node:path"
import * as Schema from "effect/Schema"
import type { LogLevel, Monitor, Settings, Symlinks } from "../../domain/Config.ts"
import { GRACE_PERIOD, PROCESSOR_CACHE_BYTES, PROCESSOR_TIME } from "../../domain/Limits.ts"
import { absolute, type Context } from "./Context.ts"
import type { Element } from "./Element.ts"
import { decodeFields, type Field, type FieldWords, onlyText, textField } from "./fields.ts"
import { Mistakes } from "./mistakes.ts"
import { nearest } from "./nearest.ts"
import { choice, count, duration, flag, localPath, VALUE, value, Wrong } from "./values.ts"

/** How a source is watched. */
export const monitor: Schema.Codec<Monitor, string> = choice("auto", "native", "chokidar", "polling")

/** What is done with symbolic links. */
export const symlinks: Schema.Codec<Symlinks, string> = choice("inside", "follow", "skip")

const levels = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] as const

const logLevel = value<LogLevel>(
  (input) => {
    const near = nearest(input, levels)
    return (
      levels.find((level) => level === input.toUpperCase()) ??
      new Wrong(
        `is ${VALUE}, which is no log level`,
        `${near === undefined ? "" : `Did you mean "${near}"? `}Valid levels: ${levels.join(", ")}.`,
      )
    )
  },
  (level) => level,
)

/** Counts of things at work at once: more than this is a typing mistake. */
const AT_ONCE_MAX = 100_000

const amount = (minimum: number, what: string, cure: string) =>
  value<number>(
    (input) => {
      const match = /^(\d{1,12}(?:\.\d{1,3})?)\s*([kKmMgG]?)$/.exec(input)
      const unit = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[(match?.[2] ?? "").toLowerCase()] ?? 1
      const bytes = match === null ? -1 : Math.round(Number(match[1]) * unit)
      return bytes >= minimum && Number.isSafeInteger(bytes) ? bytes : new Wrong(`is ${VALUE}, which is ${what}`, cure)
    },
    (bytes) => String(bytes),
  )

const bytesPerSecond = amount(
  1,
  "no rate",
  "Write bytes per second, e.g. 500000, 500k or 2M (k is 1024). Leave it out for no limit.",
)

/** Less than this does not even start. */
const MEMORY_MIN = 64 * 1024 ** 2

const memory = amount(
  MEMORY_MIN,
  "not enough memory or no amount of it",
  "Write bytes, at least 64M, e.g. 512M or 2G (M is 1024 x 1024).",
)

const room = amount(0, "no amount of bytes", "Write bytes, e.g. 500M or 2G (M is 1024 x 1024), or 0 to keep nothing.")

/** A share as a percentage that reads back as the same number. */
export const percentage = (share: number): string => {
  for (let digits = 3; digits <= 17; digits++) {
    const text = (share * 100).toPrecision(digits)
    if (Number(text) / 100 === share && !text.includes("e")) return `${Number(text)}%`
  }
  return `${share * 100}%`
}

const share = value<number>((input) => {
  const match = /^(\d{1,3}(?:\.\d{1,12})?)\s*%$/.exec(input)
  const percent = match === null ? Number.NaN : Number(match[1])
  return percent <= 100
    ? percent / 100
    : new Wrong(`is ${VALUE}, which is no share`, "Write a percentage from 0% to 100%; 100% turns the guard off.")
}, percentage)

const address = value<string>(
  (input) => {
    const match = /^(?:(\[[0-9a-fA-F:.%\w]+\]|[^\s:/[\]@]+):)?(\d{1,5})$/.exec(input)
    const port = match === null ? 0 : Number(match[2])
    return port >= 1 && port <= 65_535
      ? `${match?.[1] ?? "127.0.0.1"}:${port}`
      : new Wrong(
          `is ${VALUE}, which is no address`,
          "Write a port (then only this machine can see it) or address:port, e.g. 8080, 0.0.0.0:8080, [::1]:8080.",
        )
  },
  (input) => input,
)

const optional = Schema.optionalKey

/** Every setting there is. */
export const settingsElements = Schema.Struct({
  stateDir: optional(localPath),
  syncedFilesDb: optional(localPath),
  workingDir: optional(localPath),
  logFile: optional(localPath),
  fileLogLevel: optional(logLevel),
  consoleLogLevel: optional(logLevel),
  pidFile: optional(localPath),
  maxFilesInPipeline: optional(count(1, AT_ONCE_MAX)),
  maxSimultaneousProcessorChains: optional(count(1, AT_ONCE_MAX)),
  maxSimultaneousTransporters: optional(count(1, AT_ONCE_MAX)),
  retryInterval: optional(duration("s")),
  restartAfterUnhandledException: optional(flag),
  restartInterval: optional(duration("s")),
  settle: optional(duration("ms")),
  reconcileInterval: optional(duration("s")),
  monitor: optional(monitor),
  symlinks: optional(symlinks),
  maxDeletes: optional(share),
  bandwidthLimit: optional(bytesPerSecond),
  status: optional(address),
  gracePeriod: optional(duration("s")),
  processorTimeout: optional(duration("s")),
  processorMemory: optional(memory),
  processorCache: optional(room),
})

/** The only setting that may be repeated, so each is decoded by itself. */
const pidFileElement = Schema.Struct({ pidFile: localPath })

const supervised = ["restartAfterUnhandledException", "restartInterval"]

/** The settings that are right by themselves, where some are not. */
const salvage = (fields: ReadonlyArray<Field>, words: FieldWords): typeof settingsElements.Type =>
  Object.assign({}, ...fields.map((field) => decodeFields(settingsElements, [field], words, new Mistakes("")) ?? {}))

/** The settings, and the names of those that were given wrong and stand at their defaults instead. */
export interface DecodedSettings {
  readonly settings: Settings
  readonly wrong: ReadonlySet<string>
}

/** Decodes `<settings>` and fills in every default; mistakes are noted. */
export const decodeSettings = (element: Element | undefined, context: Context): DecodedSettings => {
  const fields = (element?.children ?? []).map((child) => {
    onlyText(child, context.mistakes)
    return textField(child)
  })
  const words = {
    owner: element ?? { offset: 0, element: "settings" },
    kind: "setting",
    subject: "",
    separator: "/",
  } as const
  const single = fields.filter((field) => field.name !== "pidFile")
  const given = decodeFields(settingsElements, single, words, context.mistakes) ?? salvage(single, words)
  const wrong = new Set(
    fields.map((field) => field.name).filter((name) => name !== "pidFile" && !Object.hasOwn(given, name)),
  )
  if (element !== undefined) {
    for (const attribute of element.attributes) {
      context.mistakes.add(
        attribute,
        "<settings> takes no attributes",
        `Write it as an element: <${attribute.name}>...</${attribute.name}>.`,
      )
    }
    if (element.text.written !== "") {
      context.mistakes.add(element, "<settings> holds text where only elements belong", "Remove the text.")
    }
  }
  const pidFiles = fields
    .filter((field) => field.name === "pidFile")
    .flatMap((field) => {
      const decoded = decodeFields(pidFileElement, [field], words, context.mistakes)
      return decoded === undefined ? [] : [absolute(context, decoded.pidFile)]
    })
  for (const name of supervised.filter((word) => fields.some((field) => field.name === word))) {
    context.warnings.push(`<${name}> has no effect any more: every part is supervised and restarted by itself.`)
  }
  const path = (written: string | undefined) => (written === undefined ? undefined : absolute(context, written))
  const stateDir = absolute(context, given.stateDir ?? ".file-conveyor")
  const settings: Settings = {
    stateDir,
    syncedFilesDb: absolute(context, given.syncedFilesDb ?? "synced_files.db"),
    workingDir: path(given.workingDir) ?? Path.join(stateDir, "work"),
    logFile: path(given.logFile),
    fileLogLevel: given.fileLogLevel ?? "INFO",
    consoleLogLevel: given.consoleLogLevel ?? "INFO",
    pidFiles,
    maxFilesInPipeline: given.maxFilesInPipeline ?? 256,
    maxSimultaneousProcessorChains: given.maxSimultaneousProcessorChains ?? Math.max(1, context.cores),
    maxSimultaneousTransporters: given.maxSimultaneousTransporters ?? 16,
    retryInterval: given.retryInterval ?? 30_000,
    settle: given.settle,
    reconcileInterval: given.reconcileInterval ?? 3_600_000,
    monitor: given.monitor ?? "auto",
    symlinks: given.symlinks ?? "inside",
    maxDeletes: { share: given.maxDeletes ?? 0.5 },
    bandwidthLimit: given.bandwidthLimit,
    status: given.status,
    gracePeriod: given.gracePeriod ?? GRACE_PERIOD,
    processorTimeout: given.processorTimeout ?? PROCESSOR_TIME,
    processorMemory: given.processorMemory,
    processorCache: given.processorCache ?? PROCESSOR_CACHE_BYTES,
  }
  return { settings, wrong }
}
