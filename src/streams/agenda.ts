/**
 * What one server is owed by the clock: retries of what failed, removals of old names. Handed to its lane when due.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { LedgerError } from "../domain/Errors.ts"
import { Ledger } from "../domain/Ledger.ts"
import { AGENDA_BATCH, AGENDA_SLEEP_MAX } from "../domain/Limits.ts"
import { urgent } from "./backlog.ts"
import type { Lane } from "./lanes.ts"
import { makePulse } from "./pulse.ts"

/** Waits this long, in milliseconds, before it looks again at what it handed over and is still due. */
const HANDED_OVER_WAIT = 1_000

export const makeAgenda = Effect.fnUntraced(function* (lane: Lane, rested: () => void) {
  const ledger = yield* Ledger
  const clock = yield* Clock.Clock
  const pulse = makePulse()
  let handing = true

  const run = Effect.fnUntraced(function* () {
    for (;;) {
      const now = clock.currentTimeMillisUnsafe()
      const agenda = yield* ledger.agenda(lane.server, now, AGENDA_BATCH)
      for (const target of agenda.due) {
        lane.addFromAgenda({ ...urgent(target.source, target.path), urgent: false })
      }
      // What is handed over in pieces is work until the last of them is done.
      handing = agenda.due.length > 0
      if (!handing) rested()
      const wait = agenda.due.length > 0 ? HANDED_OVER_WAIT : (agenda.nextAt ?? Number.POSITIVE_INFINITY) - now
      const sleep = Effect.sleep(Math.max(1, Math.min(wait, AGENDA_SLEEP_MAX)))
      yield* Effect.raceFirst(sleep, pulse.wait)
      // Changes come in crowds; one look serves them all.
      yield* Effect.yieldNow
    }
  })

  return {
    changed: () => {
      handing = true
      pulse.wake()
    },
    isIdle: () => !handing || lane.isStuck(),
    run: run() as Effect.Effect<never, LedgerError>,
  }
})

export type Agenda = Effect.Success<ReturnType<typeof makeAgenda>>
