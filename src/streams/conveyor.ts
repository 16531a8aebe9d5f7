/**
 * The whole graph as one Effect. Discovery feeds settle and the lanes; each lane processes, transfers and acknowledges for
 * its server; guard, agenda, sweep and publish look after what is owed. Nothing here touches the world: that is what the
 * services in its type are for.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { Config } from "../domain/Config.ts"
import { Ledger } from "../domain/Ledger.ts"
import { EVENTS } from "../domain/Limits.ts"
import type { RelativePath, ServerName, SourceName } from "../domain/Path.ts"
import type { ConveyorEvent } from "../domain/Telemetry.ts"
import { Transporters } from "../domain/Transporter.ts"
import { makeAcknowledge } from "./acknowledge.ts"
import { type AdoptProof, makeAdopt } from "./adopt.ts"
import { type Agenda, makeAgenda } from "./agenda.ts"
import { urgent } from "./backlog.ts"
import { makeDiscover } from "./discover.ts"
import { makeForget } from "./forget.ts"
import { makeGuard } from "./guard.ts"
import { type Invalidate, makeInvalidate } from "./invalidate.ts"
import { type Lane, makeLane } from "./lanes.ts"
import { makeLinks } from "./links.ts"
import { makePulse } from "./pulse.ts"
import { makeProcess } from "./process.ts"
import { makePublish } from "./publish.ts"
import { makeReferrers } from "./referrers.ts"
import { makeSettle } from "./settle.ts"
import { booksOf, type Shared } from "./shared.ts"
import { makeStatus } from "./status.ts"
import { supervised } from "./supervise.ts"
import { makeSweep } from "./sweep.ts"
import { limited, makePaced } from "./transfer.ts"

export interface ConveyorOptions {
  /** What servers hold already is written down instead of being uploaded; see {@link ./adopt.ts}. */
  readonly adopt?: AdoptProof | undefined
}

export const makeConveyor = Effect.fnUntraced(function* (config: Config, options: ConveyorOptions = {}) {
  const ledger = yield* Ledger
  const clock = yield* Clock.Clock
  const books = booksOf(config)
  const events = yield* PubSub.sliding<ConveyorEvent>(EVENTS)
  const lanes = new Map<ServerName, Lane>()
  const agendas = new Map<ServerName, Agenda>()
  const invalidations = new Map<ServerName, Invalidate>()
  const tally = { delivered: 0, removed: 0 }
  /** Pieces of work that the first scans found. */
  let expected = 0
  /** Events on their way to subscribers, who are woken once for many. */
  const untold: Array<ConveyorEvent> = []
  const news = makePulse()
  const tell = Effect.andThen(
    news.wait,
    Effect.suspend(() => PubSub.publishAll(events, untold.splice(0))),
  )

  let uploads = 0
  const shared: Shared = {
    config,
    books,
    nextUpload: () => ++uploads,
    enqueue: (server, item) => lanes.get(server)?.add(item),
    stale: (target) => lanes.get(target.server)?.addStale(target),
    comes: ({ path, source }) =>
      settle.isWaiting(source, path) ||
      discoverers.some((discover) => discover.source === source && !discover.isIdle()),
    enqueueAll: (item) => books.get(item.source)?.servers.forEach((server) => lanes.get(server)?.add(item)),
    take: (item) => {
      for (const lane of lanes.values()) if (lane.isBusyWith(item)) return false
      lanes.forEach((lane) => lane.take(item))
      return true
    },
    leave: (items) => {
      lanes.forEach((lane) => lane.leave(items))
      items.forEach(sweep.left)
    },
    busyWith: (source) =>
      [...lanes.values()].flatMap((lane) => lane.busyWith().filter((item) => item.source === source)),
    lookAgain: (item) => lanes.forEach((lane) => lane.add(item)),
    left: (item) => sweep.left(item),
    room: (source) =>
      Effect.forEach(books.get(source)?.servers ?? [], (server) => lanes.get(server)?.room ?? Effect.void, {
        discard: true,
      }),
    unsettled: (source, path, quiet) => settle.again(source, path, quiet),
    isWritten: (source, path) => settle.isWaiting(source, path),
    linked: (source, link, target) => discoverers.find((discover) => discover.source === source)?.linked(link, target),
    vanished: (item) => guard.vanished(item),
    outboxChanged: () => publish.changed(),
    deletionDue: () => sweep.changed(),
    invalidates: (server) => invalidations.has(server),
    invalidationDue: (server) => invalidations.get(server)?.changed(),
    agendaChanged: (server) => agendas.get(server)?.changed(),
    rested: () => status.rested(),
    emit: (event) => {
      if (event._tag === "Delivered") tally.delivered++
      else if (event._tag === "Removed") tally.removed++
      else if (event._tag === "Scanned" && event.first) {
        expected += event.due * (books.get(event.source)?.servers.size ?? 0)
      }
      if (untold.length >= EVENTS) untold.splice(0, EVENTS / 2)
      untold.push(event)
      news.wake()
    },
  }

  const evicted = yield* evict(config)
  const settle = yield* makeSettle(shared)
  const referrers = yield* makeReferrers(shared)
  const forget = yield* makeForget(shared, referrers)
  const guard = yield* makeGuard(shared, forget)
  const process = yield* makeProcess()
  const acknowledge = yield* makeAcknowledge(shared, referrers)
  const links = yield* makeLinks(books)
  const transporters = yield* Transporters
  const turns = limited(yield* Semaphore.make(config.settings.maxSimultaneousTransporters))
  const { bandwidthLimit } = config.settings
  const paced = bandwidthLimit === undefined ? undefined : yield* makePaced(bandwidthLimit)
  const adopt = options.adopt === undefined ? undefined : yield* makeAdopt(options.adopt)
  for (const server of config.servers) {
    const plain = transporters.get(server.name)
    const taken = plain.capabilities.local === true ? plain : turns(plain)
    const sending = paced === undefined ? taken : paced(taken)
    const transporter = adopt === undefined ? sending : adopt.decorate(server.name, sending)
    const most = server.maxConnections > 0 ? server.maxConnections : transporter.capabilities.connections
    const connections = Math.min(most, config.settings.maxFilesInPipeline)
    const { invalidator } = plain
    if (invalidator !== undefined) {
      invalidations.set(server.name, yield* makeInvalidate({ shared, server: server.name, invalidator }))
    }
    const lane = yield* makeLane({
      shared,
      server: server.name,
      transporter,
      process,
      links,
      acknowledge,
      forget,
      connections,
    })
    lanes.set(server.name, lane)
    agendas.set(server.name, yield* makeAgenda(lane, shared.rested))
  }
  const sweep = yield* makeSweep(shared)
  const discoverers = yield* Effect.forEach(books.values(), (book) => makeDiscover({ shared, settle, book }))
  const publish = yield* makePublish({
    shared,
    evicted,
    counts: () => totalsOf(lanes.values()),
    published: () => agendas.forEach((agenda) => agenda.changed()),
  })
  const status = yield* makeStatus({
    discoverers,
    lanes: [...lanes.values()],
    settle,
    guard,
    invalidations,
    others: [...agendas.values(), sweep, publish],
    onSync: () => shared.emit({ _tag: "InSync" }),
  })

  const stages = [
    ...discoverers.map((discover) => supervised({ name: `discover ${discover.snapshot().name}`, run: discover.run })),
    ...[...lanes.values()].map((lane) => supervised({ name: `lane ${lane.server}`, run: lane.run })),
    ...[...agendas].map(([server, agenda]) => supervised({ name: `agenda ${server}`, run: agenda.run })),
    ...[...invalidations].map(([server, stage]) => supervised({ name: `invalidate ${server}`, run: stage.run })),
    ...guard.stages.map((stage) => supervised(stage)),
    supervised({ name: "settle", run: settle.run }),
    supervised({ name: "sweep", run: sweep.run }),
    supervised({ name: "publish", run: publish.run }),
    supervised({ name: "status", run: status.run }),
    supervised({ name: "tell", run: Effect.forever(tell) }),
  ]

  return {
    /** Runs until interrupted; fails only when the ledger is broken. */
    run: Effect.raceAllFirst(stages),
    /** What happens, from now on. A subscriber that falls behind misses the oldest. */
    events: Stream.fromPubSub(events),
    /** How things stand. */
    status: status.status,
    /** Whether disk and servers are in sync. */
    inSync: status.inSync,
    /** Returns when nothing can be done any more; see `status` for what is left. */
    quiet: status.quiet,
    /** Looks at this path at once, failed before or not. */
    look: (source: SourceName, path: RelativePath) => shared.enqueueAll(urgent(source, path)),
    /** Looks at everything, and tries servers that are down at once. */
    retryAll: () => {
      lanes.forEach((lane) => lane.retryNow())
      invalidations.forEach((stage) => stage.retryNow())
      discoverers.forEach((discover) => discover.rescan())
    },
    /** A person confirms that the missing files of a source were meant to go. */
    confirmDeletes: (source: SourceName) => guard.confirm(source),
    /** Starts nothing new and returns when what was in flight is done and written down. */
    drain: Effect.suspend(() => {
      lanes.forEach((lane) => lane.stop())
      return status.until(() => totalsOf(lanes.values()).inFlight === 0 && publish.isIdle())
    }),
    /** Returns at the next moment when some part of the graph comes to rest. */
    progressed: status.progressed,
    /** How far the work is. What lanes remember as whole directories is counted by what the first scans found. */
    progress: () => {
      const { inFlight, waiting, worked } = totalsOf(lanes.values())
      return { done: worked, total: Math.max(worked + waiting + inFlight, expected) }
    },
    /** Files delivered and removed by this run; `adopted` of those delivered were there already. */
    tally: () => ({ ...tally, adopted: adopt?.count() ?? 0 }),
  }

  function evict(current: Config) {
    const known = {
      sources: new Set(current.sources.map((source) => source.name)),
      servers: new Set(current.servers.map((server) => server.name)),
    }
    return Effect.flatMap(ledger.evict(known, clock.currentTimeMillisUnsafe()), ({ forgotten, retired }) =>
      forgotten + retired === 0
        ? Effect.succeed(false)
        : Effect.logInfo(
            `the config no longer names some sources or servers: ${retired} published files are removed, ${forgotten} files on servers that are gone are left alone`,
          ).pipe(Effect.as(true)),
    )
  }
})

const totalsOf = (lanes: Iterable<Lane>) => {
  const totals = { waiting: 0, inFlight: 0, worked: 0, atLeast: false }
  for (const lane of lanes) {
    const { atLeast, inFlight, waiting, worked } = lane.snapshot()
    totals.waiting += waiting
    totals.inFlight += inFlight
    totals.worked += worked
    totals.atLeast ||= atLeast
  }
  return totals
}

export type Conveyor = Effect.Success<ReturnType<typeof makeConveyor>>
