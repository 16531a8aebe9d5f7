/**
 * PID files: a CMS takes the daemon for running while they exist, and operators send signals to what they name.
 *
 * @since 1.0.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"

/** A PID file could not be written, e.g. because its directory does not exist. */
export class PidFileError extends Data.TaggedError("PidFileError")<{
  readonly path: string
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `PID file ${this.path}: ${this.detail}`
  }
}

const text = `${process.pid}\n`

/** Replaces whatever is there in one step, a symbolic link as well, and never writes through one. */
const write = (path: string): void => {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`)
  try {
    rmSync(temporary, { force: true })
    writeFileSync(temporary, text, { flag: "wx" })
    chmodSync(temporary, 0o644)
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** Removes it where it still names this process. */
const remove = (path: string): void => {
  try {
    if (readFileSync(path, "utf8") === text) rmSync(path)
  } catch {
    // Gone already, or no longer ours to remove.
  }
}

const pidFile = (path: string) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => write(path),
      catch: (cause) =>
        new PidFileError({ path, detail: cause instanceof Error ? cause.message : String(cause), cause }),
    }),
    () => Effect.sync(() => remove(path)),
  )

/**
 * Writes these PID files (mode 0644, the decimal number of this process and a newline) and removes them when the scope
 * closes. Stale ones are replaced; their directories must exist.
 */
export const pidFiles = (paths: ReadonlyArray<string>): Effect.Effect<void, PidFileError, Scope.Scope> =>
  Effect.forEach(paths, pidFile, { discard: true })
