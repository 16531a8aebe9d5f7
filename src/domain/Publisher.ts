/**
 * The contract of the published map: what a CMS reads to learn where its files are. It is an output, derived from the
 * ledger; the ledger is the truth.
 *
 * @since 1.0.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { LedgerError, PublisherError } from "./Errors.ts"

/** Identifies a row: the real path of the source file (text form) and the server's name. */
export interface PublishedKey {
  readonly inputFile: string
  readonly server: string
}

/** A row of the map. */
export interface PublishedRow extends PublishedKey {
  readonly transportedFileBasename: string
  readonly url: string
}

/** What becomes of a row: replaced in place (its position among the rows stays), or removed. */
export type PublishedChange =
  { readonly _tag: "Publish"; readonly row: PublishedRow } | { readonly _tag: "Withdraw"; readonly key: PublishedKey }

export class Publisher extends Context.Service<
  Publisher,
  {
    /**
     * The map was missing or unreadable when it was opened and is empty now, or was not closed by its last writer and may
     * be out of date: call `replaceAll`.
     */
    readonly isNew: boolean
    /** Applies all changes in one transaction, in order. When it returns, readers see them. Safe to repeat. */
    readonly apply: (changes: ReadonlyArray<PublishedChange>) => Effect.Effect<void, PublisherError>
    /** Makes the map hold exactly these rows, keeping the position of those that are there already. */
    readonly replaceAll: (
      rows: Stream.Stream<PublishedRow, LedgerError>,
    ) => Effect.Effect<void, PublisherError | LedgerError>
    /** How many files wait and how many are in work, for the CMS's status page. */
    readonly pipeline: (counts: {
      readonly waiting: number
      readonly inFlight: number
    }) => Effect.Effect<void, PublisherError>
  }
>()("file-conveyor/domain/Publisher") {}
