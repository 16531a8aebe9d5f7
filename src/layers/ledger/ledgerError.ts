/**
 * What the driver's errors mean for the ledger.
 *
 * @since 1.0.0
 */
import { LedgerError } from "../../domain/Errors.ts"
import { CORRUPT, FULL, NOT_A_DATABASE, resultCode, SHARED_MEMORY_FULL } from "./driver.ts"

/** The ledger's file is damaged, and what can be done about it. */
export const damaged = (file: string, what: string, cause?: unknown): LedgerError =>
  new LedgerError({
    reason: "Corrupt",
    detail:
      `${file} is damaged (${what}). Start once with --adopt: the damaged file is kept beside a new one, what servers ` +
      `already hold is found out by asking them, and only the rest is uploaded; nothing on a server is removed.`,
    cause,
  })

/** Any error that was thrown while the ledger was read or written. */
export const toLedgerError = (file: string, cause: unknown): LedgerError => {
  if (cause instanceof LedgerError) return cause
  const what = cause instanceof Error ? cause.message : String(cause)
  const code = resultCode(cause)
  if (code === SHARED_MEMORY_FULL || (code !== undefined && (code & 0xff) === FULL)) {
    return new LedgerError({
      reason: "OutOfSpace",
      detail: `no room left on the disk of ${file}: free some; work goes on by itself`,
      cause,
    })
  }
  if (code !== undefined && ((code & 0xff) === CORRUPT || (code & 0xff) === NOT_A_DATABASE)) {
    return damaged(file, what, cause)
  }
  return new LedgerError({ reason: "Failed", detail: `${file}: ${what}`, cause })
}
