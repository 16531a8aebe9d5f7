/**
 * The failures of one server that are on record: written down with their next try, and ended.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Failure, Target } from "../domain/Delivery.ts"
import type { LedgerError } from "../domain/Errors.ts"
import { Ledger } from "../domain/Ledger.ts"
import type { ServerName } from "../domain/Path.ts"
import type { Item } from "./backlog.ts"
import { backoff } from "./breaker.ts"
import type { Shared } from "./shared.ts"

export const makeFailures = Effect.fnUntraced(function* (shared: Shared, server: ServerName) {
  const ledger = yield* Ledger
  const clock = yield* Clock.Clock
  /** How many there are: mostly none, and then nobody need ask. */
  let count = (yield* ledger.totals).find((total) => total.server === server)?.failures ?? 0

  const targetOf = ({ path, source }: Item): Target => ({ source, path, server })

  /** Whether this file has one. */
  const has = (item: Item): Effect.Effect<boolean, LedgerError> =>
    count === 0
      ? Effect.succeed(false)
      : Effect.map(ledger.failureOf(targetOf(item)), (failure) => failure !== undefined)

  /** This file failed, perhaps again: it is tried later, each time after a longer while. */
  const add = Effect.fnUntraced(function* (item: Item, reason: string) {
    const target = targetOf(item)
    const before = yield* ledger.failureOf(target)
    const attempts = (before?.attempts ?? 0) + 1
    const now = clock.currentTimeMillisUnsafe()
    const nextTry = now + (yield* backoff(attempts, shared.config.settings.retryInterval))
    const failure: Failure = { ...target, reason, attempts, since: before?.since ?? now, nextTry }
    if (before === undefined) count++
    yield* ledger.commit([{ _tag: "Failed", failure }])
    shared.agendaChanged(server)
    shared.emit({ _tag: "Failed", failure })
  })

  /** The failure of this file ended. */
  const clear = (item: Item): Effect.Effect<void, LedgerError> =>
    Effect.suspend(() => {
      count--
      return ledger.commit([{ _tag: "Cleared", target: targetOf(item) }])
    })

  return { any: () => count > 0, has, add, clear }
})
