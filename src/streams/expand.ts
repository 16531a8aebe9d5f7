/**
 * Lists the directories and trees that wait in a lane, a little at a time: what is due in them is found before there is
 * room to work on it, and in the order of its directories.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { LedgerError, SourceError } from "../domain/Errors.ts"
import { Ledger } from "../domain/Ledger.ts"
import { EXPAND_BATCH } from "../domain/Limits.ts"
import type { ServerName } from "../domain/Path.ts"
import { serversDue } from "../domain/Plan.ts"
import { SourceFiles } from "../domain/SourceFiles.ts"
import { type Backlog, type Item, type ItemQueue, listed } from "./backlog.ts"
import type { InFlight } from "./inFlight.ts"
import type { Shared } from "./shared.ts"
import { eachFile, makeWalk, type Walk } from "./walk.ts"

export interface ExpandParts {
  readonly shared: Shared
  readonly server: ServerName
  /** Where directories wait. */
  readonly backlog: Backlog
  /** What was found in them, with its deliveries at that time. */
  readonly found: ItemQueue
  readonly inFlight: InFlight
}

export const makeExpand = Effect.fnUntraced(function* ({ backlog, found, inFlight, server, shared }: ExpandParts) {
  const ledger = yield* Ledger
  const files = yield* SourceFiles
  let expanding: { readonly walk: Walk; readonly item: Item } | undefined

  return {
    isUnderWay: () => expanding !== undefined,
    /** Lists a little more of the tree under way, or of the next one. Returns false when there is none. */
    next: Effect.fnUntraced(function* (): Effect.fn.Return<boolean, LedgerError | SourceError> {
      if (expanding === undefined) {
        const item = backlog.takeDirectory()
        if (item === undefined) return false
        const book = shared.books.get(item.source)
        if (book === undefined) return true
        const walk = yield* makeWalk(book.source, item.path, {
          recursive: item.kind === "tree",
          batch: EXPAND_BATCH,
        }).pipe(Effect.provideService(Ledger, ledger), Effect.provideService(SourceFiles, files))
        expanding = { walk, item }
      }
      const { item, walk } = expanding
      const book = shared.books.get(item.source)
      const views = yield* Effect.tapError(walk.next, () =>
        Effect.sync(() => {
          expanding = undefined
          backlog.add(item)
        }),
      )
      if (views === undefined || book === undefined) {
        expanding = undefined
        return true
      }
      for (const view of views) {
        eachFile(view, (file) => {
          if (!serversDue(book, file.path, file.state, file.deliveries).has(server)) return
          const due = listed(item.source, file.path, file.state)
          if (!inFlight.again(due)) found.set({ ...due, deliveries: file.deliveries })
        })
      }
      return true
    }),
  }
})
