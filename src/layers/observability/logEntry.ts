/**
 * What a logger was told, reduced to text once for all formats. Redacted values have become their placeholders here.
 *
 * @since 1.0.0
 */
import * as Cause from "effect/Cause"
import * as Formatter from "effect/Formatter"
import type * as Logger from "effect/Logger"
import type * as EffectLogLevel from "effect/LogLevel"
import * as References from "effect/References"
import type { LogLevel } from "../../domain/Config.ts"

/** One entry of a log. Its texts are as they came: each format escapes them in its own way. */
export interface LogEntry {
  readonly at: Date
  readonly level: LogLevel
  readonly message: string
  /** What failed: one text for each reason. Of a typed error its message, of a defect its stack and its causes. */
  readonly causes: ReadonlyArray<string>
  readonly fields: ReadonlyArray<readonly [name: string, value: string]>
}

/** The name under which a level is written. */
export const nameOfLevel = (level: EffectLogLevel.LogLevel): LogLevel => {
  switch (level) {
    case "All":
    case "Trace":
    case "Debug":
      return "DEBUG"
    case "Info":
      return "INFO"
    case "Warn":
      return "WARNING"
    case "Error":
      return "ERROR"
    case "Fatal":
    case "None":
      return "CRITICAL"
  }
}

/** The level of effect that a configured level stands for. */
export const levelOfName = (name: LogLevel): EffectLogLevel.Severity => {
  switch (name) {
    case "DEBUG":
      return "Debug"
    case "INFO":
      return "Info"
    case "WARNING":
      return "Warn"
    case "ERROR":
      return "Error"
    case "CRITICAL":
      return "Fatal"
  }
}

const order: Readonly<Record<LogLevel, number>> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3, CRITICAL: 4 }

/** True where an entry of this level is to be written under this limit. */
export const reaches = (level: LogLevel, limit: LogLevel): boolean => order[level] >= order[limit]

/** The lower of two limits. */
export const lower = (one: LogLevel, other: LogLevel): LogLevel => (order[one] <= order[other] ? one : other)

const textOf = (value: unknown): string => (typeof value === "string" ? value : Formatter.format(value))

const isTyped = (value: Error): value is Error & { readonly _tag: string } =>
  "_tag" in value && typeof value._tag === "string"

// An error without words is told by its name: an empty reason helps nobody.
const saying = (error: unknown): string => {
  if (!(error instanceof Error)) return textOf(error)
  if (error.message !== "") return error.message
  return isTyped(error) ? error._tag : error.name
}

const causesOf = (cause: Cause.Cause<unknown>): Array<string> => {
  const causes: Array<string> = []
  for (const reason of cause.reasons) {
    if (reason._tag === "Fail") causes.push(saying(reason.error))
    else if (reason._tag === "Die") causes.push(Cause.pretty(Cause.die(reason.defect)))
  }
  return causes
}

/** The entry of what a logger was told. */
export const logEntry = (told: Logger.Options<unknown>): LogEntry => {
  const words: Array<string> = []
  const causes: Array<string> = []
  for (const part of Array.isArray(told.message) ? told.message : [told.message]) {
    if (!(part instanceof Error)) words.push(textOf(part))
    else if (isTyped(part)) causes.push(saying(part))
    else causes.push(Cause.pretty(Cause.die(part)))
  }
  causes.push(...causesOf(told.cause))
  const fields = Object.entries(told.fiber.getRef(References.CurrentLogAnnotations)).map(
    ([name, value]) => [name, textOf(value)] as const,
  )
  const now = told.date.getTime()
  const spans = told.fiber
    .getRef(References.CurrentLogSpans)
    .map(([label, startedAt]) => [label, `${now - startedAt}ms`] as const)
  let message = words.join(" ")
  if (words.length === 0) {
    const [first = "", ...rest] = (causes.shift() ?? "").split("\n")
    message = first
    if (rest.length > 0) causes.unshift(rest.join("\n"))
  }
  return {
    at: told.date,
    level: nameOfLevel(told.logLevel),
    message,
    causes,
    fields: [...fields, ...spans],
  }
}
