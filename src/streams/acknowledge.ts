/**
 * Writes down what a server confirmed, and only that (invariant I1).
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { placesOf } from "../domain/Companion.ts"
import type { Delivery, DeliveryKey, Target } from "../domain/Delivery.ts"
import type { Link } from "../domain/Link.ts"
import { Ledger, type LedgerChange, type Uploads } from "../domain/Ledger.ts"
import { UPLOAD_DOUBT } from "../domain/Limits.ts"
import type { RemotePath, ServerName } from "../domain/Path.ts"
import { outdating } from "./invalidate.ts"
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

  /**
   * Uploads to these places begin. Should answers get lost, or we be stopped, the places are put right afterwards:
   * delivered again or cleared away. Gives their number.
   */
  const begin = Effect.fnUntraced(function* (server: ServerName, places: Uploads["places"]) {
    const id = shared.nextUpload()
    const removeAt = clock.currentTimeMillisUnsafe() + UPLOAD_DOUBT
    yield* ledger.commit([{ _tag: "Placing", uploads: { id, server, removeAt, places } }])
    return id
  })

  /** Uploads ended: what was confirmed is written down, in one commit with which places hold nobody knows what. */
  const end = Effect.fnUntraced(function* (
    server: ServerName,
    id: number,
    confirmations: ReadonlyArray<Confirmation>,
    unknown: ReadonlyArray<RemotePath>,
  ) {
    const deliveredAt = clock.currentTimeMillisUnsafe()
    const retireAt = deliveredAt + shared.config.settings.gracePeriod
    const changes: Array<LedgerChange> = [{ _tag: "Placed", id, unknown }]
    const invalidates = shared.invalidates(server)
    for (const confirmation of confirmations) {
      if (invalidates) changes.push(...outdatingBy(shared, confirmation, deliveredAt))
      changes.push(changeOf(confirmation, deliveredAt, retireAt))
    }
    yield* ledger.commit(changes)
    if (unknown.length > 0 || confirmations.some(letsGo)) shared.agendaChanged(server)
    if (confirmations.length === 0) return
    shared.outboxChanged()
    shared.invalidationDue(server)
    if (confirmations.some((confirmation) => confirmation.deletesSource)) shared.deletionDue()
    for (const { bytes, delivery } of confirmations) {
      const { destination, path, source, url } = delivery
      shared.emit({ _tag: "Delivered", source, path, server, destination, url, bytes })
    }
    const moved: Array<Target> = []
    for (const confirmation of confirmations) addConcerned(confirmation, moved)
    yield* referrers(server, moved)
  })

  return { begin, end }
})

const hasMoved = ({ delivery, previous }: Confirmation): boolean =>
  previous !== undefined && previous.destination !== delivery.destination

/** Something else is or was published beside it. */
const hasCompanions = ({ delivery, previous }: Confirmation): boolean =>
  delivery.companions !== undefined || previous?.companions !== undefined

/**
 * Readers get what they got before: the same content, made in the same way, at the same place. Of a file that refers to
 * others nobody knows: the same reference may have got another address.
 */
const isSameContent = ({ delivery, links = noLinks, previous }: Confirmation): boolean =>
  links.length === 0 &&
  previous?.destination === delivery.destination &&
  previous.fingerprint === delivery.fingerprint &&
  previous.hash === delivery.hash &&
  delivery.hash !== ""

const outdatingBy = (shared: Shared, confirmation: Confirmation, since: number): ReadonlyArray<LedgerChange> =>
  isSameContent(confirmation)
    ? []
    : placesOf(confirmation.delivery).flatMap((place) =>
        outdating(shared, confirmation.delivery.server, place, "replaced", since),
      )

/** Its old place is to be removed, or what it referred to before may be free to go. */
const letsGo = (confirmation: Confirmation): boolean =>
  hasMoved(confirmation) ||
  hasCompanions(confirmation) ||
  confirmation.takenFrom !== undefined ||
  confirmation.links !== undefined

/** Adds the files that are elsewhere now, and the delivered one itself where it refers to files that may be. */
const addConcerned = (confirmation: Confirmation, concerned: Array<Target>): void => {
  const { delivery, links = noLinks, previous, takenFrom } = confirmation
  const isSettled = previous !== undefined && !hasMoved(confirmation) && links.length === 0
  if (!isSettled) concerned.push(delivery)
  if (takenFrom !== undefined) concerned.push(takenFrom)
}

const noLinks: ReadonlyArray<Link> = []

const changeOf = (confirmation: Confirmation, deliveredAt: number, retireAt: number): LedgerChange => {
  const { links = noLinks, previous, takenFrom } = confirmation
  const { companions, destination, fingerprint, hash, path, rule, server, source, state, url } = confirmation.delivery
  const plain: Delivery = {
    source,
    path,
    server,
    rule,
    destination,
    url,
    fingerprint,
    state,
    hash,
    deliveredAt,
    sourceDeleted: false,
  }
  const delivery = companions === undefined ? plain : { ...plain, companions }
  // Nearly all of very many are like this.
  if (previous === undefined && takenFrom === undefined) return { _tag: "Delivered", delivery, links }
  return {
    _tag: "Delivered",
    delivery,
    ...(previous !== undefined && hasMoved(confirmation)
      ? { retire: { destination: previous.destination, dueAt: retireAt } }
      : {}),
    ...(takenFrom === undefined ? {} : { takenFrom }),
    links,
  }
}
