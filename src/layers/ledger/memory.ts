/**
 * The ledger in memory, under the same contract: for tests and simulations. Every answer is in a fixed order.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { placesOf } from "../../domain/Companion.ts"
import type { Delivery, DeliveryKey, Target } from "../../domain/Delivery.ts"
import {
  type Agenda,
  type DeletionRule,
  Ledger,
  type LedgerShape,
  type OutdatedPlaces,
  type OwedTarget,
  type ServerTotals,
} from "../../domain/Ledger.ts"
import type { Link } from "../../domain/Link.ts"
import { baseNameOf, directoryOf, isWithin, type ServerName, type SourceName } from "../../domain/Path.ts"
import { fileKey } from "../../domain/Reference.ts"
import {
  change,
  deliveryKey,
  emptyState,
  endUploads,
  everyFile,
  fileOf,
  isFree,
  isUnpublished,
  type MemoryState,
  occupantsOf,
  placeKey,
  targetKey,
} from "./memoryState.ts"
import { storedOrder, textOrder } from "./storedText.ts"

export { emptyState, type MemoryState } from "./memoryState.ts"

/** The order of keys, by which {@link LedgerShape.page} goes. */
const keyOrder = (a: DeliveryKey, b: DeliveryKey): number =>
  storedOrder(a.source, b.source) ||
  storedOrder(directoryOf(a.path), directoryOf(b.path)) ||
  storedOrder(baseNameOf(a.path), baseNameOf(b.path)) ||
  storedOrder(a.server, b.server) ||
  storedOrder(a.rule, b.rule)

interface Moment<A> {
  readonly at: number
  readonly identity: string
  readonly value: A
}

/** The first `limit` different ones that are due, and when the next will be. */
const agendaOf = <A>(moments: ReadonlyArray<Moment<A>>, now: number, limit: number): Agenda<A> => {
  const due = new Map<string, A>()
  let nextAt: number | undefined
  for (const moment of moments.toSorted((a, b) => a.at - b.at)) {
    if (moment.at > now) {
      nextAt = moment.at
      break
    }
    if (due.size < limit && !due.has(moment.identity)) due.set(moment.identity, moment.value)
  }
  return { due: [...due.values()], nextAt }
}

const agenda = (state: MemoryState, server: ServerName, now: number, limit: number): Agenda<Target> => {
  const moments: Array<Moment<Target>> = []
  /** When a place that is referred to need not be kept any more. */
  let soonest = Number.POSITIVE_INFINITY
  const add = (at: number, { path, source }: Target) => {
    const target: Target = { source, path, server }
    moments.push({ at, identity: targetKey(target), value: target })
  }
  for (const failure of state.failures.values()) {
    if (failure.server === server) add(failure.nextTry, failure)
  }
  for (const retirement of state.retirements.values()) {
    if (retirement.server !== server) continue
    const failure = state.failures.get(targetKey(retirement))
    const isLater = failure !== undefined && failure.nextTry > now
    const until = state.linkedUntil.get(placeKey(server, retirement.destination))
    if (until !== undefined && until > now) soonest = Math.min(soonest, until)
    const isPossible = isUnpublished(state, retirement) && isFree(state, retirement, now)
    if (retirement.dueAt <= now && (isLater || !isPossible)) continue
    add(retirement.dueAt, retirement)
  }
  const { due, nextAt } = agendaOf(moments, now, limit)
  const next = Math.min(soonest, nextAt ?? Number.POSITIVE_INFINITY)
  return { due, nextAt: next === Number.POSITIVE_INFINITY ? undefined : next }
}

const deletable = (state: MemoryState, rules: ReadonlyArray<DeletionRule>, now: number, limit: number) => {
  const moments: Array<Moment<Pick<Delivery, "source" | "path">>> = []
  if (rules.length === 0) return agendaOf(moments, now, limit)
  for (const deliveries of everyFile(state)) {
    for (const { delay, rule } of rules) {
      const live = deliveries.filter((delivery) => delivery.rule === rule && !delivery.sourceDeleted)
      const [first] = live
      if (first === undefined) continue
      const { path, source } = first
      const at = Math.max(...live.map((delivery) => delivery.deliveredAt)) + delay
      moments.push({ at, identity: fileKey({ source, path }), value: { source, path } })
    }
  }
  return agendaOf(moments, now, limit)
}

const staleReferrers = (state: MemoryState, targets: ReadonlyArray<Target>, limit: number) => {
  const found = new Map<string, Target>()
  for (const target of targets) {
    for (const { key, links } of state.links.values()) {
      if (key.server !== target.server) continue
      const isOwn = targetKey(key) === targetKey(target)
      const refers = links.some((link) => link.source === target.source && link.path === target.path)
      const row = fileOf(state, key.source, key.path).find((one) => deliveryKey(one) === deliveryKey(key))
      if ((!isOwn && !refers) || row?.fingerprint !== "" || found.size >= limit) continue
      found.set(targetKey(key), { source: key.source, path: key.path, server: key.server })
    }
  }
  return [...found.values()]
}

const outbox = (state: MemoryState, limit: number) => {
  const targets = new Map<string, OwedTarget>()
  let through = 0
  for (const { latest, seq, target } of state.outbox) {
    const identity = targetKey(target)
    if (!targets.has(identity) && targets.size >= limit) break
    targets.set(identity, latest === undefined ? target : { ...target, latest })
    through = seq
  }
  return { targets: [...targets.values()], through }
}

const outdated = (state: MemoryState, server: ServerName, limit: number): OutdatedPlaces => {
  const waiting = [...state.outdated.values()].filter((place) => place.server === server)
  const first = waiting.slice(0, limit)
  return {
    places: first.map((place) => place.destination),
    through: first.at(-1)?.seq ?? 0,
    total: waiting.length,
    since: waiting.length === 0 ? undefined : Math.min(...waiting.map((place) => place.since)),
  }
}

const totals = (state: MemoryState): ReadonlyArray<ServerTotals> => {
  const servers = new Map<ServerName, { deliveries: number; failures: number; retirements: number }>()
  const add = (server: ServerName, kind: "deliveries" | "failures" | "retirements") => {
    const counts = servers.get(server) ?? { deliveries: 0, failures: 0, retirements: 0 }
    counts[kind]++
    servers.set(server, counts)
  }
  for (const deliveries of everyFile(state)) for (const { server } of deliveries) add(server, "deliveries")
  for (const { server } of state.failures.values()) add(server, "failures")
  for (const { server } of state.retirements.values()) add(server, "retirements")
  return [...servers]
    .map(([server, counts]) => ({ server, ...counts }))
    .toSorted((a, b) => textOrder(a.server, b.server))
}

const evict = (
  state: MemoryState,
  known: { readonly sources: ReadonlySet<SourceName>; readonly servers: ReadonlySet<ServerName> },
  now: number,
) => {
  let retired = 0
  let forgotten = 0
  for (const id of state.uploads.keys()) endUploads(state, id)
  for (const delivery of [...everyFile(state)].flat()) {
    if (!known.servers.has(delivery.server)) {
      forgotten++
      change(state, { _tag: "Forgotten", key: delivery, retireAt: undefined })
    } else if (!known.sources.has(delivery.source)) {
      retired++
      change(state, { _tag: "Forgotten", key: delivery, retireAt: now })
    }
  }
  const gone = ({ server, source }: Target) => !known.servers.has(server) || !known.sources.has(source)
  for (const [key, failure] of state.failures) if (gone(failure)) state.failures.delete(key)
  for (const [key, { server }] of state.retirements) if (!known.servers.has(server)) state.retirements.delete(key)
  for (const [key, { server }] of state.outdated) if (!known.servers.has(server)) state.outdated.delete(key)
  for (const map of [state.holds, state.roots]) {
    for (const source of map.keys()) if (!known.sources.has(source)) map.delete(source)
  }
  return { retired, forgotten }
}

/** A ledger over this state, which outlives it. What was committed is in the state at once. */
export const makeMemory = (state: MemoryState = emptyState()): LedgerShape => {
  const ask = Effect.sync
  return {
    commit: (changes) => ask(() => changes.forEach((one) => change(state, one))),
    deliveriesOf: (source, path) => ask(() => fileOf(state, source, path)),
    deliveriesOfEach: (source, paths) => ask(() => paths.map((path) => fileOf(state, source, path))),
    deliveriesIn: (source, directory) =>
      ask(() =>
        [...(state.deliveries.get(source)?.get(directory) ?? [])]
          .toSorted(([a], [b]) => textOrder(a, b))
          .flatMap(([, deliveries]) => deliveries),
      ),
    directories: (source, below, after, limit) =>
      ask(() =>
        [...(state.deliveries.get(source)?.keys() ?? [])]
          .filter((directory) => isWithin(below, directory) && (after === undefined || directory > after))
          .toSorted(textOrder)
          .slice(0, limit),
      ),
    count: (source) =>
      ask(() => {
        let count = 0
        for (const deliveries of everyFile(state, source)) {
          if (deliveries.some((delivery) => !delivery.sourceDeleted)) count++
        }
        return count
      }),
    occupants: (server, destination) => ask(() => occupantsOf(state, server, destination)),
    areOccupied: (server, destinations) =>
      ask(() => {
        const occupied = new Set<string>()
        for (const deliveries of everyFile(state)) {
          for (const delivery of deliveries) {
            if (delivery.server === server) for (const place of placesOf(delivery)) occupied.add(place)
          }
        }
        return destinations.map((destination) => occupied.has(destination))
      }),
    linksOf: (target) =>
      ask(() => {
        const links = new Map<string, Link>()
        for (const { rule } of fileOf(state, target.source, target.path)) {
          for (const link of state.links.get(deliveryKey({ ...target, rule }))?.links ?? []) {
            links.set(`${link.source}\0${link.path}\0${link.place ?? ""}`, link)
          }
        }
        return [...links.values()]
      }),
    staleReferrers: (targets, limit) => ask(() => staleReferrers(state, targets, limit)),
    retirementsOf: (target) =>
      ask(() => [...state.retirements.values()].filter((retirement) => targetKey(retirement) === targetKey(target))),
    retirable: (target, now) =>
      ask(() =>
        [...state.retirements.values()].filter(
          (retirement) =>
            targetKey(retirement) === targetKey(target) &&
            retirement.dueAt <= now &&
            isUnpublished(state, retirement) &&
            isFree(state, retirement, now),
        ),
      ),
    failureOf: (target) => ask(() => state.failures.get(targetKey(target))),
    failures: (limit, server) =>
      ask(() =>
        [...state.failures.values()]
          .filter((failure) => server === undefined || failure.server === server)
          .toSorted((a, b) => a.since - b.since)
          .slice(0, limit),
      ),
    agenda: (server, now, limit) => ask(() => agenda(state, server, now, limit)),
    deletable: (rules, now, limit) => ask(() => deletable(state, rules, now, limit)),
    latestOf: ({ path, server, source }) =>
      ask(() =>
        fileOf(state, source, path)
          .filter((delivery) => delivery.server === server)
          .sort((a, b) => b.deliveredAt - a.deliveredAt)
          .map(({ destination, url }) => ({ destination, url }))
          .at(0),
      ),
    outbox: (limit) => ask(() => outbox(state, limit)),
    outdated: (server, limit) => ask(() => outdated(state, server, limit)),
    isOutdated: (server, destination) => ask(() => state.outdated.has(placeKey(server, destination))),
    holds: ask(() => [...state.holds.values()].toSorted((a, b) => textOrder(a.source, b.source))),
    roots: ask(() => new Map(state.roots)),
    totals: ask(() => totals(state)),
    page: (after, limit) =>
      ask(() =>
        [...everyFile(state)]
          .flat()
          .filter((delivery) => after === undefined || keyOrder(delivery, after) > 0)
          .toSorted(keyOrder)
          .slice(0, limit),
      ),
    evict: (known, now) => ask(() => evict(state, known, now)),
  }
}

/** A ledger that starts empty and lasts as long as its layer. */
export const layerMemory: Layer.Layer<Ledger> = Layer.sync(Ledger, () => makeMemory())
