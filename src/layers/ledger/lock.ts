/**
 * One process per state directory. The lock is the kernel's: it ends with the process, however that ends, so there is
 * nothing stale to clean up. `lock` is the file that is locked, `holder.json` says to people who holds it.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { LedgerError, StateDirectoryHeld } from "../../domain/Errors.ts"
import { BUSY, createFile, type Database, open, resultCode } from "./driver.ts"

/** Who holds a state directory; `since` in milliseconds since the epoch. */
export interface Holder {
  readonly pid: number
  readonly host: string
  readonly since: number
}

const holderFile = (directory: string): string => join(directory, "holder.json")

const parseHolder = (text: string): Holder | undefined => {
  const value: unknown = JSON.parse(text)
  if (typeof value !== "object" || value === null) return undefined
  const { host, pid, since } = value as Partial<Record<keyof Holder, unknown>>
  return typeof pid === "number" && typeof host === "string" && typeof since === "number"
    ? { pid, host, since }
    : undefined
}

/** Who holds this directory or held it last; undefined where nobody can tell. */
export const readHolder = (directory: string): Holder | undefined => {
  try {
    return parseHolder(readFileSync(holderFile(directory), "utf8"))
  } catch {
    return undefined
  }
}

const describe = (holder: Holder | undefined): string =>
  holder === undefined
    ? "an unknown process"
    : `process ${holder.pid} on ${holder.host}, since ${new Date(holder.since).toISOString()}`

const writeHolder = (directory: string, holder: Holder): void => {
  const temporary = `${holderFile(directory)}.${holder.pid}`
  writeFileSync(temporary, `${JSON.stringify(holder)}\n`, { mode: 0o600 })
  renameSync(temporary, holderFile(directory))
}

/** An exclusive transaction that never writes locks the file and leaves nothing behind. */
const acquire = (directory: string, since: number): Database => {
  const file = join(directory, "lock")
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  createFile(file, 0o600)
  const database = open(file)
  try {
    database.exec("PRAGMA journal_mode = DELETE")
    database.exec("BEGIN EXCLUSIVE")
    writeHolder(directory, { pid: process.pid, host: hostname(), since })
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

const isBusy = (error: unknown): boolean => {
  const code = resultCode(error)
  return code !== undefined && (code & 0xff) === BUSY
}

const failure = (directory: string, error: unknown): StateDirectoryHeld | LedgerError =>
  isBusy(error)
    ? new StateDirectoryHeld({ directory, holder: describe(readHolder(directory)) })
    : new LedgerError({
        reason: "Failed",
        detail: `the state directory ${directory} can not be used: ${error instanceof Error ? error.message : String(error)}`,
        cause: error,
      })

/**
 * Holds a state directory (made with mode 0700 when missing) until the scope closes. Fails with `StateDirectoryHeld` at
 * once while another process, or another part of this one, holds it.
 */
export const holdStateDirectory = (
  directory: string,
): Effect.Effect<void, StateDirectoryHeld | LedgerError, Scope.Scope> =>
  Effect.clockWith((clock) =>
    Effect.acquireRelease(
      Effect.try({
        try: () => acquire(directory, clock.currentTimeMillisUnsafe()),
        catch: (error) => failure(directory, error),
      }),
      (database) =>
        Effect.sync(() => {
          rmSync(holderFile(directory), { force: true })
          database.exec("ROLLBACK")
          database.close()
        }),
    ),
  ).pipe(Effect.asVoid)
