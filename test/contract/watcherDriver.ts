/**
 * Plays the part of whoever listens to a monitor: watches before it lists, follows `tree` hints, looks at what is hinted,
 * and nothing else. So what it believes is on disk is what hints alone can tell.
 */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import * as os from "node:os"
import * as nodePath from "node:path"
import { assert } from "@effect/vitest"
import { Effect, Fiber, type Scope, Stream } from "effect"
import type { Source, Symlinks } from "../../src/domain/Config.ts"
import type { WatcherError } from "../../src/domain/Errors.ts"
import type { FileChange } from "../../src/domain/FileChange.ts"
import { child, directoryOf, isWithin, type RelativePath, type SourceName } from "../../src/domain/Path.ts"
import { type BlindSpot, Watcher, type WatchSession, type WatchSignal } from "../../src/domain/Watcher.ts"
import { fromNative, native } from "../../src/layers/nativePath.ts"

/** How long anything may take to be told. */
export const DEADLINE = 60_000

/** A file counts as settled when it held still this long. */
const QUIET = 120

/** The whole tree is compared when nothing was told for this long. */
const LULL = 30

export const asPath = (path: string): RelativePath => path as RelativePath

/** A temporary directory with a `root` to watch and an `outside` beside it; gone with the Scope. */
export const makePlace: Effect.Effect<{ readonly root: string; readonly outside: string }, never, Scope.Scope> =
  Effect.acquireRelease(
    Effect.sync(() => {
      const base = fs.realpathSync(fs.mkdtempSync(nodePath.join(os.tmpdir(), "watcher-")))
      const place = { base, root: nodePath.join(base, "root"), outside: nodePath.join(base, "outside") }
      fs.mkdirSync(place.root)
      fs.mkdirSync(place.outside)
      return place
    }),
    ({ base }) => Effect.sync(() => fs.rmSync(base, { recursive: true, force: true })),
  )

export const makeSource = (
  root: string,
  options?: { readonly ignoredDirs?: ReadonlyArray<string>; readonly symlinks?: Symlinks },
): Source => ({
  name: "source" as SourceName,
  scanPath: root,
  root,
  documentRoot: undefined,
  basePath: undefined,
  logicalBasePath: false,
  ignoredDirs: new Set(options?.ignoredDirs),
  monitor: "auto",
  symlinks: options?.symlinks ?? "inside",
})

const at = (root: string, path: RelativePath) => native(path === "" ? root : `${root}/${path}`)

/** Nothing on the way to it is a link, or links are followed. */
const isReached = (source: Source, path: RelativePath): boolean => {
  if (source.symlinks === "follow") return true
  for (let above = directoryOf(path); above !== ""; above = directoryOf(above)) {
    if (!fs.lstatSync(at(source.root, above)).isDirectory()) return false
  }
  return true
}

/** What a file or link looks like now; undefined for directories and for nothing. Its directory is known to be reached. */
const stampAt = (source: Source, path: RelativePath): string | undefined => {
  try {
    const where = at(source.root, path)
    const link = fs.lstatSync(where, { bigint: true })
    const stats = source.symlinks === "follow" && link.isSymbolicLink() ? fs.statSync(where, { bigint: true }) : link
    return stats.isDirectory() ? undefined : `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.mode}`
  } catch {
    return undefined
  }
}

const stampOf = (source: Source, path: RelativePath): string | undefined => {
  try {
    return isReached(source, path) ? stampAt(source, path) : undefined
  } catch {
    return undefined
  }
}

const namesIn = (root: string, directory: RelativePath): ReadonlyArray<string> => {
  try {
    return fs.readdirSync(at(root, directory), { encoding: "buffer" }).map((name) => fromNative(name))
  } catch {
    return []
  }
}

const isDirectory = (source: Source, path: RelativePath): boolean => {
  try {
    if (!isReached(source, path)) return false
    const where = at(source.root, path)
    return (path === "" || source.symlinks === "follow" ? fs.statSync(where) : fs.lstatSync(where)).isDirectory()
  } catch {
    return false
  }
}

/** A directory and all below it. */
const walk = function* (source: Source, from: RelativePath): Generator<RelativePath, void> {
  if (!isDirectory(source, from)) return
  yield from
  for (const name of namesIn(source.root, from)) {
    if (!source.ignoredDirs.has(name)) yield* walk(source, child(from, name))
  }
}

const filesIn = (source: Source, directory: RelativePath): Map<RelativePath, string> => {
  const files = new Map<RelativePath, string>()
  if (!isDirectory(source, directory)) return files
  for (const name of namesIn(source.root, directory)) {
    const path = child(directory, name)
    const stamp = stampAt(source, path)
    if (stamp !== undefined) files.set(path, stamp)
  }
  return files
}

/** What is really there. */
const truth = (source: Source): Map<RelativePath, string> => {
  const files = new Map<RelativePath, string>()
  for (const directory of walk(source, asPath("")))
    for (const [path, stamp] of filesIn(source, directory)) files.set(path, stamp)
  return files
}

export interface Driver {
  readonly source: Source
  readonly session: WatchSession
  /** Everything that was told, oldest first. */
  readonly heard: ReadonlyArray<FileChange>
  readonly signals: ReadonlyArray<WatchSignal>
  readonly blind: ReadonlyArray<BlindSpot>
  /** Starts to pull. */
  readonly listen: Effect.Effect<Fiber.Fiber<void, WatcherError>, never, Scope.Scope>
  /** Waits until what was told by hints is what is on disk, and nothing is still settling. */
  readonly converged: Effect.Effect<void>
  /** Waits until this holds. */
  readonly until: (what: string, holds: () => boolean) => Effect.Effect<void>
  /** Everything that happened so far has been told: two new files came through one after the other. */
  readonly synchronized: Effect.Effect<void>
  /** Watches and lists a tree, as after a `tree` hint. */
  readonly explore: (from: RelativePath) => Effect.Effect<void, WatcherError>
  readonly path: (path: string) => string
}

/** Opens a monitor, watches and lists the whole tree. Call `listen` to pull. */
export const makeDriver = Effect.fnUntraced(function* (source: Source) {
  const watcher = yield* Watcher
  const session = yield* watcher.open(source)
  const known = new Map<RelativePath, string>()
  const settling = new Map<RelativePath, number>()
  const heard: Array<FileChange> = []
  const signals: Array<WatchSignal> = []
  const blind: Array<BlindSpot> = []
  let told = () => {}
  let toldAt = 0

  const look = (path: RelativePath) => {
    const stamp = stampOf(source, path)
    if (stamp === undefined) known.delete(path)
    else known.set(path, stamp)
    return stamp
  }
  const list = (directory: RelativePath) => {
    for (const path of Array.from(known.keys())) {
      const rest = directory === "" ? path : path.slice(directory.length + 1)
      if (path !== directory && isWithin(directory, path) && !rest.includes("/")) known.delete(path)
    }
    for (const [path, stamp] of filesIn(source, directory)) known.set(path, stamp)
  }
  const explore = Effect.fnUntraced(function* (from: RelativePath) {
    for (const path of Array.from(known.keys())) if (isWithin(from, path)) known.delete(path)
    look(from)
    const stack = [from]
    for (let batch = stack.splice(-64); batch.length > 0; batch = stack.splice(-64)) {
      const directories = batch.filter((directory) => isDirectory(source, directory))
      if (!session.capabilities.recursive) blind.push(...(yield* session.watch(directories)))
      for (const directory of directories) {
        list(directory)
        for (const name of namesIn(source.root, directory)) {
          const path = child(directory, name)
          if (!source.ignoredDirs.has(name) && isDirectory(source, path)) stack.push(path)
        }
      }
    }
  })
  const hear = Effect.fnUntraced(function* ({ kind, path }: FileChange) {
    heard.push({ kind, path })
    if (kind === "tree") yield* explore(path)
    else if (kind === "listing") list(path)
    else if (look(path) !== undefined && kind === "growing") settling.set(path, Date.now())
  })
  const listen = Stream.runForEach(session.signals, (signal) =>
    Effect.gen(function* () {
      signals.push(signal)
      if (signal._tag === "Changes") yield* Effect.forEach(signal.changes, hear, { discard: true })
      if (signal._tag === "Overflowed") yield* explore(signal.directory)
      toldAt = Date.now()
      told()
    }),
  ).pipe(Effect.forkScoped)

  /** Looks again at what was growing until it holds still. */
  const settle = () => {
    const now = Date.now()
    for (const [path, since] of settling) {
      if (now - since < QUIET) continue
      const before = known.get(path)
      if (look(path) === before) settling.delete(path)
      else settling.set(path, now)
    }
  }
  const until = (what: string, holds: () => boolean): Effect.Effect<void> =>
    Effect.gen(function* () {
      const end = Date.now() + DEADLINE
      while (!holds()) {
        if (Date.now() > end)
          return assert.fail(`not told in time: ${what}; last heard ${JSON.stringify(heard.slice(-12))}`)
        yield* Effect.callback<void>((resume) => {
          const timer = setTimeout(() => resume(Effect.void), 20)
          told = () => resume(Effect.void)
          return Effect.sync(() => clearTimeout(timer))
        })
        settle()
      }
    })
  const difference = () => {
    const real = truth(source)
    const wrong = Array.from(real.keys()).filter((path) => known.get(path) !== real.get(path))
    return [...wrong, ...Array.from(known.keys()).filter((path) => !real.has(path))]
  }
  // Comparing a large tree takes a while: most of the time belongs to the monitor.
  let restUntil = 0
  const isTrue = () => {
    const start = Date.now()
    if (settling.size > 0 || start - toldAt < LULL || start < restUntil) return false
    const same = difference().length === 0
    restUntil = Date.now() + 4 * (Date.now() - start)
    return same
  }
  const converged = Effect.suspend(() =>
    Effect.catchDefect(until("the tree", isTrue), (defect) => {
      const wrong = difference()
      return Effect.die(
        new Error(`${wrong.length} paths differ, e.g. ${wrong.slice(0, 5).join(", ")}; ${String(defect)}`),
      )
    }),
  )
  let sentinels = 0
  const sentinel = Effect.suspend(() => {
    const name = asPath(`.sentinel-${++sentinels}`)
    fs.writeFileSync(at(source.root, name), "")
    return until(name, () => known.has(name))
  })

  yield* explore(asPath(""))
  const driver: Driver = {
    source,
    session,
    heard,
    signals,
    blind,
    listen,
    converged,
    until,
    synchronized: Effect.andThen(sentinel, sentinel),
    explore,
    path: (path) => `${source.root}/${path}`,
  }
  return driver
})

/** The same, already pulling. */
export const makeListener = Effect.fnUntraced(function* (source: Source) {
  const driver = yield* makeDriver(source)
  yield* driver.listen
  return driver
})

/** Inotify watches this process holds, over all instances. */
export const inotifyWatches = (): number =>
  fs.readdirSync("/proc/self/fdinfo").reduce((sum, descriptor) => {
    try {
      const info = fs.readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1")
      return sum + info.split("\n").filter((line) => line.startsWith("inotify ")).length
    } catch {
      return sum
    }
  }, 0)

/** Bytes that are no UTF-8, below a directory. */
export const rawName = (directory: string): Buffer =>
  Buffer.concat([Buffer.from(`${directory}/raw`), Buffer.of(0xff, 0xfe)])
