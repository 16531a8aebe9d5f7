/**
 * One run of the program: the production graph over the world's services, each call to which waits at a gate before it
 * takes effect and again before its answer arrives. A crash may come at any gate; what had taken effect by then, has.
 */
import { Buffer } from "node:buffer"
import { Cause, Context, Effect, Exit, Logger, Stream } from "effect"
import { Clock } from "effect/Clock"
import { Random } from "effect/Random"
import { Scheduler } from "effect/Scheduler"
import { CurrentLoggers } from "effect/Logger"
import { TransportError } from "../../src/domain/Errors.ts"
import { Ledger, type LedgerChange, type LedgerShape } from "../../src/domain/Ledger.ts"
import { Processors, Workspace } from "../../src/domain/Processor.ts"
import type { RemotePath } from "../../src/domain/Path.ts"
import { Publisher } from "../../src/domain/Publisher.ts"
import { type Content, SourceFiles } from "../../src/domain/SourceFiles.ts"
import { type Shipment, Transporters, type TransporterShape } from "../../src/domain/Transporter.ts"
import { Watcher } from "../../src/domain/Watcher.ts"
import { makeMemory as makeLedger } from "../../src/layers/ledger/memory.ts"
import { makeMemory as makePublisher } from "../../src/layers/publishers/memory.ts"
import {
  makeSourceFiles,
  layerProcessors,
  makeWorkspace,
  type Operation as ServerOperation,
} from "../../src/testing.ts"
import { type Conveyor, makeConveyor } from "../../src/streams/conveyor.ts"
import { processors, type SimulatedConfig, toConfig } from "./config.ts"
import type { Oracle } from "./oracle.ts"
import { count, stored, type World } from "./world.ts"

/** How long a transporter waits for a server, in milliseconds; each of the real ones has a limit of its own. */
const DEADLINE = 60_000

/** Bytes of a file that are read at once: few, so that much can happen in between. */
const PIECE = 32

export interface Process {
  /** The config file as it was when the program read it. */
  readonly config: SimulatedConfig
  readonly conveyor: () => Conveyor | undefined
  /** Ends as a power cut does: nothing more is done, nothing is cleaned up. */
  readonly crash: () => void
  /** Ends as SIGTERM or a reload does. */
  readonly stop: () => void
  /** Starts an Effect of the process, e.g. to ask for its status. */
  readonly ask: <A>(effect: Effect.Effect<A, unknown>) => () => A | undefined
}

type Wrap = <A, E, R>(label: string, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const gatedFiles = (files: SourceFiles["Service"], call: Wrap, oracle: Oracle): SourceFiles["Service"] => ({
  stat: (source, path) => call("stat", files.stat(source, path)),
  list: (source, directories) => call("list", files.list(source, directories)),
  identity: (source) => call("identity", files.identity(source)),
  realPaths: (paths) => call("real paths", files.realPaths(paths)),
  content: (source, path, state) => {
    const content = files.content(source, path, state)
    const gated: Content = {
      ...content,
      bytes: Stream.unwrap(Effect.as(call("open", Effect.void), content.bytes)).pipe(
        Stream.tap(() => call("read", Effect.void)),
      ),
    }
    return gated
  },
  remove: (source, path, state) =>
    call(
      `delete ${path}`,
      Effect.suspend(() => {
        const swept = oracle.beforeSweep(source.name, path)
        return Effect.tap(files.remove(source, path, state), () => Effect.sync(swept))
      }),
    ),
})

const labelOf = (change: LedgerChange): string => {
  switch (change._tag) {
    case "Delivered":
      return `Delivered ${change.delivery.server} ${change.delivery.destination}`
    case "Placing":
      return `Placing ${change.uploads.places.map(({ destination }) => destination).join(" ")}`
    case "Placed":
      return `Placed, unknown: ${change.unknown.join(" ")}`
    case "Retired":
      return `${change._tag} ${change.destination}`
    case "Forgotten":
      return `Forgotten ${change.key.server} ${change.key.path}`
    case "Failed":
      return `Failed ${change.failure.server} ${change.failure.path}: ${change.failure.reason}`
    default:
      return change._tag
  }
}

const gatedLedger = (ledger: LedgerShape, call: Wrap, slowReads: boolean, oracle: Oracle): LedgerShape => {
  const ask: Wrap = slowReads ? call : (_, effect) => effect
  return {
    commit: (changes) =>
      call(
        `commit ${changes.map(labelOf).join(", ")}`,
        Effect.suspend(() => {
          oracle.beforeCommit(changes)
          return Effect.tap(ledger.commit(changes), () => Effect.sync(() => oracle.afterCommit(changes)))
        }),
      ),
    deliveriesOf: (source, path) => ask("ledger", ledger.deliveriesOf(source, path)),
    deliveriesOfEach: (source, paths) => ask("ledger", ledger.deliveriesOfEach(source, paths)),
    outdated: (server, limit) => ask("ledger", ledger.outdated(server, limit)),
    isOutdated: (server, destination) => ask("ledger", ledger.isOutdated(server, destination)),
    areOccupied: (server, places) => ask("ledger", ledger.areOccupied(server, places)),
    deliveriesIn: (source, directory) => ask("ledger", ledger.deliveriesIn(source, directory)),
    directories: (source, below, after, limit) => ask("ledger", ledger.directories(source, below, after, limit)),
    count: (source) => ask("ledger", ledger.count(source)),
    occupants: (server, place) => ask("ledger", ledger.occupants(server, place)),
    latestOf: (target) => ask("ledger", ledger.latestOf(target)),
    linksOf: (target) => ask("ledger", ledger.linksOf(target)),
    staleReferrers: (targets, limit) => ask("ledger", ledger.staleReferrers(targets, limit)),
    retirementsOf: (target) => ask("ledger", ledger.retirementsOf(target)),
    retirable: (target, now) => ask("ledger", ledger.retirable(target, now)),
    failureOf: (target) => ask("ledger", ledger.failureOf(target)),
    failures: (limit, server) => ask("ledger", ledger.failures(limit, server)),
    agenda: (server, now, limit) => ask("ledger", ledger.agenda(server, now, limit)),
    deletable: (rules, now, limit) => ask("ledger", ledger.deletable(rules, now, limit)),
    outbox: (limit) => ask("ledger", ledger.outbox(limit)),
    holds: ask("ledger", ledger.holds),
    roots: ask("ledger", ledger.roots),
    totals: ask("ledger", ledger.totals),
    page: (after, limit) => ask("ledger", ledger.page(after, limit)),
    evict: (known, now) => call("evict", ledger.evict(known, now)),
  }
}

const gatedTransporter = (
  server: string,
  transporter: TransporterShape,
  call: Wrap,
  oracle: Oracle,
  world: World,
): TransporterShape => {
  const late = (operation: ServerOperation, path: string) => () =>
    Effect.fail(
      new TransportError({ server, operation, path, reason: { _tag: "Unreachable" }, detail: "it does not answer" }),
    )
  const inTime = <A>(
    operation: ServerOperation,
    path: string,
    effect: Effect.Effect<A, TransportError>,
  ): Effect.Effect<A, TransportError> =>
    Effect.timeoutOrElse(call(`${operation} ${server} ${path}`, effect), {
      duration: DEADLINE,
      orElse: late(operation, path),
    })
  /** Notices what readers get after it that they did not get before. */
  const noticed = <A>(place: RemotePath, effect: Effect.Effect<A, TransportError>) =>
    Effect.suspend(() => {
      const before = stored(world, server, place)
      return Effect.onExit(effect, () =>
        Effect.sync(() => {
          const after = stored(world, server, place)
          if (before === undefined || (after !== undefined && Buffer.compare(before, after) === 0)) return
          world.cdns.changed(server, place, after === undefined)
        }),
      )
    })
  const put: TransporterShape["put"] = (file, to) =>
    oracle.onePut(server, file, to, inTime("put", to, noticed(to, transporter.put(file, to))))
  const { invalidator, putMany } = transporter
  return {
    ...transporter,
    put,
    ...(putMany === undefined
      ? {}
      : {
          putMany: (files) => {
            if (files.length > 1) count(world, "batches")
            if (files.length > 1) count(world, "files in batches", files.length)
            const one = ({ file, to }: Shipment) => Effect.result(put(file, to))
            return Effect.forEach(files, one, { concurrency: world.chance.happens(0.5) ? 1 : "unbounded" })
          },
        }),
    ...(invalidator === undefined
      ? {}
      : {
          invalidator: {
            invalidate: (paths) => {
              const took = () => world.run(world.servers.get(server).invalidations).length
              const told = Effect.suspend(() => {
                const before = took()
                return Effect.onExit(invalidator.invalidate(paths), () =>
                  Effect.sync(() => {
                    if (took() === before) return
                    count(world, "invalidations")
                    world.cdns.told(server, paths)
                  }),
                )
              })
              return inTime("invalidate", paths[0] ?? server, told)
            },
          },
        }),
    remove: (at) =>
      inTime(
        "remove",
        at,
        Effect.suspend(() => {
          oracle.beforeRemove(server, at)
          return noticed(at, transporter.remove(at))
        }),
      ),
    stat: (at) => inTime("stat", at, transporter.stat(at)),
  }
}

/** Starts the program on the config file as it is. */
export const startProcess = (world: World, oracle: Oracle, slowReads: boolean): Process => {
  const { engine } = world
  const life = { dead: false }
  const gate = (label: string): Effect.Effect<void> =>
    Effect.suspend(() => (life.dead ? Effect.never : engine.gate(label)))
  const call: Wrap = (label, effect) =>
    Effect.flatMap(gate(label), () =>
      life.dead
        ? Effect.never
        : Effect.flatMap(Effect.exit(effect), (exit) => Effect.flatMap(gate(`${label} answered`), () => exit)),
    )
  const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
    const text = Array.isArray(message) ? message.map(String).join(" ") : String(message)
    oracle.logged(logLevel, Cause.hasDies(cause) ? `${text}: ${Cause.pretty(cause)}` : text, Cause.hasDies(cause))
  })
  const workspace = world.run(makeWorkspace(world.disk))
  const publisher = makePublisher(world.map)
  const services = Context.make(Clock, engine.clock).pipe(
    Context.add(Random, {
      nextDoubleUnsafe: world.chance.next,
      nextIntUnsafe: () => world.chance.below(Number.MAX_SAFE_INTEGER),
    }),
    Context.add(Scheduler, engine),
    Context.add(CurrentLoggers, new Set([logger])),
    Context.add(SourceFiles, gatedFiles(makeSourceFiles(world.disk, PIECE), call, oracle)),
    Context.add(Ledger, gatedLedger(makeLedger(world.ledger), call, slowReads, oracle)),
    Context.add(Workspace, {
      open: workspace.service.open,
      hash: (content, algorithm) => call("hash", workspace.service.hash(content, algorithm)),
    }),
    Context.add(Watcher, {
      open: (source) =>
        Effect.map(call("open watch", world.watcher.service.open(source)), (session) => ({
          ...session,
          watch: (directories) => call("watch", session.watch(directories)),
        })),
    }),
    Context.add(Publisher, {
      ...publisher,
      apply: (changes) =>
        call(
          "publish",
          Effect.tap(publisher.apply(changes), () => Effect.sync(() => oracle.published())),
        ),
      replaceAll: (rows) => call("publish all", publisher.replaceAll(rows)),
      // Figures for people, once a second: that would be most of what happens.
      pipeline: () => Effect.never,
    }),
    Context.add(Transporters, {
      get: (name) => gatedTransporter(name, world.servers.get(name).transporter, call, oracle, world),
    }),
    Context.add(
      Processors,
      world.run(
        Effect.scoped(Effect.map(Effect.service(Processors), (service) => service)).pipe(
          Effect.provide(layerProcessors(processors)),
        ),
      ),
    ),
  )
  let conveyor: Conveyor | undefined
  const begun = world.config
  oracle.started(begun)
  const main = Effect.flatMap(makeConveyor(toConfig(begun)), (made) => {
    conveyor = made
    return made.run
  })
  const fork = Effect.runForkWith(services)
  const fiber = fork(Effect.scoped(main))
  fiber.addObserver((exit) => {
    if (life.dead || (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))) return
    oracle.violated(
      `the daemon ended by itself: ${Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "without a reason"}`,
    )
  })
  count(world, "starts")
  const ask = <A>(effect: Effect.Effect<A, unknown>) => {
    const asked = fork(effect)
    return () => {
      const exit = asked.pollUnsafe()
      return exit !== undefined && Exit.isSuccess(exit) ? exit.value : undefined
    }
  }
  const end = () => {
    life.dead = true
    fiber.interruptUnsafe()
    engine.drain()
    engine.clear()
    oracle.ended()
  }
  return {
    config: begun,
    conveyor: () => conveyor,
    crash: () => {
      count(world, "crashes")
      end()
    },
    stop: () => {
      if (conveyor !== undefined) {
        const drained = ask(Effect.as(conveyor.drain, true))
        for (let waited = 0; waited < 10_000 && drained() === undefined; waited += 100) engine.advance(100)
      }
      fiber.interruptUnsafe()
      engine.advance(10)
      if (fiber.pollUnsafe() === undefined) oracle.violated("the daemon does not stop")
      end()
    },
    ask,
  }
}
