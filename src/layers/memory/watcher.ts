/**
 * A file monitor over an in-memory disk, and the ways in which monitors let one down: events dropped, doubled, reordered
 * or late, queues that overflow, directories that can not be watched, monitors that die.
 *
 * @since 1.0.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type { Source } from "../../domain/Config.ts"
import { WatcherError } from "../../domain/Errors.ts"
import type { ChangeKind, FileChange } from "../../domain/FileChange.ts"
import { MEMORY_WATCH_QUEUE } from "../../domain/Limits.ts"
import { baseNameOf, directoryOf, isWithin, type RelativePath, root } from "../../domain/Path.ts"
import { type BlindSpot, Watcher, type WatcherCapabilities, type WatchSignal } from "../../domain/Watcher.ts"
import type { DiskEvent, MemoryDisk } from "./disk.ts"
import { absolute, below } from "./sourceFiles.ts"

/** How a monitor lets one down. Shares go from 0 to 1. */
export interface WatcherFaults {
  /** Share of events that never come, in silence. */
  readonly drop: number
  /** Share of events that come twice. */
  readonly double: number
  /** Share of events that overtake the one before them. */
  readonly reorder: number
  /** Every event comes up to this many milliseconds late. */
  readonly delay: number
  /** Absolute paths of directories that can not be watched. */
  readonly blind: ReadonlySet<string>
  /** Watches there are on this machine, over all sources. */
  readonly watches: number
  /** Hints held while nobody pulls; past it they turn into an overflow. */
  readonly queue: number
}

/** A monitor that tells everything at once. */
export const noWatcherFaults: WatcherFaults = {
  drop: 0,
  double: 0,
  reorder: 0,
  delay: 0,
  blind: new Set(),
  watches: Number.POSITIVE_INFINITY,
  queue: MEMORY_WATCH_QUEUE,
}

/** An in-memory monitor: the service, and the handles by which a test makes it fail. */
export interface MemoryWatcher {
  readonly service: Watcher["Service"]
  readonly layer: Layer.Layer<Watcher>
  readonly faults: Effect.Effect<WatcherFaults>
  /** Replaces the faults that are named; the others stay as they are. */
  readonly setFaults: (faults: Partial<WatcherFaults>) => Effect.Effect<void>
  /** Every open session at, above or below this absolute path loses what it holds and says so. */
  readonly overflow: (path: string) => Effect.Effect<void>
  /** Every open session of this source fails. */
  readonly kill: (source: Source, detail: string) => Effect.Effect<void>
  /** How many sessions are open. */
  readonly sessions: Effect.Effect<number>
}

interface Pending {
  readonly change: FileChange
  readonly readyAt: number
}

interface Session {
  readonly source: Source
  readonly watched: Set<RelativePath>
  readonly wake: Queue.Queue<void>
  pending: Array<Pending>
  overflowed: RelativePath | undefined
  rootLost: boolean
  ended: boolean
  dead: WatcherError | undefined
}

interface Hint {
  /** The absolute path. */
  readonly path: string
  readonly kind: ChangeKind
  /** The path is that of a directory. */
  readonly directory: boolean
}

const ofFile = (path: string, kind: ChangeKind): Hint => ({ path, kind, directory: false })
const ofDirectory = (path: string): Hint => ({ path, kind: "tree", directory: true })

const hintsOf = (event: DiskEvent): ReadonlyArray<Hint> => {
  switch (event._tag) {
    case "Created":
      if (event.kind === "directory") return [ofDirectory(event.path)]
      return [ofFile(event.path, event.kind === "file" ? "growing" : "complete")]
    case "Modified":
      return [ofFile(event.path, "growing")]
    case "Closed":
      return [ofFile(event.path, "complete")]
    case "Touched":
      return [ofFile(event.path, event.writing ? "growing" : "complete")]
    case "Moved":
      if (event.kind === "directory") return [ofDirectory(event.from), ofDirectory(event.to)]
      return [ofFile(event.from, "gone"), ofFile(event.to, event.writing ? "growing" : "complete")]
    case "Removed":
      return [event.kind === "directory" ? ofDirectory(event.path) : ofFile(event.path, "gone")]
  }
}

/** Directories that are no longer where they were. A moved one may have replaced another, empty one. */
const lostDirectories = (event: DiskEvent): ReadonlyArray<string> => {
  if (event._tag === "Removed" && event.kind === "directory") return [event.path]
  return event._tag === "Moved" && event.kind === "directory" ? [event.from, event.to] : []
}

/** What an in-memory monitor can tell unless it is asked to know less. */
const everything: WatcherCapabilities = { closes: true, overflow: true, recursive: false }

/** A monitor over a disk. Without `closes` it tells only that a file may still be growing. */
export const makeWatcher = (disk: MemoryDisk, options?: { readonly closes?: boolean }): Effect.Effect<MemoryWatcher> =>
  Effect.sync(() => {
    const capabilities = { ...everything, closes: options?.closes ?? true }
    const sessions = new Set<Session>()
    let faults = noWatcherFaults

    const wake = (session: Session) => Effect.sync(() => void Queue.offerUnsafe(session.wake, undefined))
    const lose = (session: Session, directory: RelativePath) => {
      const before = session.overflowed
      session.pending = session.pending.filter(({ change }) => !isWithin(directory, change.path))
      session.overflowed = before === undefined || isWithin(directory, before) ? directory : root
      if (session.overflowed === root) session.pending = []
    }

    const add = (session: Session, change: FileChange) =>
      Effect.gen(function* () {
        const { delay, double, drop, reorder } = faults
        if (drop > 0 && (yield* Random.next) < drop) return
        const times = double > 0 && (yield* Random.next) < double ? 2 : 1
        for (let time = 0; time < times; time++) {
          // Whole milliseconds: a clock need not wake anybody for less.
          const late = delay > 0 ? Math.ceil(yield* Random.nextBetween(0, delay)) : 0
          const pending = { change, readyAt: (yield* Clock.currentTimeMillis) + late }
          const overtakes = reorder > 0 && (yield* Random.next) < reorder
          if (session.pending.length >= faults.queue) lose(session, root)
          else session.pending.splice(session.pending.length - (overtakes ? 1 : 0), 0, pending)
        }
        yield* wake(session)
      })

    const hear = (session: Session, event: DiskEvent) =>
      Effect.gen(function* () {
        for (const hint of hintsOf(event)) {
          const path = below(session.source, hint.path)
          if (path === undefined || path === root || !session.watched.has(directoryOf(path))) continue
          if (hint.directory && session.source.ignoredDirs.has(baseNameOf(path))) continue
          const kind = hint.kind === "complete" && !capabilities.closes ? "growing" : hint.kind
          yield* add(session, { path, kind })
        }
        for (const lost of lostDirectories(event)) {
          for (const directory of session.watched) {
            if (isWithin(lost, absolute(session.source, directory))) session.watched.delete(directory)
          }
          if (isWithin(lost, session.source.root)) session.rootLost = true
        }
        if (session.rootLost) yield* wake(session)
      })

    const pull = (session: Session): Effect.Effect<WatchSignal, WatcherError | Cause.Done> =>
      Effect.gen(function* () {
        while (true) {
          if (session.ended) return yield* Cause.done()
          if (session.dead !== undefined) return yield* session.dead
          if (session.overflowed !== undefined) {
            const directory = session.overflowed
            session.overflowed = undefined
            return { _tag: "Overflowed", directory } as const
          }
          const now = yield* Clock.currentTimeMillis
          const ready = session.pending.filter(({ readyAt }) => readyAt <= now)
          if (ready.length > 0) {
            session.pending = session.pending.filter(({ readyAt }) => readyAt > now)
            return { _tag: "Changes", changes: ready.map(({ change }) => change) } as const
          }
          if (session.rootLost) {
            session.ended = true
            return { _tag: "RootLost" } as const
          }
          const next = session.pending.reduce(
            (least, { readyAt }) => Math.min(least, readyAt),
            Number.POSITIVE_INFINITY,
          )
          const woken = Queue.take(session.wake)
          yield* next === Number.POSITIVE_INFINITY
            ? woken
            : Effect.raceFirst(woken, Effect.sleep(Math.ceil(next - now)))
        }
      })

    const total = () => Array.from(sessions).reduce((sum, session) => sum + session.watched.size, 0)

    const watch = (session: Session, directories: ReadonlyArray<RelativePath>) => {
      const blind: Array<BlindSpot> = []
      for (const directory of directories) {
        const where = absolute(session.source, directory)
        if (disk.at(where)?.kind !== "directory") continue
        if (faults.blind.has(where)) {
          blind.push({ directory, reason: "EACCES: it may not be watched", exhausted: false })
        } else if (!session.watched.has(directory) && total() >= faults.watches) {
          blind.push({ directory, reason: "ENOSPC: no more watches on this machine", exhausted: true })
        } else {
          session.watched.add(directory)
        }
      }
      return blind
    }

    const open: Watcher["Service"]["open"] = (source) =>
      Effect.gen(function* () {
        if (disk.at(source.root)?.kind !== "directory") {
          return yield* new WatcherError({ root: source.root, detail: "it is not a directory" })
        }
        const session: Session = {
          source,
          watched: new Set(),
          wake: yield* Queue.sliding<void>(1),
          pending: [],
          overflowed: undefined,
          rootLost: false,
          ended: false,
          dead: undefined,
        }
        yield* Effect.acquireRelease(
          Effect.sync(() => void sessions.add(session)),
          () => {
            sessions.delete(session)
            session.ended = true
            return wake(session)
          },
        )
        yield* disk.subscribe((event) => hear(session, event))
        return {
          name: "memory",
          capabilities,
          signals: Stream.fromEffectRepeat(pull(session)),
          watch: (directories) =>
            Effect.flatMap(disk.look, () =>
              session.dead === undefined ? Effect.succeed(watch(session, directories)) : Effect.fail(session.dead),
            ),
          watched: Effect.sync(() => session.watched.size),
        }
      })

    return {
      service: { open },
      layer: Layer.succeed(Watcher, { open }),
      faults: Effect.sync(() => faults),
      setFaults: (some) =>
        Effect.sync(() => {
          faults = { ...faults, ...some }
        }),
      overflow: (path) =>
        Effect.forEach(
          Array.from(sessions),
          (session) => {
            const whole = path === "/" || isWithin(path, session.source.root)
            const directory = whole ? root : below(session.source, path)
            if (directory === undefined) return Effect.void
            lose(session, directory)
            return wake(session)
          },
          { discard: true },
        ),
      kill: (source, detail) =>
        Effect.forEach(
          Array.from(sessions).filter((session) => session.source.name === source.name),
          (session) => {
            session.dead = new WatcherError({ root: source.root, detail })
            return wake(session)
          },
          { discard: true },
        ),
      sessions: Effect.sync(() => sessions.size),
    }
  })
