/**
 * What happened, in words a person reads.
 *
 * @since 1.0.0
 */
import type { LogLevel } from "../../domain/Config.ts"
import type { Hold } from "../../domain/Delivery.ts"
import { display } from "../../domain/Path.ts"
import type { ConveyorEvent } from "../../domain/Telemetry.ts"
import { ahead, bytes, counted, duration } from "./words.ts"

/** A line for the log. `fields` repeat for programs what the message says. */
export interface Line {
  readonly level: LogLevel
  readonly message: string
  readonly fields: Readonly<Record<string, string>>
}

/** What a line may depend on beside the event. `now` in milliseconds since the epoch. */
export interface Telling {
  readonly configFile: string
  readonly now: number
}

/** A word of a command, such that a shell takes it as one word. */
const shellWord = (text: string): string =>
  /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`

/** The command that confirms the deletions a hold keeps back. */
export const confirmCommand = (configFile: string, source: string): string =>
  `file-conveyor confirm-deletes ${shellWord(configFile)} ${shellWord(source)}`

const quoted = (name: string): string => `"${display(name)}"`

const line = (level: LogLevel, message: string, fields: Readonly<Record<string, string>>): Line => ({
  level,
  message,
  fields,
})

const held = (hold: Hold, telling: Telling): Line =>
  line(
    "WARNING",
    `deletions of ${quoted(hold.source)} are held back: ${display(hold.reason)}. ` +
      `If they are meant: ${display(confirmCommand(telling.configFile, hold.source))}`,
    { source: hold.source, missing: String(hold.missing), total: String(hold.total) },
  )

/**
 * The line of an event. Silence when healthy: what happens to single files is DEBUG, as is a scan that found nothing to
 * do; failures, servers that are down, held deletions and sources that are away are WARNING, with what follows.
 */
export const describe = (event: ConveyorEvent, telling: Telling): Line => {
  switch (event._tag) {
    case "Delivered": {
      const { source, path, server, destination, url } = event
      const message = `delivered ${display(path)} to ${quoted(server)} as ${display(destination)} (${bytes(event.bytes)})`
      return line("DEBUG", message, { source, path, server, destination, url, bytes: String(event.bytes) })
    }
    case "Removed": {
      const { source, path, server, destination } = event
      const message = `removed ${display(destination)} from ${quoted(server)} (it was ${display(path)})`
      return line("DEBUG", message, { source, path, server, destination })
    }
    case "Failed": {
      const { source, path, server, reason, attempts, nextTry } = event.failure
      const tries = attempts > 1 ? ` (${counted(attempts, "attempt")} so far)` : ""
      return line(
        "WARNING",
        `${display(path)} could not be brought to ${quoted(server)}: ${display(reason)}; next try ${ahead(nextTry, telling.now)}${tries}`,
        { source, path, server, attempts: String(attempts) },
      )
    }
    case "ServerDown": {
      const next = ahead(event.nextTry, telling.now)
      const message = `server ${quoted(event.server)} is down: ${display(event.reason)}; next try ${next}, its files wait`
      return line("WARNING", message, { server: event.server })
    }
    case "ServerUp":
      return line("INFO", `server ${quoted(event.server)} is up again`, { server: event.server })
    case "Scanned": {
      const { source, files, directories, due, millis, first } = event
      const found = `${counted(files, "file")} in ${counted(directories, "directory", "directories")}`
      const message = `scanned ${quoted(source)} in ${duration(millis)}: ${found}, ${due === 0 ? "nothing" : counted(due, "file")} to bring up to date`
      return line(first || due > 0 ? "INFO" : "DEBUG", message, {
        source,
        files: String(files),
        directories: String(directories),
        due: String(due),
        millis: String(Math.round(millis)),
      })
    }
    case "Held":
      return held(event.hold, telling)
    case "SourceAway":
      return line("WARNING", `source ${quoted(event.source)} is away: ${display(event.reason)}; nothing is deleted`, {
        source: event.source,
      })
    case "SourceBack":
      return line("INFO", `source ${quoted(event.source)} is back`, { source: event.source })
    case "SourceDeleted":
      return line("DEBUG", `deleted the source file ${display(event.path)}: every server has it`, {
        source: event.source,
        path: event.path,
      })
    case "Invalidated":
      return line(
        "DEBUG",
        `told the CDN of ${quoted(event.server)} of ${counted(event.places, "changed address", "changed addresses")}`,
        {
          server: event.server,
          places: String(event.places),
        },
      )
    case "InvalidationFailed": {
      const next = ahead(event.nextTry, telling.now)
      const message = `the CDN of ${quoted(event.server)} could not be told of ${counted(event.waiting, "changed address", "changed addresses")}: ${display(event.reason)}; next try ${next}`
      return line("WARNING", message, { server: event.server, waiting: String(event.waiting) })
    }
    case "InSync":
      return line("INFO", "in sync: every server has everything", {})
  }
}
