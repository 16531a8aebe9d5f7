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
import type { Status as ConveyorStatus, ServerStatus, SourceStatus } from "../domain/Telemetry.ts"
import type { Stages } from "./arrows.ts"
import { makePulse, type Pulse } from "./pulse.ts"
import type { ServerStages } from "./servers.ts"
import type { Shared } from "./shared.ts"

export interface StatusParts extends Omit<Stages, "status"> {
  readonly shared: Shared
}

const isAtRest = ({ agenda, invalidate, lane }: ServerStages): boolean =>
  (lane.isIdle() || lane.isStuck()) && agenda.isIdle() && invalidate?.isIdle() !== false

export const makeStatus = Effect.fnUntraced(function* (parts: StatusParts) {
  const ledger = yield* Ledger
  const clock = yield* Clock.Clock
  const waiters = new Set<Pulse>()
  const { guard, publish, settle, shared, sweep } = parts
  const discoverers = [...parts.sources.values()]
  const servers = [...parts.servers.values()]
  let since = clock.currentTimeMillisUnsafe()
  let wasInSync = false

  /** Nothing can be done now: whatever is left waits for the clock, for a server that is down, or for a person. */
  const isQuiet = () =>
    discoverers.every((discover) => discover.isIdle()) &&
    settle.isIdle() &&
    guard.isIdle() &&
    servers.every(isAtRest) &&
    sweep.isIdle() &&
    publish.isIdle()

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
    const ofServers = servers.map(({ invalidate, lane }): ServerStatus => {
      const { atLeast, breaker, inFlight, referring, waiting } = lane.snapshot()
      const total = totals.get(lane.server)
      const invalidation = invalidate?.snapshot()
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
      ofServers.every(
        (server) => server.state === "up" && server.waiting === 0 && (server.invalidation?.waiting ?? 0) === 0,
      ) &&
      sources.every(
        (source) => source.state === "watching" && source.hold === undefined && (source.unreadable ?? []).length === 0,
      )
    if (inSync !== wasInSync) {
      wasInSync = inSync
      since = clock.currentTimeMillisUnsafe()
      if (inSync) shared.emit({ _tag: "InSync" })
    }
    const answer: ConveyorStatus = { inSync, since, sources, servers: ofServers, failures }
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

export type Status = Effect.Success<ReturnType<typeof makeStatus>>
