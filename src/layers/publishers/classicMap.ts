/**
 * The published map of a classic installation, read only.
 *
 * @since 1.0.0
 */
import { statSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { PublisherError } from "../../domain/Errors.ts"
import { IMPORT_PAGE, LEDGER_LOCK_WAIT } from "../../domain/Limits.ts"
import { fromBytes } from "../../domain/Path.ts"
import type { PublishedRow } from "../../domain/Publisher.ts"
import { open, type SqlValue } from "../ledger/driver.ts"

/** The map's file in a classic installation's directory. */
export const classicMapFile = (directory: string): string => join(directory, "synced_files.db")

/** Names are read as bytes, since nobody promised that they are UTF-8. */
const pageSql = `SELECT rowid, CAST(input_file AS BLOB), CAST(transported_file_basename AS BLOB), CAST(url AS BLOB),
  CAST(server AS BLOB) FROM synced_files WHERE rowid > ? ORDER BY rowid LIMIT ?`

const text = (value: SqlValue | undefined): string => (value instanceof Uint8Array ? fromBytes(value) : "")

const failure = (file: string, cause: unknown): PublisherError =>
  new PublisherError({
    detail: `${file} can not be read as the map of a classic installation: ${cause instanceof Error ? cause.message : String(cause)}`,
    cause,
  })

/** How many rows the map has, and the rows, in pages. Closed with the scope. */
export const readClassicMap = Effect.fnUntraced(function* (directory: string) {
  const file = classicMapFile(directory)
  const attempt = <A>(read: () => A): Effect.Effect<A, PublisherError> =>
    Effect.try({ try: read, catch: (cause) => failure(file, cause) })
  const database = yield* Effect.acquireRelease(
    attempt(() => {
      if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) throw new Error("there is no such file")
      return open(file, { timeout: LEDGER_LOCK_WAIT, readOnly: true })
    }),
    (opened) => Effect.sync(() => opened.close()),
  )
  const { page, total } = yield* attempt(() => ({
    page: database.prepare(pageSql),
    total: Number(database.prepare("SELECT count(*) FROM synced_files").get()?.[0]),
  }))
  const pages = Stream.unfold(0n as SqlValue, (after) =>
    Effect.map(
      attempt(() => page.all(after, IMPORT_PAGE)),
      (rows) => {
        const last = rows.at(-1)?.[0]
        if (last === undefined) return undefined
        const found = rows.map(([, inputFile, basename, url, server]): PublishedRow => ({
          inputFile: text(inputFile),
          transportedFileBasename: text(basename),
          url: text(url),
          server: text(server),
        }))
        return [found, last] as const
      },
    ),
  )
  return { file, total, pages }
})
