/**
 * Deletes source files whose rule asks for it, once every destination holds them and the delay has passed.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { LedgerError, SourceError } from "../domain/Errors.ts"
import { type DeletionRule, Ledger } from "../domain/Ledger.ts"
import { AGENDA_BATCH, AGENDA_SLEEP_MAX } from "../domain/Limits.ts"
import type { RelativePath, SourceName } from "../domain/Path.ts"
import { deletionRule } from "../domain/Plan.ts"
import { SourceFiles } from "../domain/SourceFiles.ts"
import { type Item, listed } from "./backlog.ts"
import { makePulse } from "./pulse.ts"
import type { Shared } from "./shared.ts"

export const makeSweep = Effect.fnUntraced(function* (shared: Shared) {
  const ledger = yield* Ledger
  const files = yield* SourceFiles
  const clock = yield* Clock.Clock
  const pulse = makePulse()
  let busy = true
  /** Files that a lane is busy with, to be looked at when it is not. */
  const awaited = new Set<string>()
  const rules: ReadonlyArray<DeletionRule> = shared.config.rules.flatMap((rule) =>
    rule.fileDeletionDelayAfterSync === undefined
      ? []
      : [{ rule: rule.id, delay: rule.fileDeletionDelayAfterSync * 1000 }],
  )

  /** Deletes the file if all that is asked for holds right now. Returns whether there is nothing left to do for it. */
  const sweepTaken = Effect.fnUntraced(function* ({ path, source }: Item) {
    const book = shared.books.get(source)
    if (book === undefined) return true
    const state = yield* files.stat(book.source, path)
    const deliveries = yield* ledger.deliveriesOf(source, path)
    if (state === undefined) return false
    const chosen = deletionRule(book, path, state, deliveries)
    if (chosen === undefined || chosen.notBefore > clock.currentTimeMillisUnsafe()) return false
    // Written down first: should we be stopped in between, the missing file is not taken for a user's deletion. The state
    // goes with it, so a file that is still there afterwards is not forgotten either.
    yield* ledger.commit([{ _tag: "SourceDeleted", source, path, state }])
    // Old copies are removed once the map was told.
    shared.outboxChanged()
    yield* Effect.tapError(files.remove(book.source, path, state), () =>
      ledger.commit(deliveries.map((delivery) => ({ _tag: "Delivered" as const, delivery }))),
    )
    shared.emit({ _tag: "SourceDeleted", source, path })
    return true
  })

  /** No lane may be busy with it: what one delivered afterwards would be on record as of a file that a user deleted. */
  const sweep = (source: SourceName, path: RelativePath) =>
    Effect.suspend(() => {
      const item = listed(source, path, undefined)
      if (!shared.take(item)) {
        awaited.add(item.key)
        return Effect.succeed(false)
      }
      return Effect.ensuring(
        sweepTaken(item),
        Effect.sync(() => shared.leave([item])),
      )
    })

  const run = Effect.gen(function* () {
    for (;;) {
      busy = true
      awaited.clear()
      const now = clock.currentTimeMillisUnsafe()
      let done = 0
      let nextAt = Number.POSITIVE_INFINITY
      // Rule by rule, so that files which wait for a server that is down stand in nobody else's way.
      for (const rule of rules) {
        const agenda = yield* ledger.deletable([rule], now, AGENDA_BATCH)
        nextAt = Math.min(nextAt, agenda.nextAt ?? Number.POSITIVE_INFINITY)
        for (const { path, source } of agenda.due) {
          const swept = yield* sweep(source, path).pipe(
            Effect.catchTag("SourceError", (error: SourceError) =>
              Effect.logWarning(`source file not deleted: ${error.message}`).pipe(Effect.as(false)),
            ),
          )
          if (swept) done++
        }
      }
      if (done > 0) continue
      busy = false
      shared.rested()
      // What is due and could not be swept waits for another destination; that one's delivery wakes us.
      const wait = nextAt - now
      yield* Effect.raceFirst(Effect.sleep(Math.max(1, Math.min(wait, AGENDA_SLEEP_MAX))), pulse.wait)
    }
  })

  return {
    changed: () => {
      if (rules.length === 0) return
      busy = true
      pulse.wake()
    },
    /** A lane is no longer busy with this file. */
    left: ({ key }: Item) => {
      if (!awaited.has(key)) return
      busy = true
      pulse.wake()
    },
    isIdle: () => rules.length === 0 || !busy,
    run: (rules.length === 0 ? Effect.never : run) as Effect.Effect<never, LedgerError>,
  }
})

export type Sweep = Effect.Success<ReturnType<typeof makeSweep>>
