/**
 * One lane per server: its own backlog, breaker and pool of workers, so that a server that is down, slow or full delays
 * nobody else. Work of one file on one server is never in flight twice (invariant I2).
 *
 * @since 1.0.0
 */
import { isReadonlyArrayNonEmpty as isNonEmptyReadonlyArray, type NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Target } from "../domain/Delivery.ts"
import { dispositionOf, type WorkError } from "../domain/Disposition.ts"
import type { LedgerError, SourceError } from "../domain/Errors.ts"
import {
  BATCH_CROWD,
  BATCH_FILES,
  BATCH_FILE_BYTES,
  CHANGED_QUIET,
  LISTED_AHEAD,
  WAITING_LOOK,
} from "../domain/Limits.ts"
import { root } from "../domain/Path.ts"
import { Processors } from "../domain/Processor.ts"
import { fileKey } from "../domain/Reference.ts"
import type { Rule } from "../domain/Rule.ts"
import { Backlog, directory, type Item, ItemQueue, listed } from "./backlog.ts"
import { type Batch, makeBatch, nothingDone } from "./batch.ts"
import { makeBreaker } from "./breaker.ts"
import { type DeliverParts, makeDeliver } from "./deliver.ts"
import { makeExpand } from "./expand.ts"
import { makeFailures } from "./failures.ts"
import { makeLonger } from "./longer.ts"
import { InFlight } from "./inFlight.ts"
import { Owed } from "./owed.ts"
import { makePlaces } from "./places.ts"
import { makePulse } from "./pulse.ts"
import { makeRoom } from "./room.ts"
import { areBeside, type Unit, unitsOf } from "./units.ts"
import { Waits } from "./waits.ts"

export interface LaneOptions extends Omit<DeliverParts, "places" | "waits" | "longer"> {
  /** Operations at once when all is well. */
  readonly connections: number
}

export const makeLane = Effect.fnUntraced(function* (options: LaneOptions) {
  const { server, shared } = options
  const waits = new Waits()
  const processors = yield* Processors
  const isToServer = (rule: Rule) => rule.destinations.some((destination) => destination.server === server)
  const longer = makeLonger({
    isPossible: shared.config.rules.some(
      (rule) => isToServer(rule) && rule.chain.some((use) => processors.get(use).long !== undefined),
    ),
    left: (item) => {
      // What was let through to see how the server is did not get there yet.
      breaker.unproven()
      release(item)
      pulse.wake()
    },
    returned: (sources) => {
      for (const source of sources) backlog.add(directory(source, root, "tree"))
      pulse.wake()
    },
  })
  const parts: DeliverParts = { ...options, places: makePlaces(), waits, longer }
  const deliver = yield* makeDeliver(parts)
  const { putMany } = options.transporter
  const deliverMany = putMany === undefined ? undefined : yield* makeBatch(parts, putMany)
  const breaker = yield* makeBreaker(options.connections)
  const backlog = new Backlog()
  const pulse = makePulse()
  const inFlight = new InFlight()
  const owed = new Owed()
  /** What listing a tree found to be due. Work of a file takes it out, so its deliveries are as they were listed. */
  const found = new ItemQueue()
  const expand = yield* makeExpand({ shared, server, backlog, found, inFlight })
  const failures = yield* makeFailures(shared, server)
  let worked = 0
  let stopped = false

  const add = (item: Item) => {
    if (item.kind !== "path" || !inFlight.again(item)) backlog.add(item)
    pulse.wake()
  }

  const isIdle = () =>
    backlog.size + owed.size + found.size + inFlight.size === 0 && !expand.isUnderWay() && waits.isEmpty

  /** Nothing else is to be done: who waits for files that do not come goes on without them. */
  const giveUp = (): boolean => {
    const { items, sources } = waits.giveUp((file) => inFlight.has(fileKey(file)) || shared.comes(file))
    for (const item of items) backlog.add({ ...item, urgent: false, patient: false })
    for (const source of sources) backlog.add(directory(source, root, "tree"))
    return items.length + sources.length > 0
  }

  /** The next path that nobody works on. */
  const pick = (): Item | undefined => {
    for (;;) {
      const item = backlog.hasUrgent ? backlog.takePath() : (found.take() ?? backlog.takePath() ?? owed.peek())
      if (item === undefined) return undefined
      found.delete(item.key)
      if (inFlight.again(item)) owed.drop(item.key)
      else {
        owed.begin(item.key)
        return item
      }
    }
  }

  /** How many files are at work here and now. */
  const working = (): number => inFlight.size - longer.size()

  /** How many files may be at work: many that go together are not as many operations. */
  const capacity = (): number => breaker.limit() * (deliverMany === undefined ? 1 : BATCH_CROWD)

  /** So little room that a batch of what waits is better started when there is more. */
  const isTight = (): boolean => {
    if (deliverMany === undefined || working() === 0) return false
    const room = capacity() - working()
    // A few changes go at once, a crowd of them together.
    if (backlog.hasUrgent && backlog.urgents <= room) return false
    return room < Math.min(BATCH_FILES, capacity() / 2) && found.size + backlog.size + owed.size > room
  }

  /** What comes next is in the directory of the last: it had better go with it. */
  const isSplit = (last: Item | undefined): boolean => {
    if (last === undefined || deliverMany === undefined || backlog.hasUrgent) return false
    const next = found.peek() ?? backlog.peekPath()
    return next !== undefined && areBeside(last, next)
  }

  /** As many paths as may be started now. */
  const pickAll = (): Array<Item> => {
    const items: Array<Item> = []
    if (isTight()) return items
    const room = capacity() - working()
    while (items.length < room || (items.length < room + BATCH_FILES && isSplit(items.at(-1)))) {
      const item = pick()
      if (item === undefined) break
      inFlight.begin(item)
      items.push(item)
      // A server that was down is tried with one file.
      if (breaker.state()._tag !== "Up") break
    }
    return items
  }

  /** May go together with others. What a monitor told of is looked at then. */
  const isEasy = (item: Item): boolean =>
    (item.state === undefined ? item.urgent : item.state.size <= BATCH_FILE_BYTES) &&
    !owed.isInWork(item.key) &&
    !shared.isWritten(item.source, item.path)

  const room = makeRoom({
    isFull: () => deliverMany !== undefined && breaker.state()._tag === "Up" && backlog.size > LISTED_AHEAD,
    worked: () => worked,
  })

  /** Whether listing some more comes before starting what there is: so that many small files go together. */
  const isRunningLow = (): boolean =>
    found.size < BATCH_FILES && found.size < capacity() - working() && !backlog.hasPaths && owed.size === 0

  const next = Effect.fnUntraced(function* (): Effect.fn.Return<
    NonEmptyReadonlyArray<Unit>,
    LedgerError | SourceError
  > {
    for (;;) {
      if (stopped) yield* Effect.never
      yield* breaker.pass
      if (isRunningLow() && (yield* expand.next())) {
        breaker.unproven()
        continue
      }
      const items = pickAll()
      const units = deliverMany === undefined ? items.map((item): Unit => [item]) : unitsOf(items, isEasy)
      room.taken()
      if (isNonEmptyReadonlyArray(units)) return units
      // Nothing to try the server with: whoever comes next may.
      breaker.unproven()
      const looks = working() === 0 && !waits.isEmpty
      if (looks && giveUp()) continue
      if (inFlight.size === 0) shared.rested()
      yield* looks ? Effect.raceFirst(pulse.wait, Effect.sleep(WAITING_LOOK)) : pulse.wait
      // Whoever woke us may have more to hand over: that goes with the first.
      if (deliverMany !== undefined) yield* Effect.yieldNow
    }
  })

  const park = Effect.fnUntraced(function* (item: Item, reason: string) {
    add({ ...item, urgent: false })
    const down = yield* breaker.failed(reason)
    if (down?.isNews === true) shared.emit({ _tag: "ServerDown", server, reason, nextTry: down.nextTry })
  })

  const onError = (item: Item, error: WorkError): Effect.Effect<void, LedgerError> => {
    const disposition = dispositionOf(error)
    if (disposition._tag === "ParkFile" && error._tag === "TransportError") answered()
    else if (disposition._tag !== "ParkServer") breaker.unproven()
    switch (disposition._tag) {
      case "ParkFile":
        return failures.add(item, error.message)
      case "ParkServer":
        return park(item, error.message)
      case "SlowDown":
        add({ ...item, urgent: false })
        return breaker.throttled(disposition.afterMillis)
      case "DecideAgain":
        return Effect.sync(() => shared.unsettled(item.source, item.path, CHANGED_QUIET))
      case "Halt":
        return error._tag === "LedgerError" ? Effect.fail(error) : Effect.die(error)
    }
  }

  const answered = () => {
    if (breaker.succeeded()) shared.emit({ _tag: "ServerUp", server })
  }

  const attempt = Effect.fnUntraced(function* (item: Item) {
    const hadFailed = yield* failures.has(item)
    const ask = waits.begin(item)
    const asked = yield* deliver(ask, owed.isInWork(item.key))
    if (ask.awaited.size > 0) {
      const ready = waits.wait(ask)
      if (ready !== undefined) add(ready)
    } else if (!ask.putOff) worked++
    if (asked) answered()
    else breaker.unproven()
    if (hadFailed && !ask.putOff) yield* failures.clear(item)
    release(item)
  })

  /** What was handed over is done: there may be more. */
  const release = ({ key }: Item) => {
    if (owed.end(key)) shared.agendaChanged(server)
  }

  const work = (item: Item): Effect.Effect<void, LedgerError> =>
    attempt(item).pipe(
      Effect.catchCause((cause): Effect.Effect<void, LedgerError> => {
        if (Cause.hasInterrupts(cause)) return Effect.failCause(cause as Cause.Cause<never>)
        const error = Cause.findErrorOption(cause)
        if (error._tag === "Some") return onError(item, error.value)
        breaker.unproven()
        return Effect.logError("unexpected failure; the file will be tried again", cause).pipe(
          Effect.annotateLogs({ server, path: item.path }),
          Effect.andThen(failures.add(item, "unexpected failure; see the log")),
        )
      }),
      Effect.andThen(Effect.sync(() => finish([item]))),
    )

  /** These are in work no more. */
  const finish = (items: ReadonlyArray<Item>) => {
    for (const item of items) {
      owed.end(item.key)
      const again = inFlight.end(item.key)
      if (again !== undefined) backlog.add(again)
      for (const referrer of waits.ended(item)) backlog.add({ ...referrer, urgent: false })
      shared.left(item)
    }
    pulse.wake()
    if (inFlight.size === 0) shared.rested()
  }

  /** Where the lane is cut off, what was in work is begun anew. */
  const restore = () => {
    const cutOff = inFlight.anew
    for (const item of cutOff) backlog.add(item)
    finish(cutOff)
  }

  /** Targets with a failure on record are for the stage for one file, which knows how to end it. */
  const withoutFailures = Effect.fnUntraced(function* (unit: Unit) {
    if (!failures.any()) return { easy: unit, left: [] }
    const easy: Array<Item> = []
    const left: Array<Item> = []
    for (const item of unit) {
      if (yield* failures.has(item)) left.push(item)
      else easy.push(item)
    }
    return { easy, left }
  })

  const workMany = (unit: Unit, deliverMany: Batch): Effect.Effect<void, LedgerError> => {
    const alone = (item: Item) => longer.attend(item, work(item))
    return Effect.gen(function* () {
      const { easy, left } = yield* withoutFailures(unit)
      const outcome = yield* deliverMany(easy).pipe(
        Effect.catch((error) => Effect.succeed({ ...nothingDone, failed: easy.map((item) => [item, error] as const) })),
        Effect.catchDefect((defect) =>
          Effect.as(Effect.logError("unexpected failure; the files are delivered one by one", defect), {
            ...nothingDone,
            left: easy,
          }),
        ),
      )
      worked += outcome.delivered + outcome.idle
      for (let i = 0; i < outcome.delivered; i++) answered()
      for (const [item, error] of outcome.failed) yield* onError(item, error)
      const rest = new Set([...left, ...outcome.left])
      finish(unit.filter((item) => !rest.has(item)))
      yield* Effect.forEach(rest, alone, { concurrency: "unbounded", discard: true })
    })
  }

  const workOn = (unit: Unit): Effect.Effect<void, LedgerError> =>
    unit.length === 1 || deliverMany === undefined ? longer.attend(unit[0], work(unit[0])) : workMany(unit, deliverMany)

  return {
    server,
    add,
    /** The files it is busy with: it works on them now, or was kept from them. */
    busyWith: () => inFlight.items,
    isBusyWith: (item: Item) => inFlight.has(item.key),
    /** Keeps away from a file that it is not busy with until `leave`. */
    take: (item: Item) => {
      inFlight.take(item)
      // What was listed of it may be outdated by then.
      if (found.delete(item.key)) inFlight.again(item)
    },
    leave: (items: ReadonlyArray<Item>) => {
      for (const { key } of items) {
        const again = inFlight.end(key)
        if (again !== undefined) backlog.add(again)
      }
      pulse.wake()
    },
    /** A file that this one refers to is elsewhere now. Assets go first, so it is not urgent. */
    addStale: (target: Target) => {
      if (!waits.isWaiting(target)) add(listed(target.source, target.path, undefined))
    },
    /** A retry or a retirement of this target is due. */
    addFromAgenda: (item: Item) => {
      // Where it is in work now, the agenda comes back.
      if (longer.has(item.key) || inFlight.has(item.key)) return
      owed.add(item)
      pulse.wake()
    },
    /** Starts nothing new; what is in flight goes on. */
    stop: () => {
      stopped = true
      pulse.wake()
    },
    /** Tries a server that is down at once. */
    retryNow: breaker.retryNow,
    /** Returns when it is worth listing more for this lane; at once for one that is slower than any listing. */
    room: room.wait,
    isIdle,
    /** Nothing can be done now: idle, or waiting for a server that is down. */
    isStuck: () => breaker.state()._tag === "Down" && inFlight.size === 0,
    snapshot: () => ({
      breaker: breaker.state(),
      waiting: backlog.size + owed.size + found.size + waits.size,
      referring: waits.size,
      atLeast: backlog.isCollapsed || expand.isUnderWay() || longer.isPuttingOff(),
      inFlight: inFlight.size,
      worked,
    }),
    run: Stream.fromPull(Effect.succeed(Effect.suspend(() => next()))).pipe(
      Stream.mapEffect(workOn, { concurrency: options.connections, unordered: true }),
      Stream.runDrain,
      Effect.andThen(Effect.never),
      longer.around,
      Effect.ensuring(Effect.sync(restore)),
    ) as Effect.Effect<never, LedgerError | SourceError>,
  }
})

export type Lane = Effect.Success<ReturnType<typeof makeLane>>
