/**
 * A log file that never grows past a limit and never disturbs the daemon: what can not be written is counted, said once,
 * and written again as soon as it can.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { LOG_CHECK, LOG_FILE_BYTES, LOG_FILES, LOG_RETRY } from "../../domain/Limits.ts"
import type { LogEntry } from "./logEntry.ts"
import { counted } from "./words.ts"

/** How a log file is kept. `format` gives the line of an entry, `trouble` tells a person (on standard error). */
export interface RotatingFileOptions {
  readonly path: string
  readonly format: (entry: LogEntry) => string
  readonly trouble: (entry: LogEntry) => void
  /** Size the file may reach, in bytes. */
  readonly maxBytes?: number
  /** Older files kept: `path.1` is the youngest. 0: none. */
  readonly backups?: number
}

/** An open log file. */
export interface RotatingFile {
  readonly append: (entry: LogEntry) => void
}

interface Open {
  readonly descriptor: number
  readonly dev: bigint
  readonly ino: bigint
  /** A device or a pipe is not rotated. */
  readonly regular: boolean
  size: number
}

// A pipe without a reader must fail, not block the daemon.
const flags = fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_CREAT | (fs.constants.O_NONBLOCK ?? 0)

const openFile = (file: string): Open => {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o750 })
  const descriptor = fs.openSync(file, flags, 0o640)
  const stat = fs.fstatSync(descriptor, { bigint: true })
  return { descriptor, dev: stat.dev, ino: stat.ino, regular: stat.isFile(), size: Number(stat.size) }
}

const renameIfThere = (from: string, to: string): void => {
  try {
    fs.renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
  }
}

const shift = (file: string, backups: number): void => {
  if (backups === 0) {
    fs.rmSync(file, { force: true })
    return
  }
  for (let number = backups - 1; number >= 1; number--) renameIfThere(`${file}.${number}`, `${file}.${number + 1}`)
  renameIfThere(file, `${file}.1`)
}

/**
 * Opens a log file and appends entries, each with one synchronous write, so the last line before a crash is there. A file
 * of others' making is rotated like ours; one that was moved or removed (logrotate) is opened anew. Never fails.
 */
export const rotatingFile = Effect.fnUntraced(function* (options: RotatingFileOptions) {
  const { path: file, maxBytes = LOG_FILE_BYTES, backups = LOG_FILES } = options
  let open: Open | undefined
  let checkedAt = 0
  let failedAt: number | undefined
  let troubled = false
  let dropped = 0
  let torn = false

  const close = (): void => {
    if (open === undefined) return
    try {
      fs.closeSync(open.descriptor)
    } catch {
      // Nothing is owed any more to a descriptor that can not be closed.
    }
    open = undefined
  }

  const isStillThere = (current: Open): boolean => {
    const stat = fs.statSync(file, { bigint: true, throwIfNoEntry: false })
    return stat !== undefined && stat.ino === current.ino && stat.dev === current.dev
  }

  const ready = (now: number): Open => {
    if (open !== undefined && Math.abs(now - checkedAt) >= LOG_CHECK) {
      checkedAt = now
      if (!isStillThere(open)) close()
    }
    if (open === undefined) {
      open = openFile(file)
      checkedAt = now
    }
    return open
  }

  const write = (line: string, now: number): void => {
    const bytes = Buffer.from(`${torn ? "\n" : ""}${line}\n`)
    let current = ready(now)
    if (current.regular && current.size > 0 && current.size + bytes.length > maxBytes) {
      close()
      shift(file, backups)
      current = ready(now)
    }
    let written = 0
    try {
      while (written < bytes.length) {
        written += fs.writeSync(current.descriptor, bytes, written)
      }
      torn = false
    } finally {
      current.size += written
      // A line that was cut short ends before the next one begins.
      if (written > 0 && written < bytes.length) torn = true
    }
  }

  const note = (at: Date, level: "INFO" | "WARNING", message: string): LogEntry => ({
    at,
    level,
    message,
    causes: [],
    fields: [],
  })

  const append = (entry: LogEntry): void => {
    const now = entry.at.getTime()
    if (failedAt !== undefined && Math.abs(now - failedAt) < LOG_RETRY) {
      dropped += 1
      return
    }
    try {
      if (dropped > 0) {
        const missing = `missing here: the log file could not be written`
        const lost = note(entry.at, "WARNING", `${counted(dropped, "log line")} ${missing}`)
        write(options.format(lost), now)
      }
      const lost = dropped
      dropped = 0
      write(options.format(entry), now)
      failedAt = undefined
      if (troubled) {
        troubled = false
        options.trouble(
          note(entry.at, "INFO", `log file ${file} is written again; dropped until then: ${counted(lost, "line")}`),
        )
      }
    } catch (error) {
      close()
      dropped += 1
      failedAt = now
      if (!troubled) {
        troubled = true
        const why = error instanceof Error ? error.message : String(error)
        options.trouble(note(entry.at, "WARNING", `log file ${file} can not be written, its lines are dropped: ${why}`))
      }
    }
  }

  yield* Effect.addFinalizer(() => Effect.sync(close))
  const opened: RotatingFile = { append }
  return opened
})
