/**
 * Carries out the deletions that the guard let pass. At once and for all servers, down or not: an approval is about what is
 * missing now, and one that waited for a server would reach what goes missing later, too.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Delivery } from "../domain/Delivery.ts"
import type { LedgerError, SourceError } from "../domain/Errors.ts"
import { Ledger } from "../domain/Ledger.ts"
import { REMOVAL_FILES, REMOVAL_LOOKS, SCAN_BATCH } from "../domain/Limits.ts"
import { child, directoryOf, type RelativePath, root } from "../domain/Path.ts"
import { plan } from "../domain/Plan.ts"
import { type RootIdentity, SourceFiles } from "../domain/SourceFiles.ts"
import { type Item, listed } from "./backlog.ts"
import type { Forget } from "./forget.ts"
import type { Shared, SourceBook } from "./shared.ts"
import { eachFile, makeWalk } from "./walk.ts"

/** The removals of one source. */
export const makeRemoval = Effect.fnUntraced(function* (shared: Shared, book: SourceBook, forget: Forget) {
  const ledger = yield* Ledger
  const files = yield* SourceFiles
  const source = book.source.name

  /** Whether the disk holds each of these. What it can not tell of is not missing. */
  const areThere = (items: ReadonlyArray<Item>) =>
    Effect.forEach(
      items,
      ({ path }) =>
        Effect.match(files.stat(book.source, path), {
          onFailure: () => true,
          onSuccess: (state) => state !== undefined,
        }),
      { concurrency: REMOVAL_LOOKS },
    )

  /** The same for many in few directories. */
  const areListed = Effect.fnUntraced(function* (items: ReadonlyArray<Item>) {
    const directories = [...new Set(items.map(({ path }) => directoryOf(path)))]
    const there = new Set<RelativePath>()
    const unreadable = new Set<RelativePath>()
    for (const listing of yield* files.list(book.source, directories)) {
      if (listing.unreadable !== undefined) unreadable.add(listing.directory)
      for (const { kind, name } of listing.entries ?? []) if (kind === "file") there.add(child(listing.directory, name))
    }
    return items.map(({ path }) => there.has(path) || unreadable.has(directoryOf(path)))
  })

  const unwanted = (path: RelativePath, deliveries: ReadonlyArray<Delivery>): ReadonlyArray<Delivery> =>
    plan(book, path, undefined, deliveries).flatMap((job) => (job._tag === "Retire" ? [job.delivery] : []))

  /**
   * Lanes are kept from these files meanwhile: what they hear of them, they look at afterwards. The ledger is asked after
   * the disk: a file that the daemon itself deletes is on record as that before it is gone.
   */
  const removeTaken = Effect.fnUntraced(function* (items: ReadonlyArray<Item>, approved: RootIdentity) {
    // Before and after the look: in a root that is away meanwhile everything is missing.
    if ((yield* files.identity(book.source)) !== approved) return false
    const there = yield* items.length > REMOVAL_LOOKS ? areListed(items) : areThere(items)
    const gone = items.filter((_, index) => there[index] === false).map(({ path }) => path)
    const deliveries = yield* ledger.deliveriesOfEach(source, gone)
    if ((yield* files.identity(book.source)) !== approved) return false
    yield* forget(gone.flatMap((path, index) => unwanted(path, deliveries[index] ?? [])))
    for (const [index, item] of items.entries()) if (there[index] === true) shared.enqueueAll(item)
    return true
  })

  /** Returns false, and nothing is written down, where the root is another than the one that was approved for. */
  const removeSome = (paths: ReadonlyArray<RelativePath>, approved: RootIdentity) =>
    Effect.suspend(() => {
      const taken: Array<Item> = []
      for (const path of paths) {
        const item = listed(source, path, undefined)
        if (shared.take(item)) taken.push(item)
        else shared.lookAgain(item)
      }
      return Effect.ensuring(
        removeTaken(taken, approved),
        Effect.sync(() => shared.leave(taken)),
      )
    })

  const remove = Effect.fnUntraced(function* (paths: ReadonlyArray<RelativePath>, approved: RootIdentity) {
    for (let at = 0; at < paths.length; at += REMOVAL_FILES) {
      if (!(yield* removeSome(paths.slice(at, at + REMOVAL_FILES), approved))) return false
    }
    return true
  })

  return {
    /** Of these files, those that are missing. Returns false where the root is another than the one approved for. */
    paths: remove,
    /** Everything that is missing now. Returns as `paths` does. */
    everything: Effect.fnUntraced(function* (
      approved: RootIdentity,
    ): Effect.fn.Return<boolean, LedgerError | SourceError> {
      const walk = yield* makeWalk(book.source, root, { recursive: true, batch: SCAN_BATCH }).pipe(
        Effect.provideService(Ledger, ledger),
        Effect.provideService(SourceFiles, files),
      )
      for (;;) {
        const views = yield* walk.next
        if (views === undefined) return true
        const missing: Array<RelativePath> = []
        for (const view of views) {
          // Whether anything is missing there is seen when it can be read.
          if (view.unreadable !== undefined) shared.scan(source, view.directory)
          eachFile(view, ({ path, state }) => {
            if (state === undefined) missing.push(path)
          })
        }
        if (!(yield* remove(missing, approved))) return false
      }
    }),
  }
})
