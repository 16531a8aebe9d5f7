/**
 * Tells the CDN in front of a server which addresses changed or went away. What it has still to be told is in the ledger;
 * it is told many at once, after the uploads and never in their way.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type LedgerError, TransportError } from "../domain/Errors.ts"
import type { Invalidator } from "../domain/Invalidator.ts"
import { Ledger, type LedgerChange } from "../domain/Ledger.ts"
import {
  INVALIDATION_BATCH,
  INVALIDATION_DELAY_MAX,
  INVALIDATION_PATIENCE,
  INVALIDATION_QUIET,
  INVALIDATION_TOTAL,
  SERVER_RETRY_MAX,
} from "../domain/Limits.ts"
import type { RemotePath, ServerName } from "../domain/Path.ts"
import type { InvalidationStatus } from "../domain/Telemetry.ts"
import { backoff } from "./breaker.ts"
import { makePulse } from "./pulse.ts"
import type { Shared } from "./shared.ts"

/** What comes in front of the change of a place on a server, in one commit with it. */
export const outdating = (
  shared: Shared,
  server: ServerName,
  destination: RemotePath,
  by: "replaced" | "removed",
  since: number,
): ReadonlyArray<LedgerChange> =>
  shared.invalidates(server) ? [{ _tag: "Outdated", server, destination, by, since }] : []

export interface InvalidateOptions {
  readonly shared: Shared
  readonly server: ServerName
  readonly invalidator: Invalidator
}

/** What went wrong last: until when the CDN is left alone, and how often in a row it could not be told. */
interface Trouble {
  readonly reason: string
  readonly nextTry: number
  readonly attempts: number
  readonly isThrottled: boolean
}

export const makeInvalidate = Effect.fnUntraced(function* (options: InvalidateOptions) {
  const { invalidator, server, shared } = options
  const ledger = yield* Ledger
  const clock = yield* Clock.Clock
  const pulse = makePulse()
  let busy = true
  let waiting = 0
  let lastChange = 0
  let trouble: Trouble | undefined
  let asked = false

  /** Returns when no address came for a while, or the first has waited long enough. */
  const gather = Effect.fnUntraced(function* (since: number) {
    lastChange = Math.max(lastChange, Math.min(since, clock.currentTimeMillisUnsafe()))
    for (;;) {
      const until = Math.min(lastChange + INVALIDATION_QUIET, since + INVALIDATION_DELAY_MAX)
      const now = clock.currentTimeMillisUnsafe()
      // A clock that was set back must not make anybody wait for longer.
      if (until <= now || until > now + INVALIDATION_DELAY_MAX) return
      yield* Effect.sleep(until - now)
    }
  })

  /** Returns when the CDN may be tried again, or a person asks for it. */
  const rest = Effect.fnUntraced(function* () {
    for (;;) {
      if (trouble === undefined || asked) break
      const wait = trouble.nextTry - clock.currentTimeMillisUnsafe()
      if (wait <= 0) break
      yield* Effect.raceFirst(Effect.sleep(wait), pulse.wait)
    }
    asked = false
  })

  const order = (places: ReadonlyArray<RemotePath>) =>
    Effect.timeoutOrElse(invalidator.invalidate(places), {
      duration: INVALIDATION_TOTAL,
      orElse: () =>
        Effect.fail(
          new TransportError({
            server,
            operation: "invalidate",
            reason: { _tag: "Unreachable" },
            detail: "the CDN did not answer in time",
          }),
        ),
    })

  const failed = Effect.fnUntraced(function* (error: TransportError) {
    const attempts = (trouble?.attempts ?? 0) + 1
    const asksToWait = error.reason._tag === "Throttled" ? (error.reason.retryAfterMillis ?? 0) : 0
    const wait = Math.max(asksToWait, yield* backoff(attempts, SERVER_RETRY_MAX))
    trouble = {
      reason: error.message,
      nextTry: clock.currentTimeMillisUnsafe() + wait,
      attempts,
      isThrottled: error.reason._tag === "Throttled",
    }
    shared.emit({ _tag: "InvalidationFailed", server, reason: trouble.reason, waiting, nextTry: trouble.nextTry })
    shared.rested()
  })

  /** One order, of what waits now. */
  const tell = Effect.fnUntraced(function* () {
    const { places, through, total } = yield* ledger.outdated(server, INVALIDATION_BATCH)
    waiting = total
    if (places.length === 0) return
    const refusal = yield* Effect.match(order(places), { onSuccess: () => undefined, onFailure: (error) => error })
    if (refusal !== undefined) return yield* failed(refusal)
    yield* ledger.commit([{ _tag: "Invalidated", server, through }])
    trouble = undefined
    shared.emit({ _tag: "Invalidated", server, places: places.length })
  })

  const run = Effect.gen(function* () {
    for (;;) {
      const { since, total } = yield* ledger.outdated(server, 1)
      waiting = total
      if (since === undefined) {
        trouble = undefined
        busy = false
        shared.rested()
        yield* pulse.wait
        continue
      }
      busy = true
      yield* gather(since)
      yield* rest()
      yield* tell()
    }
  })

  return {
    server,
    /** A place went out of date. */
    changed: () => {
      busy = true
      lastChange = clock.currentTimeMillisUnsafe()
      pulse.wake()
    },
    /** Tries at once what failed before. */
    retryNow: () => {
      asked = true
      pulse.wake()
    },
    /** Nothing can be done now: nothing to tell, or nobody who listens. */
    isIdle: () =>
      !busy || (trouble !== undefined && (!trouble.isThrottled || trouble.attempts >= INVALIDATION_PATIENCE)),
    snapshot: (): InvalidationStatus => ({ waiting, reason: trouble?.reason, nextTry: trouble?.nextTry }),
    run: run as Effect.Effect<never, LedgerError>,
  }
})

export type Invalidate = Effect.Success<ReturnType<typeof makeInvalidate>>
