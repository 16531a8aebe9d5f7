/**
 * The published map as the classic files that a CMS reads: `synced_files.db`, and `persistent_data.db` beside it.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { PublisherError } from "../../domain/Errors.ts"
import { MAP_BUSY_PAUSE, MAP_BUSY_TRIES, PUBLISH_BATCH } from "../../domain/Limits.ts"
import { hasRawBytes, toBytes } from "../../domain/Path.ts"
import { Publisher, type PublishedChange, type PublishedRow } from "../../domain/Publisher.ts"
import type { Database } from "../ledger/driver.ts"
import { type OpenMap, openMap, persistentData, syncedFiles } from "./mapFile.ts"
import { makePipelineCounts } from "./pipelineCounts.ts"
import { isBusy, toPublisherError } from "./publisherError.ts"

/** A CMS compares bytes: what is stored as text are the bytes of the name, whether or not they are UTF-8. */
const bytes = (text: string): string | Uint8Array => (hasRawBytes(text) ? Buffer.from(toBytes(text)) : text)

const prepareAll = (database: Database) => ({
  publish: database.prepare(`INSERT INTO synced_files (input_file, transported_file_basename, url, server)
    VALUES (CAST(?1 AS TEXT), CAST(?2 AS TEXT), CAST(?3 AS TEXT), CAST(?4 AS TEXT))
    ON CONFLICT (input_file, server) DO UPDATE
      SET transported_file_basename = excluded.transported_file_basename, url = excluded.url
      WHERE transported_file_basename IS NOT excluded.transported_file_basename OR url IS NOT excluded.url`),
  withdraw: database.prepare(
    "DELETE FROM synced_files WHERE input_file = CAST(?1 AS TEXT) AND server = CAST(?2 AS TEXT)",
  ),
  keep: database.prepare(`INSERT OR IGNORE INTO temp.kept
    SELECT rowid FROM synced_files WHERE input_file = CAST(?1 AS TEXT) AND server = CAST(?2 AS TEXT)`),
  keepNone: database.prepare("DELETE FROM temp.kept"),
  dropStale: database.prepare(`DELETE FROM synced_files WHERE rowid IN
    (SELECT rowid FROM synced_files WHERE rowid NOT IN (SELECT id FROM temp.kept) LIMIT ?)`),
})

const makePublisher = (files: { readonly map: OpenMap; readonly counts: OpenMap }): Publisher["Service"] => {
  const { database } = files.map
  database.exec("CREATE TEMP TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY)")
  const sql = prepareAll(database)
  const counts = makePipelineCounts(files.counts.database)
  const oneAtATime = Semaphore.makeUnsafe(1)

  /** One small transaction; while a reader is in the way it is tried again, without holding up anything else. */
  const write = <A>(of: Database, body: () => A): Effect.Effect<A, PublisherError> =>
    Effect.try({ try: () => of.transaction(body), catch: (cause) => toPublisherError(of.file, cause) }).pipe(
      Effect.retry({
        while: (error) => isBusy(error.cause),
        schedule: Schedule.spaced(MAP_BUSY_PAUSE),
        times: MAP_BUSY_TRIES,
      }),
    )

  const publish = (row: PublishedRow) =>
    sql.publish.write(bytes(row.inputFile), bytes(row.transportedFileBasename), bytes(row.url), bytes(row.server))
  const applyOne = (change: PublishedChange) => {
    if (change._tag === "Publish") publish(change.row)
    else sql.withdraw.run(bytes(change.key.inputFile), bytes(change.key.server))
  }
  const dropStale: Effect.Effect<void, PublisherError> = Effect.suspend(() =>
    Effect.flatMap(
      write(database, () => sql.dropStale.run(PUBLISH_BATCH)),
      (dropped) => (dropped === 0 ? Effect.void : Effect.andThen(Effect.yieldNow, dropStale)),
    ),
  )

  return {
    isNew: files.map.recreated || files.map.abandoned,
    apply: (changes) =>
      changes.length === 0 ? Effect.void : oneAtATime.withPermit(write(database, () => changes.forEach(applyOne))),
    replaceAll: (rows) =>
      oneAtATime.withPermit(
        write(database, () => sql.keepNone.run()).pipe(
          Effect.andThen(
            Stream.runForEach(Stream.grouped(rows, PUBLISH_BATCH), (group) =>
              Effect.andThen(
                write(database, () => {
                  for (const row of group) {
                    publish(row)
                    sql.keep.run(bytes(row.inputFile), bytes(row.server))
                  }
                }),
                Effect.yieldNow,
              ),
            ),
          ),
          Effect.andThen(dropStale),
          Effect.andThen(write(database, () => sql.keepNone.run())),
          Effect.asVoid,
        ),
      ),
    pipeline: (wanted) => {
      const { database: of } = files.counts
      const approach: Effect.Effect<void, PublisherError> = Effect.suspend(() =>
        Effect.flatMap(
          Effect.try({ try: () => counts.approach(wanted), catch: (cause) => toPublisherError(of.file, cause) }),
          (reached) => (reached ? Effect.void : Effect.andThen(Effect.yieldNow, approach)),
        ),
      )
      return Effect.retry(approach, {
        while: (error) => isBusy(error.cause),
        schedule: Schedule.spaced(MAP_BUSY_PAUSE),
        times: MAP_BUSY_TRIES,
      })
    },
  }
}

const closeQuietly = (file: OpenMap): Effect.Effect<void> =>
  Effect.try({ try: () => file.close(), catch: (cause) => toPublisherError(file.database.file, cause) }).pipe(
    Effect.catch((error) => Effect.logWarning(error.message)),
  )

/**
 * The published map at this path (its directory must exist). Both files are there with all their tables when the layer is
 * built. See docs/decisions/published-map-durability.md for what a power cut can do to them.
 */
export const layerSyncedFiles = (options: {
  readonly syncedFilesDb: string
}): Layer.Layer<Publisher, PublisherError> => {
  const acquire = (map: Parameters<typeof openMap>[0]) =>
    Effect.acquireRelease(
      Effect.try({ try: () => openMap(map), catch: (cause) => toPublisherError(map.file, cause) }),
      closeQuietly,
    )
  return Layer.effect(
    Publisher,
    Effect.gen(function* () {
      const counts = yield* acquire(persistentData(join(dirname(options.syncedFilesDb), "persistent_data.db")))
      const map = yield* acquire(syncedFiles(options.syncedFilesDb))
      const publisher = makePublisher({ map, counts })
      yield* Effect.acquireRelease(publisher.pipeline({ waiting: 0, inFlight: 0 }), () =>
        Effect.ignore(publisher.pipeline({ waiting: 0, inFlight: 0 })),
      )
      return publisher
    }),
  )
}
