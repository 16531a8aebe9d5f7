/**
 * PID files: a CMS takes the daemon for running while they exist, and operators send signals to what they name.
 *
 * @since 1.0.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from "node:fs"
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

const attempt = (path: string) =>
  Effect.try({
    try: () => write(path),
    catch: (cause) => new PidFileError({ path, detail: cause instanceof Error ? cause.message : String(cause), cause }),
  })

/** Writes it again whenever it vanishes: a CMS whose PID file was cleaned away takes a running daemon for dead. */
const keep = Effect.fnUntraced(function* (path: string) {
  const vanished = yield* Queue.sliding<void>(1)
  const look = () => {
    if (!existsSync(path)) Queue.offerUnsafe(vanished, undefined)
  }
  const watching = Effect.try(() => watch(dirname(path), { persistent: false }, look).on("error", look))
  yield* Effect.acquireRelease(Effect.option(watching), (watcher) =>
    Effect.sync(() => watcher._tag === "Some" && watcher.value.close()),
  )
  const restore = Effect.suspend(() => (existsSync(path) ? Effect.void : attempt(path)))
  yield* Queue.take(vanished).pipe(
    Effect.andThen(
      Effect.catchTag(restore, "PidFileError", (error) =>
        Effect.logWarning(`it vanished and can not be written again: ${error.message}`),
      ),
    ),
    Effect.forever,
    Effect.forkScoped,
  )
})

const pidFile = (path: string) =>
  // In this order: it is kept no more when it is removed.
  Effect.andThen(
    Effect.acquireRelease(attempt(path), () => Effect.sync(() => remove(path))),
    keep(path),
  )

/**
 * Writes these PID files (mode 0644, the decimal number of this process and a newline) and removes them when the scope
 * closes. Stale ones are replaced, and one that vanishes meanwhile is written again; their directories must exist.
 */
export const pidFiles = (paths: ReadonlyArray<string>): Effect.Effect<void, PidFileError, Scope.Scope> =>
  Effect.forEach(paths, pidFile, { discard: true })
