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
import { type RelativePath, root } from "../domain/Path.ts"
import { type RootIdentity, SourceFiles } from "../domain/SourceFiles.ts"
import { listed } from "./backlog.ts"
import type { Forget } from "./forget.ts"
import type { Shared, SourceBook } from "./shared.ts"
import { eachFile, makeWalk } from "./walk.ts"

/** A file that is delivered somewhere, and missing. */
interface Missing {
  readonly path: RelativePath
  readonly deliveries: ReadonlyArray<Delivery>
}

/** The removals of one source. */
export const makeRemoval = Effect.fnUntraced(function* (shared: Shared, book: SourceBook, forget: Forget) {
  const ledger = yield* Ledger
  const files = yield* SourceFiles
  const source = book.source.name

  /** What the disk can not tell of is not missing. */
  const isThere = ({ path }: Missing) =>
    Effect.match(files.stat(book.source, path), { onFailure: () => true, onSuccess: (state) => state !== undefined })

  const areThere = (missing: ReadonlyArray<Missing>) => Effect.forEach(missing, isThere, { concurrency: REMOVAL_LOOKS })

  /** Returns false, and nothing is written down, where the root is another than the one that was approved for. */
  const removeSome = Effect.fnUntraced(function* (missing: ReadonlyArray<Missing>, approved: RootIdentity) {
    const there = yield* areThere(missing)
    if ((yield* files.identity(book.source)) !== approved) return false
    const gone = missing.filter((_, index) => there[index] === false)
    yield* forget(gone.flatMap(({ deliveries }) => deliveries.filter((delivery) => !delivery.sourceDeleted)))
    // A file that came back before that was still on record for whoever looked at it.
    const back = yield* areThere(gone)
    const items = (some: ReadonlyArray<Missing>) => some.map(({ path }) => listed(source, path, undefined))
    items(gone).forEach(shared.lookAgain)
    items(missing.filter((_, index) => there[index] === true)).forEach(shared.enqueueAll)
    items(gone.filter((_, index) => back[index] === true)).forEach(shared.enqueueAll)
    return true
  })

  const removeMissing = Effect.fnUntraced(function* (missing: ReadonlyArray<Missing>, approved: RootIdentity) {
    for (let at = 0; at < missing.length; at += REMOVAL_FILES) {
      if (!(yield* removeSome(missing.slice(at, at + REMOVAL_FILES), approved))) return false
    }
    return true
  })

  return {
    /** Of these files, those that are missing. Returns false where the root is another than the one approved for. */
    paths: Effect.fnUntraced(function* (
      paths: ReadonlyArray<RelativePath>,
      approved: RootIdentity,
    ): Effect.fn.Return<boolean, LedgerError | SourceError> {
      const deliveries = yield* ledger.deliveriesOfEach(source, paths)
      return yield* removeMissing(
        paths.map((path, index) => ({ path, deliveries: deliveries[index] ?? [] })),
        approved,
      )
    }),
    /** Everything that is missing now. */
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
        const missing: Array<Missing> = []
        for (const view of views) {
          eachFile(view, ({ deliveries, path, state }) => {
            if (state === undefined) missing.push({ path, deliveries })
          })
        }
        if (!(yield* removeMissing(missing, approved))) return false
      }
    }),
  }
})
