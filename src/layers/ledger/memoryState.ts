/**
 * What a ledger in memory holds, and how changes alter it.
 *
 * @since 1.0.0
 */
import type { Delivery, DeliveryKey, Failure, Hold, Retirement, Target } from "../../domain/Delivery.ts"
import { isSame } from "../../domain/FileState.ts"
import type { LedgerChange, RootRecord } from "../../domain/Ledger.ts"
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
  /** By {@link targetKey}. */
  readonly failures: Map<string, Failure>
  outbox: Array<{ readonly seq: number; readonly target: Target }>
  lastSeq: number
  /** By {@link placeKey}, in the order in which they changed last. */
  readonly outdated: Map<string, OutdatedPlace>
  readonly holds: Map<SourceName, Hold>
  readonly roots: Map<SourceName, RootRecord>
}

export const emptyState = (): MemoryState => ({
  deliveries: new Map(),
  retirements: new Map(),
  failures: new Map(),
  outbox: [],
  lastSeq: 0,
  outdated: new Map(),
  holds: new Map(),
  roots: new Map(),
})

export const placeKey = (server: ServerName, destination: RemotePath): string => `${server}\0${destination}`

export const targetKey = (target: Target): string => `${target.source}\0${target.server}\0${target.path}`

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

const owe = (state: MemoryState, target: Target): void => {
  state.lastSeq++
  state.outbox.push({ seq: state.lastSeq, target: targetOf(target) })
}

const retire = (state: MemoryState, target: Target, destination: RemotePath, dueAt: number): void => {
  state.retirements.set(placeKey(target.server, destination), { ...targetOf(target), destination, dueAt })
}

const forget = (state: MemoryState, key: DeliveryKey): RemotePath | undefined => {
  state.failures.delete(targetKey(key))
  const deliveries = fileOf(state, key.source, key.path)
  const found = deliveries.find(sameKey(key))
  if (found === undefined) return undefined
  setFile(
    state,
    key.source,
    key.path,
    deliveries.filter((delivery) => delivery !== found),
  )
  owe(state, key)
  return found.destination
}

const deliver = (state: MemoryState, delivery: Delivery): void => {
  const others = fileOf(state, delivery.source, delivery.path).filter((other) => !sameKey(delivery)(other))
  setFile(state, delivery.source, delivery.path, [...others, delivery])
  state.failures.delete(targetKey(delivery))
  state.retirements.delete(placeKey(delivery.server, delivery.destination))
  owe(state, delivery)
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

const outdate = (state: MemoryState, { destination, server, since }: Omit<OutdatedPlace, "seq">): void => {
  const key = placeKey(server, destination)
  const isHeld = [...everyFile(state)]
    .flat()
    .some((delivery) => delivery.server === server && delivery.destination === destination)
  if (!isHeld && !state.retirements.has(key)) return
  const before = state.outdated.get(key)
  state.lastSeq++
  state.outdated.delete(key)
  state.outdated.set(key, { server, destination, since: before?.since ?? since, seq: state.lastSeq })
}

/** Makes one change. */
export const change = (state: MemoryState, one: LedgerChange): void => {
  switch (one._tag) {
    case "Delivered": {
      if (one.takenFrom !== undefined) forget(state, one.takenFrom)
      deliver(state, one.delivery)
      if (one.retire === undefined || one.retire.destination === one.delivery.destination) return
      return retire(state, one.delivery, one.retire.destination, one.retire.dueAt)
    }
    case "Forgotten": {
      const destination = forget(state, one.key)
      if (destination === undefined || one.retireAt === undefined) return
      return retire(state, one.key, destination, one.retireAt)
    }
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
