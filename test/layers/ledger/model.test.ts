/** The ledger on disk against the ledger in memory: any sequence of changes gives the same answers. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { DeliveryKey, Target } from "../../../src/domain/Delivery.ts"
import { Ledger, type LedgerChange, type LedgerShape } from "../../../src/domain/Ledger.ts"
import type { Link } from "../../../src/domain/Link.ts"
import type { RelativePath, RemotePath, RuleId, ServerName, SourceName } from "../../../src/domain/Path.ts"
import { makeMemory } from "../../../src/layers/ledger/memory.ts"
import { layerSqlite } from "../../../src/layers/ledger/sqlite.ts"
import { hardNames } from "../../contract/ledgerSpecimens.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"

/** mulberry32: numbers in [0, 1) that a seed repeats. */
const random = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const sources = ["site", "b\u{1f600}", "other"] as Array<SourceName>
const servers = ["cdn", "ftp push", "\udcff"] as Array<ServerName>
const rules = ["site/all", "site/css"] as Array<RuleId>
const files = ["x", "d/x", "d/y", "d/e/x", "d-/x", ...hardNames.slice(2, 8).flatMap((n) => [`d/${n}`, `${n}/x`])]
const suffixes = [".br", ".gz"]
const hosts = [...files.slice(0, 8), "old/1", "old/2"] as Array<RemotePath>
/** With those of companions, which other files may be at, too. */
const places = [...hosts, ...hosts.slice(0, 4).flatMap((place) => suffixes.map((suffix) => `${place}${suffix}`))].map(
  (place) => place as RemotePath,
)

const world = (seed: number) => {
  const next = random(seed)
  const pick = <A>(values: ReadonlyArray<A>): A => values[Math.floor(next() * values.length)]!
  // Moments never repeat: what is due at the same millisecond comes in no particular order.
  let moments = 0
  const moment = () => Math.floor(next() * 1_000) * 100_000 + moments++
  const target = (): Target => ({ source: pick(sources), path: pick(files) as RelativePath, server: pick(servers) })
  const key = (): DeliveryKey => ({ ...target(), rule: pick(rules) })
  const state = () => ({ size: pick([1, 2]), mtimeNs: 1_700_000_000_000_000_001n, inode: pick([7n, 2n ** 63n + 5n]) })
  const links = (): ReadonlyArray<Link> => {
    const found = new Map<string, Link>()
    for (let count = Math.floor(next() * 4); count > 0; count--) {
      const { path, source } = target()
      found.set(`${source} ${path}`, { source, path, place: next() < 0.3 ? undefined : pick(places) })
    }
    return [...found.values()]
  }
  const change = (): LedgerChange => {
    const dice = next()
    if (dice < 0.4) {
      const destination = pick(places)
      const beside = suffixes.filter(() => next() < 0.25)
      const delivery = {
        ...key(),
        destination,
        url: pick([`http://x/${destination}`, `http://y/${destination}`, "elsewhere"]),
        fingerprint: pick(["1", "2"]),
        state: state(),
        hash: "",
        deliveredAt: moment(),
        sourceDeleted: false,
        ...(beside.length === 0 ? {} : { companions: beside }),
      }
      return {
        _tag: "Delivered",
        delivery,
        ...(next() < 0.3 ? { retire: { destination: pick(places), dueAt: moment() } } : {}),
        ...(next() < 0.1 ? { takenFrom: key() } : {}),
        ...(next() < 0.5 ? { links: links() } : {}),
      }
    }
    if (dice < 0.6) {
      const retireAt = next() < 0.7 ? moment() : undefined
      return { _tag: "Forgotten", key: key(), retireAt, ...(next() < 0.5 ? { linkedUntil: moment() } : {}) }
    }
    if (dice < 0.63) {
      const some = Array.from({ length: 1 + Math.floor(next() * 3) }, () => {
        const { path, source } = target()
        return { source, path, destination: pick(places) }
      })
      return {
        _tag: "Placing",
        uploads: { id: Math.floor(next() * 5), server: pick(servers), removeAt: moment(), places: some },
      }
    }
    if (dice < 0.64) {
      return { _tag: "Placed", id: Math.floor(next() * 5), unknown: places.filter(() => next() < 0.5) }
    }
    if (dice < 0.65) return { _tag: "Retired", server: pick(servers), destination: pick(places) }
    if (dice < 0.75) {
      return {
        _tag: "Failed",
        failure: { ...target(), reason: "r", attempts: 1, since: moment(), nextTry: moment() },
      }
    }
    if (dice < 0.8) return { _tag: "Cleared", target: target() }
    if (dice < 0.9) {
      return { _tag: "SourceDeleted", source: pick(sources), path: pick(files) as RelativePath, state: state() }
    }
    if (dice < 0.91) {
      return { _tag: "Held", hold: { source: pick(sources), since: moment(), missing: 1, total: 2, reason: "r" } }
    }
    if (dice < 0.93) {
      const by = pick(["replaced", "removed"] as const)
      return { _tag: "Outdated", server: pick(servers), destination: pick(places), by, since: moment() }
    }
    if (dice < 0.94) return { _tag: "Released", source: pick(sources) }
    return { _tag: "RootSeen", source: pick(sources), root: { path: pick(files), identity: pick(["1:1", "1:2"]) } }
  }
  return { next, pick, moment, target, change }
}

const sorted = <A>(values: ReadonlyArray<A>): ReadonlyArray<string> => {
  const plain = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}n` : value)
  return values.map((value) => JSON.stringify(Object.entries(value as object).sort(), plain)).sort()
}

/** Every answer a ledger gives; where the contract names no order, in one of our own. */
const answers = Effect.fnUntraced(function* (ledger: LedgerShape, now: number, limit: number) {
  const found: Record<string, unknown> = {}
  for (const source of sources) {
    found[`count ${source}`] = yield* ledger.count(source)
    for (const below of ["", "d", "caf\u00e9", "nothing"] as Array<RelativePath>) {
      found[`directories ${source} ${below}`] = yield* ledger.directories(source, below, undefined, 100)
      const some = yield* ledger.directories(source, below, "d" as RelativePath, limit)
      found[`directories after ${source} ${below}`] = some
    }
    for (const directory of ["", "d", "d/e", "d-", "\udce9t\udce9"] as Array<RelativePath>) {
      const deliveries = yield* ledger.deliveriesIn(source, directory)
      found[`paths in ${source} ${directory}`] = deliveries.map((delivery) => delivery.path)
      found[`in ${source} ${directory}`] = sorted(deliveries)
    }
    for (const path of files as Array<RelativePath>) {
      found[`of ${source} ${path}`] = sorted(yield* ledger.deliveriesOf(source, path))
      for (const server of servers) {
        const target = { source, path, server }
        found[`retirementsOf ${source} ${path} ${server}`] = sorted(yield* ledger.retirementsOf(target))
        found[`retirable ${source} ${path} ${server}`] = sorted(yield* ledger.retirable(target, now))
        found[`linksOf ${source} ${path} ${server}`] = sorted(yield* ledger.linksOf(target))
        found[`stale ${source} ${path} ${server}`] = sorted(yield* ledger.staleReferrers([target], 100))
        found[`failureOf ${source} ${path} ${server}`] = yield* ledger.failureOf(target)
      }
    }
  }
  for (const server of servers) {
    const { due, nextAt } = yield* ledger.agenda(server, now, 1_000)
    // All that one change lets go of is due at one moment, in no particular order.
    found[`agenda ${server}`] = { due: sorted(due), nextAt }
    found[`some of the agenda ${server}`] = (yield* ledger.agenda(server, now, limit)).due.length
    found[`failures ${server}`] = yield* ledger.failures(limit, server)
    const { places: told, since, total } = yield* ledger.outdated(server, limit)
    found[`outdated ${server}`] = { told, since, total }
    for (const place of places) found[`occupants ${server} ${place}`] = sorted(yield* ledger.occupants(server, place))
    found[`occupied ${server}`] = yield* ledger.areOccupied(server, places)
  }
  const deletion = rules.map((rule, i) => ({ rule, delay: 1_000_000 * i }))
  found["deletable"] = yield* ledger.deletable(deletion, now, limit)
  found["failures"] = yield* ledger.failures(limit)
  found["outbox"] = (yield* ledger.outbox(limit)).targets
  found["holds"] = yield* ledger.holds
  found["roots"] = sorted([...(yield* ledger.roots)])
  found["totals"] = yield* ledger.totals
  const first = yield* ledger.page(undefined, limit)
  found["page"] = first
  found["next page"] = yield* ledger.page(first[first.length - 1], 100)
  return found
})

const SEEDS = [1, 2, 3, 4, 5]
const STEPS = 30

describe("ledgers agree", () => {
  for (const seed of SEEDS) {
    it.live(`seed ${seed}`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const memory = makeMemory()
        const { change, moment, next, pick } = world(seed)
        const steps = Effect.fnUntraced(function* (sqlite: LedgerShape, from: number, to: number) {
          for (let step = from; step < to; step++) {
            const changes = Array.from({ length: 1 + Math.floor(next() * 12) }, change)
            yield* memory.commit(changes)
            yield* sqlite.commit(changes)
            if (next() < 0.4) {
              const limit = 1 + Math.floor(next() * 6)
              for (const ledger of [memory, sqlite]) {
                const { through } = yield* ledger.outbox(limit)
                yield* ledger.commit([{ _tag: "Published", through }])
              }
            }
            if (next() < 0.2) {
              for (const ledger of [memory, sqlite]) {
                const { through } = yield* ledger.outdated(servers[0]!, 2)
                yield* ledger.commit([{ _tag: "Invalidated", server: servers[0]!, through }])
              }
            }
            if (next() < 0.1) {
              const known = { sources: new Set(sources.slice(0, 2)), servers: new Set([pick(servers), pick(servers)]) }
              const now = moment()
              assert.deepStrictEqual(yield* sqlite.evict(known, now), yield* memory.evict(known, now))
              const [ours, theirs] = [yield* sqlite.outbox(1_000), yield* memory.outbox(1_000)]
              assert.deepStrictEqual(sorted(ours.targets), sorted(theirs.targets))
              yield* sqlite.commit([{ _tag: "Published", through: ours.through }])
              yield* memory.commit([{ _tag: "Published", through: theirs.through }])
              // All that was evicted is due at one moment, in no particular order: away with it.
              assert.deepStrictEqual(yield* sqlite.totals, yield* memory.totals)
              const retired = servers.flatMap((server) =>
                places.map((destination): LedgerChange => ({ _tag: "Retired", server, destination })),
              )
              for (const ledger of [memory, sqlite]) yield* ledger.commit(retired)
            }
            const now = moment()
            const limit = pick([1, 3, 100])
            const expected = yield* answers(memory, now, limit)
            assert.deepStrictEqual(yield* answers(sqlite, now, limit), expected, `step ${step}`)
          }
        })
        const run = (from: number, to: number) =>
          Effect.provide(
            Effect.flatMap(Ledger, (sqlite) => steps(sqlite, from, to)),
            Layer.fresh(layerSqlite({ directory })),
          )
        yield* run(0, STEPS / 2)
        // The same file, opened again.
        yield* run(STEPS / 2, STEPS)
      }),
    )
  }
})
