/**
 * Writes down what a server confirmed, and only that (invariant I1).
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Delivery, DeliveryKey } from "../domain/Delivery.ts"
import { Ledger, type LedgerChange } from "../domain/Ledger.ts"
import type { Shared } from "./shared.ts"

/** A confirmed delivery, and what it replaced. */
export interface Confirmation {
  readonly delivery: Omit<Delivery, "deliveredAt" | "sourceDeleted">
  readonly previous: Delivery | undefined
  readonly takenFrom: DeliveryKey | undefined
  readonly bytes: number
  /** The rule deletes its source files. */
  readonly deletesSource: boolean
}

export const makeAcknowledge = Effect.fnUntraced(function* (shared: Shared) {
  const ledger = yield* Ledger
  const clock = yield* Clock.Clock

  /** All of them in one commit. */
  return Effect.fnUntraced(function* (confirmations: ReadonlyArray<Confirmation>) {
    const deliveredAt = clock.currentTimeMillisUnsafe()
    const retireAt = deliveredAt + shared.config.settings.gracePeriod
    yield* ledger.commit(confirmations.map((confirmation) => changeOf(confirmation, deliveredAt, retireAt)))
    shared.outboxChanged()
    for (const confirmation of confirmations) {
      const { bytes, delivery, deletesSource } = confirmation
      if (hasMoved(confirmation)) shared.agendaChanged(delivery.server)
      if (deletesSource) shared.deletionDue()
      const { destination, path, server, source, url } = delivery
      shared.emit({ _tag: "Delivered", source, path, server, destination, url, bytes })
    }
  })
})

const hasMoved = ({ delivery, previous }: Confirmation): boolean =>
  previous !== undefined && previous.destination !== delivery.destination

const changeOf = (confirmation: Confirmation, deliveredAt: number, retireAt: number): LedgerChange => {
  const { previous, takenFrom } = confirmation
  return {
    _tag: "Delivered",
    delivery: { ...confirmation.delivery, deliveredAt, sourceDeleted: false },
    ...(previous !== undefined && hasMoved(confirmation)
      ? { retire: { destination: previous.destination, dueAt: retireAt } }
      : {}),
    ...(takenFrom === undefined ? {} : { takenFrom }),
  }
}
