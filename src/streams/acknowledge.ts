/**
 * Writes down what a server confirmed, and only that (invariant I1).
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Delivery, DeliveryKey, Target } from "../domain/Delivery.ts"
import type { Link } from "../domain/Link.ts"
import { Ledger, type LedgerChange } from "../domain/Ledger.ts"
import type { makeReferrers } from "./referrers.ts"
import type { Shared } from "./shared.ts"

/** A confirmed delivery, and what it replaced. */
export interface Confirmation {
  readonly delivery: Omit<Delivery, "deliveredAt" | "sourceDeleted">
  readonly previous: Delivery | undefined
  readonly takenFrom: DeliveryKey | undefined
  readonly bytes: number
  /** What it refers to; absent: nothing. */
  readonly links?: ReadonlyArray<Link>
  /** The rule deletes its source files. */
  readonly deletesSource: boolean
}

export const makeAcknowledge = Effect.fnUntraced(function* (
  shared: Shared,
  referrers: Effect.Success<ReturnType<typeof makeReferrers>>,
) {
  const ledger = yield* Ledger
  const clock = yield* Clock.Clock

  /** All of them, of one server, in one commit. */
  return Effect.fnUntraced(function* (confirmations: ReadonlyArray<Confirmation>) {
    const deliveredAt = clock.currentTimeMillisUnsafe()
    const retireAt = deliveredAt + shared.config.settings.gracePeriod
    yield* ledger.commit(confirmations.map((confirmation) => changeOf(confirmation, deliveredAt, retireAt)))
    shared.outboxChanged()
    for (const confirmation of confirmations) {
      const { bytes, delivery, deletesSource } = confirmation
      // What it referred to before may be free to go.
      if (hasMoved(confirmation) || confirmation.links !== undefined) shared.agendaChanged(delivery.server)
      if (deletesSource) shared.deletionDue()
      const { destination, path, server, source, url } = delivery
      shared.emit({ _tag: "Delivered", source, path, server, destination, url, bytes })
    }
    const [first] = confirmations
    if (first !== undefined) yield* referrers(first.delivery.server, confirmations.flatMap(concerned))
  })
})

const hasMoved = ({ delivery, previous }: Confirmation): boolean =>
  previous !== undefined && previous.destination !== delivery.destination

/** Files that are elsewhere now, and the delivered one itself where it refers to files that may be. */
const concerned = (confirmation: Confirmation): ReadonlyArray<Target> => {
  const { delivery, links = [], previous, takenFrom } = confirmation
  const isSettled = previous !== undefined && !hasMoved(confirmation) && links.length === 0
  return [...(isSettled ? [] : [delivery]), ...(takenFrom === undefined ? [] : [takenFrom])]
}

const changeOf = (confirmation: Confirmation, deliveredAt: number, retireAt: number): LedgerChange => {
  const { previous, takenFrom } = confirmation
  return {
    _tag: "Delivered",
    delivery: { ...confirmation.delivery, deliveredAt, sourceDeleted: false },
    ...(previous !== undefined && hasMoved(confirmation)
      ? { retire: { destination: previous.destination, dueAt: retireAt } }
      : {}),
    ...(takenFrom === undefined ? {} : { takenFrom }),
    links: confirmation.links ?? [],
  }
}
