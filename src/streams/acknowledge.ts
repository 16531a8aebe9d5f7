/**
 * Writes down what a server confirmed, and only that (invariant I1).
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Delivery, DeliveryKey } from "../domain/Delivery.ts"
import { Ledger } from "../domain/Ledger.ts"
import { outdating } from "./invalidate.ts"
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

  return Effect.fnUntraced(function* (confirmation: Confirmation) {
    const { previous, takenFrom } = confirmation
    const deliveredAt = clock.currentTimeMillisUnsafe()
    const delivery: Delivery = { ...confirmation.delivery, deliveredAt, sourceDeleted: false }
    const moved = previous !== undefined && previous.destination !== delivery.destination
    const isSameContent =
      previous?.destination === delivery.destination &&
      previous.fingerprint === delivery.fingerprint &&
      previous.hash === delivery.hash &&
      delivery.hash !== ""
    yield* ledger.commit([
      ...(isSameContent ? [] : outdating(shared, delivery.server, delivery.destination, deliveredAt)),
      {
        _tag: "Delivered",
        delivery,
        ...(moved
          ? { retire: { destination: previous.destination, dueAt: deliveredAt + shared.config.settings.gracePeriod } }
          : {}),
        ...(takenFrom === undefined ? {} : { takenFrom }),
      },
    ])
    shared.outboxChanged()
    if (!isSameContent) shared.invalidationDue(delivery.server)
    if (moved) shared.agendaChanged(delivery.server)
    if (confirmation.deletesSource) shared.deletionDue()
    shared.emit({
      _tag: "Delivered",
      source: delivery.source,
      path: delivery.path,
      server: delivery.server,
      destination: delivery.destination,
      url: delivery.url,
      bytes: confirmation.bytes,
    })
  })
})
