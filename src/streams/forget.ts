/**
 * Writes down that deliveries are wanted no more. What is left at their places is removed by the lanes, when their agendas
 * say so: that needs the server, this does not.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Delivery } from "../domain/Delivery.ts"
import { Ledger, type LedgerChange } from "../domain/Ledger.ts"
import type { ServerName } from "../domain/Path.ts"
import type { makeReferrers } from "./referrers.ts"
import type { Shared } from "./shared.ts"

export const makeForget = Effect.fnUntraced(function* (
  shared: Shared,
  referrers: Effect.Success<ReturnType<typeof makeReferrers>>,
) {
  const ledger = yield* Ledger
  const clock = yield* Clock.Clock

  /** In one commit. */
  return Effect.fnUntraced(function* (deliveries: ReadonlyArray<Delivery>) {
    if (deliveries.length === 0) return
    const retireAt = clock.currentTimeMillisUnsafe()
    const linkedUntil = retireAt + shared.config.settings.gracePeriod
    const byServer = new Map<ServerName, Array<Delivery>>()
    const changes: Array<LedgerChange> = []
    for (const delivery of deliveries) {
      const { path, rule, server, source } = delivery
      changes.push({ _tag: "Forgotten", key: { source, path, rule, server }, retireAt, linkedUntil })
      const group = byServer.get(server)
      if (group === undefined) byServer.set(server, [delivery])
      else group.push(delivery)
    }
    yield* ledger.commit(changes)
    shared.outboxChanged()
    for (const [server, gone] of byServer) {
      shared.agendaChanged(server)
      yield* referrers(server, gone)
    }
  })
})

export type Forget = Effect.Success<ReturnType<typeof makeForget>>
