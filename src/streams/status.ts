/**
 * How things stand: whether all is quiet, and whether disk and servers are in sync.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { LedgerError } from "../domain/Errors.ts"
import { Ledger } from "../domain/Ledger.ts"
import { STATUS_FAILURES_TOLD } from "../domain/Limits.ts"
import type { ServerName } from "../domain/Path.ts"
import type { ServerStatus, SourceStatus, Status } from "../domain/Telemetry.ts"
import type { Discover } from "./discover.ts"
import type { Guard } from "./guard.ts"
import type { Invalidate } from "./invalidate.ts"
import type { Lane } from "./lanes.ts"
import { makePulse, type Pulse } from "./pulse.ts"
import type { Settle } from "./settle.ts"

/** A part that can say that it has nothing to do. */
interface Restful {
  readonly isIdle: () => boolean
}

export interface StatusParts {
  readonly discoverers: ReadonlyArray<Discover>
  readonly lanes: ReadonlyArray<Lane>
  readonly settle: Settle
  readonly guard: Guard
  readonly invalidations: ReadonlyMap<ServerName, Invalidate>
  readonly others: ReadonlyArray<Restful>
  readonly onSync: () => void
}

export const makeStatus = Effect.fnUntraced(function* (parts: StatusParts) {
  const ledger = yield* Ledger
  const clock = yield* Clock.Clock
  const waiters = new Set<Pulse>()
  const { discoverers, guard, invalidations, lanes, others, settle } = parts
  let since = clock.currentTimeMillisUnsafe()
  let wasInSync = false

  /** Nothing can be done now: whatever is left waits for the clock, for a server that is down, or for a person. */
  const isQuiet = () =>
    discoverers.every((discover) => discover.isIdle()) &&
    settle.isIdle() &&
    guard.isIdle() &&
    lanes.every((lane) => lane.isIdle() || lane.isStuck()) &&
    [...invalidations.values()].every((stage) => stage.isIdle()) &&
    others.every((other) => other.isIdle())

  const rested = () => {
    // A waiter that is woken may wait again at once: it belongs to the next time, or this would never end.
    const current = Array.from(waiters)
    for (const waiter of current) waiter.wake()
  }

  /** Returns once `holds` does; it is asked whenever a part comes to rest. */
  const until = (holds: () => boolean) =>
    Effect.suspend(() => {
      const pulse = makePulse()
      waiters.add(pulse)
      return Effect.gen(function* () {
        while (!holds()) {
          yield* pulse.wait
          // Whoever rested may be about to wake somebody else.
          yield* Effect.yieldNow
        }
      }).pipe(Effect.ensuring(Effect.sync(() => waiters.delete(pulse))))
    })

  const report = Effect.fnUntraced(function* (failuresShown: number) {
    const totals = new Map((yield* ledger.totals).map((total) => [total.server, total]))
    const failures = yield* ledger.failures(failuresShown)
    const servers = lanes.map((lane): ServerStatus => {
      const { atLeast, breaker, inFlight, referring, waiting } = lane.snapshot()
      const total = totals.get(lane.server)
      const invalidation = invalidations.get(lane.server)?.snapshot()
      return {
        name: lane.server,
        state: breaker._tag === "Up" ? "up" : "down",
        reason: breaker._tag === "Up" ? undefined : breaker.reason,
        nextTry: breaker._tag === "Down" ? breaker.nextTry : undefined,
        waiting,
        referring,
        atLeast,
        inFlight,
        delivered: total?.deliveries ?? 0,
        failed: total?.failures ?? 0,
        ...(invalidation === undefined ? {} : { invalidation }),
      }
    })
    const sources = discoverers.map((discover): SourceStatus => {
      const snapshot = discover.snapshot()
      return { ...snapshot, settling: settle.waiting(snapshot.name), hold: guard.hold(snapshot.name) }
    })
    const inSync =
      isQuiet() &&
      failures.length === 0 &&
      servers.every(
        (server) => server.state === "up" && server.waiting === 0 && (server.invalidation?.waiting ?? 0) === 0,
      ) &&
      sources.every(
        (source) => source.state === "watching" && source.hold === undefined && (source.unreadable ?? []).length === 0,
      )
    if (inSync !== wasInSync) {
      wasInSync = inSync
      since = clock.currentTimeMillisUnsafe()
      if (inSync) parts.onSync()
    }
    const answer: Status = { inSync, since, sources, servers, failures }
    return answer
  })

  /** Returns at the next moment when some part comes to rest. */
  const progressed = Effect.suspend(() => {
    const pulse = makePulse()
    waiters.add(pulse)
    return Effect.ensuring(
      pulse.wait,
      Effect.sync(() => waiters.delete(pulse)),
    )
  })

  return {
    rested,
    until,
    progressed,
    quiet: until(isQuiet),
    status: report(STATUS_FAILURES_TOLD),
    /** Whether disk and servers are in sync, for whoever asks often. */
    inSync: Effect.map(report(1), (status) => status.inSync),
    /** Notices when disk and servers come into sync. */
    run: Effect.gen(function* () {
      const pulse = makePulse()
      waiters.add(pulse)
      for (;;) {
        // It is asked whenever anything rests: whether there is a failure is enough to know.
        if (isQuiet() || wasInSync) yield* report(1)
        yield* pulse.wait
        yield* Effect.yieldNow
      }
    }) as Effect.Effect<never, LedgerError>,
  }
})
