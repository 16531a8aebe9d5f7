/**
 * What a ledger in memory holds, and how changes alter it.
 *
 * @since 1.0.0
 */
import { leftBy, placesOf } from "../../domain/Companion.ts"
import type { Delivery, DeliveryKey, Failure, Hold, Retirement, Target } from "../../domain/Delivery.ts"
import { isSame } from "../../domain/FileState.ts"
import { isOutdated, type Link } from "../../domain/Link.ts"
import type { LedgerChange, PublishedDelivery, RootRecord, Uploads } from "../../domain/Ledger.ts"
import {
  baseNameOf,
  directoryOf,
  type RelativePath,
  type RemotePath,
  type ServerName,
  type SourceName,
} from "../../domain/Path.ts"

import { textOrder } from "./storedText.ts"

type Files = Map<string, ReadonlyArray<Delivery>>

/** A place whose CDN is to be told that it changed. */
export interface OutdatedPlace {
  readonly server: ServerName
  readonly destination: RemotePath
  readonly since: number
  readonly seq: number
}

/** All a ledger knows. A simulation keeps it while the process that wrote it "crashes", and hands it to the next one. */
export interface MemoryState {
  /** Deliveries by source, directory and base name. */
  readonly deliveries: Map<SourceName, Map<RelativePath, Files>>
  /** By {@link placeKey}. */
  readonly retirements: Map<string, Retirement>
  /** By {@link placeKey}: the number in the outbox after which the map no longer names the place. */
  readonly publishedAfter: Map<string, number>
  /** By {@link placeKey}: until when a place is kept although deliveries refer to it; absent: as long as they do. */
  readonly linkedUntil: Map<string, number>
  /** What deliveries refer to, by {@link deliveryKey}. */
  readonly links: Map<string, { readonly key: DeliveryKey; readonly links: ReadonlyArray<Link> }>
  /** Uploads that have not ended, by their id. */
  readonly uploads: Map<number, Uploads>
  /** By {@link targetKey}. */
  readonly failures: Map<string, Failure>
  outbox: Array<{ readonly seq: number; readonly target: Target; readonly latest?: PublishedDelivery }>
  lastSeq: number
  /** By {@link placeKey}, in the order in which they changed last. */
  readonly outdated: Map<string, OutdatedPlace>
  readonly holds: Map<SourceName, Hold>
  readonly roots: Map<SourceName, RootRecord>
}

export const emptyState = (): MemoryState => ({
  deliveries: new Map(),
  retirements: new Map(),
  publishedAfter: new Map(),
  linkedUntil: new Map(),
  links: new Map(),
  uploads: new Map(),
  failures: new Map(),
  outbox: [],
  lastSeq: 0,
  outdated: new Map(),
  holds: new Map(),
  roots: new Map(),
})

export const placeKey = (server: ServerName, destination: RemotePath): string => `${server}\0${destination}`

export const targetKey = (target: Target): string => `${target.source}\0${target.server}\0${target.path}`

export const deliveryKey = (key: DeliveryKey): string => `${targetKey(key)}\0${key.rule}`

/** The deliveries of one file. */
export const fileOf = (state: MemoryState, source: SourceName, path: RelativePath): ReadonlyArray<Delivery> =>
  state.deliveries.get(source)?.get(directoryOf(path))?.get(baseNameOf(path)) ?? []

/** All deliveries, in no order. */
export function* everyFile(state: MemoryState, source?: SourceName): Iterable<ReadonlyArray<Delivery>> {
  for (const [name, directories] of state.deliveries) {
    if (source !== undefined && name !== source) continue
    for (const files of directories.values()) yield* files.values()
  }
}

/** The deliveries that occupy a place, themselves or by a companion. */
export const occupantsOf = (state: MemoryState, server: ServerName, place: RemotePath): ReadonlyArray<Delivery> => {
  const found: Array<Delivery> = []
  for (const deliveries of everyFile(state)) {
    for (const delivery of deliveries) {
      const { companions, destination } = delivery
      const isThere = destination === place || (companions !== undefined && placesOf(delivery).includes(place))
      if (isThere && delivery.server === server) found.push(delivery)
    }
  }
  return found
}

const setFile = (
  state: MemoryState,
  source: SourceName,
  path: RelativePath,
  deliveries: ReadonlyArray<Delivery>,
): void => {
  const directory = directoryOf(path)
  let directories = state.deliveries.get(source)
  if (directories === undefined) state.deliveries.set(source, (directories = new Map()))
  let files = directories.get(directory)
  if (files === undefined) directories.set(directory, (files = new Map()))
  if (deliveries.length > 0) files.set(baseNameOf(path), deliveries)
  else files.delete(baseNameOf(path))
  if (files.size === 0) directories.delete(directory)
}

const sameKey = (key: DeliveryKey) => (delivery: Delivery) =>
  delivery.server === key.server && delivery.rule === key.rule

const targetOf = ({ path, server, source }: Target): Target => ({ source, path, server })

const owe = (state: MemoryState, target: Target, latest?: PublishedDelivery): void => {
  state.lastSeq++
  state.outbox.push({ seq: state.lastSeq, target: targetOf(target), ...(latest === undefined ? {} : { latest }) })
  const key = targetKey(target)
  for (const [place, retirement] of state.retirements) {
    if (targetKey(retirement) === key) state.publishedAfter.set(place, state.lastSeq)
  }
}

const retire = (
  state: MemoryState,
  target: Target,
  destination: RemotePath,
  dueAt: number,
  publishedAfter = state.lastSeq,
  linkedUntil?: number,
): void => {
  const key = placeKey(target.server, destination)
  state.retirements.set(key, { ...targetOf(target), destination, dueAt })
  state.publishedAfter.set(key, publishedAfter)
  if (linkedUntil === undefined) state.linkedUntil.delete(key)
  else state.linkedUntil.set(key, linkedUntil)
}

const isStale = (state: MemoryState, server: ServerName, links: ReadonlyArray<Link>): boolean =>
  links.some(({ path, place, source }) => {
    const there = fileOf(state, source, path).filter((delivery) => delivery.server === server)
    return isOutdated(
      place,
      there.map((delivery) => delivery.destination),
    )
  })

/** Marks every delivery that refers to a file, and that of `own`, where a link of it is outdated. */
const markStale = (state: MemoryState, { path, server, source }: Target, own?: DeliveryKey): void => {
  for (const { key, links } of state.links.values()) {
    if (key.server !== server) continue
    const refers = links.some((link) => link.source === source && link.path === path)
    const isOwn = own !== undefined && deliveryKey(own) === deliveryKey(key)
    const concerned = isOwn ? links : links.filter((link) => link.source === source && link.path === path)
    if ((!refers && !isOwn) || !isStale(state, server, concerned)) continue
    const marked = fileOf(state, key.source, key.path).map((delivery) =>
      sameKey(key)(delivery) ? { ...delivery, fingerprint: "" } : delivery,
    )
    setFile(state, key.source, key.path, marked)
  }
}

/** Old places that a delivery referred to are kept at least as long as its own. */
const keepLinked = (state: MemoryState, key: DeliveryKey, until: number): void => {
  for (const { place } of state.links.get(deliveryKey(key))?.links ?? []) {
    if (place === undefined) continue
    const at = placeKey(key.server, place)
    const retirement = state.retirements.get(at)
    if (retirement === undefined || state.linkedUntil.has(at) || retirement.dueAt >= until) continue
    state.retirements.set(at, { ...retirement, dueAt: until })
  }
}

const keyOf = ({ path, rule, server, source }: DeliveryKey): DeliveryKey => ({ source, path, server, rule })

const place = (state: MemoryState, target: Target, destination: RemotePath, removeAt: number): void => {
  const there = occupantsOf(state, target.server, destination)
  for (const { path, source } of there) {
    const doubtful = fileOf(state, source, path).map((delivery) =>
      there.includes(delivery) ? { ...delivery, fingerprint: "" } : delivery,
    )
    setFile(state, source, path, doubtful)
  }
  if (there.length > 0 || state.retirements.has(placeKey(target.server, destination))) return
  // The map can not name a place that has neither a delivery nor a retirement.
  retire(state, target, destination, removeAt, 0)
}

/** Ends uploads; `unknown` says of which places nobody knows what they hold: all, unless they are named. */
export const endUploads = (state: MemoryState, id: number, unknown?: ReadonlyArray<RemotePath>): void => {
  const uploads = state.uploads.get(id)
  if (uploads === undefined) return
  state.uploads.delete(id)
  for (const { destination, path, source } of uploads.places) {
    if (unknown !== undefined && !unknown.includes(destination)) continue
    place(state, { source, path, server: uploads.server }, destination, uploads.removeAt)
  }
}

/** Removes a delivery; the places that it leaves. */
const forget = (state: MemoryState, key: DeliveryKey): ReadonlyArray<RemotePath> => {
  state.failures.delete(targetKey(key))
  const deliveries = fileOf(state, key.source, key.path)
  const found = deliveries.find(sameKey(key))
  if (found === undefined) return []
  setFile(
    state,
    key.source,
    key.path,
    deliveries.filter((delivery) => delivery !== found),
  )
  owe(state, key)
  state.links.delete(deliveryKey(key))
  markStale(state, key)
  return placesOf(found)
}

/** Takes a place from the companion of a delivery, which is stale then; false where it has none there. */
const take = (state: MemoryState, key: DeliveryKey, place: RemotePath): boolean => {
  const deliveries = fileOf(state, key.source, key.path)
  const found = deliveries.find(sameKey(key))
  if (found === undefined || found.destination === place || !placesOf(found).includes(place)) return false
  const { companions = [], ...rest } = found
  const left = companions.filter((suffix) => `${found.destination}${suffix}` !== place)
  const stale: Delivery = { ...rest, fingerprint: "", ...(left.length === 0 ? {} : { companions: left }) }
  setFile(
    state,
    key.source,
    key.path,
    deliveries.map((delivery) => (delivery === found ? stale : delivery)),
  )
  return true
}

const deliver = (state: MemoryState, delivery: Delivery): void => {
  const others = fileOf(state, delivery.source, delivery.path).filter((other) => !sameKey(delivery)(other))
  setFile(state, delivery.source, delivery.path, [...others, delivery])
  state.failures.delete(targetKey(delivery))
  for (const place of placesOf(delivery)) state.retirements.delete(placeKey(delivery.server, place))
  owe(state, delivery, { destination: delivery.destination, url: delivery.url })
}

const markDeleted = (state: MemoryState, change: Extract<LedgerChange, { readonly _tag: "SourceDeleted" }>): void => {
  const servers = new Map<ServerName, Target>()
  const marked = fileOf(state, change.source, change.path).map((delivery) => {
    if (delivery.sourceDeleted || !isSame(delivery.state, change.state)) return delivery
    servers.set(delivery.server, delivery)
    return { ...delivery, sourceDeleted: true }
  })
  if (servers.size === 0) return
  setFile(state, change.source, change.path, marked)
  const inOrder = [...servers.values()].sort((a, b) => textOrder(a.server, b.server))
  for (const target of inOrder) owe(state, target)
}

const outdate = (state: MemoryState, change: Extract<LedgerChange, { readonly _tag: "Outdated" }>): void => {
  const { by, destination, server, since } = change
  const key = placeKey(server, destination)
  const isHeld = occupantsOf(state, server, destination).length > 0
  // A retirement that stems from an upload alone is published after nothing.
  const isRetired = state.retirements.has(key) && (by === "removed" || (state.publishedAfter.get(key) ?? 0) > 0)
  if (!isHeld && !isRetired) return
  const before = state.outdated.get(key)
  const seq = Math.max(0, ...[...state.outdated.values()].map((place) => place.seq)) + 1
  state.outdated.delete(key)
  state.outdated.set(key, { server, destination, since: before?.since ?? since, seq })
}

/** True where no delivery refers to a place that is to be removed, or that is no reason any more. */
export const isFree = (state: MemoryState, { destination, server }: Retirement, now: number): boolean => {
  const until = state.linkedUntil.get(placeKey(server, destination))
  if (until !== undefined && until <= now) return true
  for (const { key, links } of state.links.values()) {
    if (key.server === server && links.some((link) => link.place === destination)) return false
  }
  return true
}

/** True where the published map no longer names a place that is to be removed. */
export const isUnpublished = (state: MemoryState, { destination, server }: Retirement): boolean =>
  (state.publishedAfter.get(placeKey(server, destination)) ?? 0) < (state.outbox[0]?.seq ?? Number.POSITIVE_INFINITY)

/** Makes one change. */
export const change = (state: MemoryState, one: LedgerChange): void => {
  switch (one._tag) {
    case "Delivered": {
      const before = fileOf(state, one.delivery.source, one.delivery.path).find(sameKey(one.delivery))
      const { takenFrom } = one
      const taken =
        takenFrom === undefined || take(state, takenFrom, one.delivery.destination) ? [] : forget(state, takenFrom)
      deliver(state, one.delivery)
      if (one.retire !== undefined) keepLinked(state, one.delivery, one.retire.dueAt)
      if (one.links !== undefined) {
        const key = keyOf(one.delivery)
        state.links.delete(deliveryKey(key))
        if (one.links.length > 0) state.links.set(deliveryKey(key), { key, links: one.links })
      }
      markStale(state, one.delivery, one.delivery)
      const isMoved = one.retire !== undefined && one.retire.destination !== one.delivery.destination
      const now = placesOf(one.delivery)
      if (takenFrom !== undefined) {
        for (const place of leftBy(taken, now)) retire(state, takenFrom, place, one.delivery.deliveredAt)
      }
      const dueAt = isMoved ? one.retire.dueAt : one.delivery.deliveredAt
      for (const place of leftBy(before === undefined ? [] : placesOf(before).slice(1), now)) {
        retire(state, one.delivery, place, dueAt)
      }
      if (isMoved) retire(state, one.delivery, one.retire.destination, dueAt)
      return
    }
    case "Forgotten": {
      const left = forget(state, one.key)
      if (one.retireAt === undefined) return
      for (const place of left) retire(state, one.key, place, one.retireAt, state.lastSeq, one.linkedUntil)
      return
    }
    case "Placing":
      return void state.uploads.set(one.uploads.id, one.uploads)
    case "Placed":
      return endUploads(state, one.id, one.unknown)
    case "Retired":
      return void state.retirements.delete(placeKey(one.server, one.destination))
    case "Failed":
      return void state.failures.set(targetKey(one.failure), one.failure)
    case "Cleared":
      return void state.failures.delete(targetKey(one.target))
    case "SourceDeleted":
      return markDeleted(state, one)
    case "Held":
      return void state.holds.set(one.hold.source, one.hold)
    case "Released":
      return void state.holds.delete(one.source)
    case "RootSeen":
      return void state.roots.set(one.source, one.root)
    case "Published": {
      state.outbox = state.outbox.filter((entry) => entry.seq > one.through)
      return
    }
    case "Outdated":
      return outdate(state, one)
    case "Invalidated": {
      for (const [key, { seq, server }] of state.outdated) {
        if (server === one.server && seq <= one.through) state.outdated.delete(key)
      }
    }
  }
}
