/**
 * Where log lines go: standard error, and a file where one is configured.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import type { Settings } from "../../domain/Config.ts"
import { levelOfName, logEntry, type LogEntry, lower, reaches } from "./logEntry.ts"
import { defaultLogFormat, jsonFormat, type LogFormat, logfmtFormat, plainFormat, prettyFormat } from "./logFormats.ts"
import { rotatingFile } from "./rotatingFile.ts"
import { StandardError } from "./standardError.ts"

/** What is logged, and how. `format` undefined: {@link defaultLogFormat}. */
export interface LoggingOptions extends Pick<Settings, "consoleLogLevel" | "fileLogLevel" | "logFile"> {
  readonly format: LogFormat | undefined
}

const consoleFormat = (format: LogFormat, colored: boolean): ((entry: LogEntry) => string) => {
  switch (format) {
    case "pretty":
      return prettyFormat(colored)
    case "json":
      return jsonFormat
    case "logfmt":
      return logfmtFormat
  }
}

const fileFormat = (format: LogFormat | undefined): ((entry: LogEntry) => string) => {
  switch (format) {
    case "json":
      return jsonFormat
    case "logfmt":
      return logfmtFormat
    case "pretty":
    case undefined:
      return plainFormat
  }
}

/**
 * Replaces effect's loggers by ours, and sets the minimum level to the lower of the two. The file is closed with the
 * layer's Scope.
 */
export const loggingLayer = (options: LoggingOptions): Layer.Layer<never, never, StandardError> => {
  const logger = Effect.gen(function* () {
    const standardError = yield* StandardError
    const format = options.format ?? defaultLogFormat(standardError.isTerminal)
    const lineOf = consoleFormat(format, standardError.colored)
    const show = (entry: LogEntry): void => {
      if (reaches(entry.level, options.consoleLogLevel)) standardError.writeLine(lineOf(entry))
    }
    const file =
      options.logFile === undefined
        ? undefined
        : yield* rotatingFile({
            path: options.logFile,
            format: fileFormat(options.format),
            // Said whatever the level of the console is: nobody could find it in the file.
            trouble: (entry) => standardError.writeLine(lineOf(entry)),
          })
    return Logger.make<unknown, void>((told) => {
      const entry = logEntry(told)
      show(entry)
      if (file !== undefined && reaches(entry.level, options.fileLogLevel)) file.append(entry)
    })
  })
  const limit =
    options.logFile === undefined ? options.consoleLogLevel : lower(options.consoleLogLevel, options.fileLogLevel)
  return Layer.mergeAll(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, levelOfName(limit)))
}
