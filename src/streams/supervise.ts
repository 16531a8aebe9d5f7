/**
 * Every part of the graph is restarted by itself; a defect in one is logged with its cause and never stops another. Only a
 * broken ledger stops the daemon.
 *
 * @since 1.0.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { LedgerError } from "../domain/Errors.ts"
import { RESTART_FIRST, RESTART_MAX } from "../domain/Limits.ts"

/** A part of the graph. It never ends by itself. */
export interface Stage<E> {
  readonly name: string
  readonly run: Effect.Effect<never, E>
}

/** A part that ran this long, in milliseconds, starts over with the shortest wait. */
const HEALTHY = 60_000

const isFatal = (error: unknown): error is LedgerError => error instanceof LedgerError && error.reason !== "OutOfSpace"

/** Runs a part for ever, restarting it after each failure; fails only with a broken ledger. */
export const supervised = Effect.fnUntraced(function* <E>(stage: Stage<E>): Effect.fn.Return<never, LedgerError> {
  const clock = yield* Clock.Clock
  let failures = 0
  let lastMessage = ""
  for (;;) {
    const startedAt = clock.currentTimeMillisUnsafe()
    const cause = yield* Effect.flip(Effect.sandbox(stage.run))
    if (Cause.hasInterrupts(cause)) return yield* Effect.failCause(cause as Cause.Cause<never>)
    const error = Cause.squash(cause)
    if (isFatal(error)) return yield* error
    failures = clock.currentTimeMillisUnsafe() - startedAt > HEALTHY ? 1 : failures + 1
    const wait = Math.min(RESTART_FIRST * 2 ** (failures - 1), RESTART_MAX)
    const message = error instanceof Error ? error.message : String(error)
    const isDefect = Cause.hasDies(cause)
    const log =
      message === lastMessage
        ? Effect.logDebug(`still failing: ${message}`)
        : isDefect
          ? Effect.logError(`failed unexpectedly, restarting in ${wait} ms`, cause)
          : Effect.logWarning(`${message}; trying again in ${wait} ms`)
    lastMessage = message
    yield* Effect.annotateLogs(log, { part: stage.name })
    yield* Effect.sleep(wait)
  }
})
