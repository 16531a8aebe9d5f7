/**
 * Disk and ledger side by side, directory by directory, in memory that does not grow with the number of files.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Delivery } from "../domain/Delivery.ts"
import type { LedgerError, SourceError } from "../domain/Errors.ts"
import type { Entry, FileState, Listing } from "../domain/FileState.ts"
import { Ledger } from "../domain/Ledger.ts"
import { child, isWithin, type RelativePath } from "../domain/Path.ts"
import { SourceFiles } from "../domain/SourceFiles.ts"
import type { Source } from "../domain/Config.ts"

/** A directory as it is on disk, and what servers hold of its files. */
export interface DirectoryView extends Listing {
  readonly deliveries: ReadonlyArray<Delivery>
}

export interface WalkOptions<E = never> {
  /** Also everything below. */
  readonly recursive: boolean
  /** Directories looked at in one step. */
  readonly batch: number
  /** Runs before directories are listed, e.g. to watch them first. */
  readonly before?: (directories: ReadonlyArray<RelativePath>) => Effect.Effect<void, E>
}

/** A walk under way. */
export interface Walk<E = never> {
  /** The next directories; undefined at the end. Not for concurrent use. */
  readonly next: Effect.Effect<ReadonlyArray<DirectoryView> | undefined, SourceError | LedgerError | E>
}

/**
 * Walks the directory `from` of a source: first what is on disk, then directories that only the ledger knows (with
 * `entries` undefined). Directories that can not be read are reported with `unreadable` set, and nothing below them is
 * taken for missing.
 */
export const makeWalk = Effect.fnUntraced(function* <E = never>(
  source: Source,
  from: RelativePath,
  options: WalkOptions<E>,
) {
  const files = yield* SourceFiles
  const ledger = yield* Ledger
  const stack: Array<RelativePath> = [from]
  const visited = new Set<RelativePath>()
  const unreadable: Array<RelativePath> = []
  let lastKnown: RelativePath | undefined
  let listed: ReadonlyArray<Listing> | undefined

  const list = Effect.fnUntraced(function* () {
    const batch = stack.splice(Math.max(0, stack.length - options.batch))
    if (batch.length === 0) return undefined
    if (options.before !== undefined) yield* options.before(batch)
    const listings = yield* files.list(source, batch)
    for (const listing of listings) {
      visited.add(listing.directory)
      if (listing.unreadable !== undefined) unreadable.push(listing.directory)
      if (!options.recursive || listing.entries === undefined) continue
      for (const entry of listing.entries) {
        if (entry.kind === "directory") stack.push(child(listing.directory, entry.name))
      }
    }
    return listings
  })

  const onDisk = Effect.fnUntraced(function* () {
    const current = listed ?? (yield* list())
    listed = undefined
    if (current === undefined) return undefined
    // The disk is asked for the next directories while the ledger answers for these.
    const ahead = stack.length > 0 ? yield* Effect.forkChild(list(), { startImmediately: true }) : undefined
    const views: Array<DirectoryView> = []
    for (const listing of current) {
      views.push({ ...listing, deliveries: yield* ledger.deliveriesIn(source.name, listing.directory) })
    }
    if (ahead !== undefined) listed = yield* Fiber.join(ahead)
    return views
  })

  const onlyInLedger = Effect.fnUntraced(function* () {
    if (!options.recursive) return undefined
    for (;;) {
      const known = yield* ledger.directories(source.name, from, lastKnown, options.batch)
      if (known.length === 0) return undefined
      lastKnown = known[known.length - 1]
      const views: Array<DirectoryView> = []
      for (const directory of known) {
        if (visited.has(directory) || unreadable.some((parent) => isWithin(parent, directory))) continue
        const deliveries = yield* ledger.deliveriesIn(source.name, directory)
        views.push({ directory, entries: undefined, links: [], deliveries })
      }
      if (views.length > 0) return views
    }
  })

  const walk: Walk<E> = {
    next: Effect.suspend(() => onDisk()).pipe(
      Effect.flatMap((views) => (views === undefined ? onlyInLedger() : Effect.succeed(views))),
    ),
  }
  return walk
})

/** A file of a view: its state on disk (undefined: not there) and its deliveries. */
export interface FileView {
  readonly path: RelativePath
  readonly state: FileState | undefined
  readonly deliveries: ReadonlyArray<Delivery>
}

const none: ReadonlyArray<Delivery> = []

/** Calls `visit` for every file of the view: those on disk, and those that only the ledger knows. */
export const eachFile = (view: DirectoryView, visit: (file: FileView) => void): void => {
  const byPath = new Map<RelativePath, Array<Delivery>>()
  for (const delivery of view.deliveries) {
    const rows = byPath.get(delivery.path)
    if (rows === undefined) byPath.set(delivery.path, [delivery])
    else rows.push(delivery)
  }
  for (const entry of view.entries ?? noEntries) {
    if (entry.kind !== "file") continue
    const path = child(view.directory, entry.name)
    const deliveries = byPath.get(path) ?? none
    byPath.delete(path)
    visit({ path, state: entry.state, deliveries })
  }
  if (view.unreadable !== undefined) return
  for (const [path, deliveries] of byPath) visit({ path, state: undefined, deliveries })
}

const noEntries: ReadonlyArray<Entry> = []
