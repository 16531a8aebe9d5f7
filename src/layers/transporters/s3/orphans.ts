/**
 * Uploads in parts that came to nothing: given up on the server, since their parts cost money there for ever.
 *
 * An upload that fails is given up at once; where even that fails it is tried again with the next large file. What a
 * crashed run left behind is looked for with the first large file below a top directory of the bucket and then once a day:
 * uploads below that directory, older than a week, none of this run's, and begun with the same credentials as far as the store tells (Ceph does not).
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import {
  S3_ABORT_TIMEOUT,
  S3_ORPHAN_AGE,
  S3_ORPHAN_PAGES,
  S3_ORPHAN_PLACES,
  S3_ORPHAN_SEARCH,
  S3_PENDING_ABORTS,
} from "../../../domain/Limits.ts"
import type { RemotePath } from "../../../domain/Path.ts"
import type { Failed } from "./requests.ts"
import type { Store } from "./store.ts"

/** An unfinished upload. */
export interface Begun {
  readonly key: string
  readonly uploadId: string
}

/** Watches over the uploads of one store. Neither member ever fails: what could not be tidied up stays for the next time. */
export interface Orphans {
  /** An upload has begun: also the occasion to tidy up. */
  readonly begun: (upload: Begun) => Effect.Effect<void>
  /** It has ended; unless it succeeded it is given up. */
  readonly ended: (upload: Begun, succeeded: boolean) => Effect.Effect<void>
}

/** A page of unfinished uploads. */
interface Page {
  readonly uploads: ReadonlyArray<Begun & { readonly initiator: string | undefined; readonly initiated: number }>
  readonly next: { readonly key: string; readonly uploadId: string | undefined } | undefined
}

export const makeOrphans = (store: Store): Orphans => {
  const running = new Set<string>()
  const pending = new Map<string, Begun>()
  /** When each top directory was searched last. */
  const searched = new Map<string, number>()

  const about = (key: string) => ({ operation: "put", path: key as RemotePath, repeatable: true }) as const

  const abort = (upload: Begun): Effect.Effect<void, Failed> =>
    store.requests
      .attempt(about(upload.key), ({ client, library }, abortSignal) =>
        client.send(
          new library.AbortMultipartUploadCommand({
            Bucket: store.bucket,
            Key: upload.key,
            UploadId: upload.uploadId,
          }),
          { abortSignal },
        ),
      )
      .pipe(
        Effect.catchIf(
          ({ refusal }) => refusal.status === 404,
          () => Effect.void,
        ),
        Effect.asVoid,
      )

  const giveUp = (upload: Begun): Effect.Effect<void> =>
    abort(upload).pipe(
      Effect.timeout(S3_ABORT_TIMEOUT),
      Effect.matchEffect({
        onSuccess: () => Effect.sync(() => pending.delete(upload.uploadId)),
        onFailure: () =>
          Effect.sync(() => {
            if (pending.size < S3_PENDING_ABORTS) pending.set(upload.uploadId, upload)
          }),
      }),
    )

  const list = (under: string, after: Page["next"]): Effect.Effect<Page, Failed> =>
    Effect.map(
      store.requests.attempt(about(under), ({ client, library }, abortSignal) =>
        client.send(
          new library.ListMultipartUploadsCommand({
            Bucket: store.bucket,
            Prefix: under,
            ...(under === "" ? { Delimiter: "/" } : {}),
            ...(after === undefined ? {} : { KeyMarker: after.key, UploadIdMarker: after.uploadId }),
          }),
          { abortSignal },
        ),
      ),
      (answer): Page => ({
        uploads: (answer.Uploads ?? []).flatMap(({ Initiated, Initiator, Key, UploadId }) =>
          Key === undefined || UploadId === undefined || Initiated === undefined
            ? []
            : [{ key: Key, uploadId: UploadId, initiator: Initiator?.ID, initiated: Initiated.getTime() }],
        ),
        next:
          answer.IsTruncated === true && answer.NextKeyMarker !== undefined
            ? { key: answer.NextKeyMarker, uploadId: answer.NextUploadIdMarker }
            : undefined,
      }),
    )

  /** The bucket may be shared: only where this file is are old uploads taken for its own. */
  const search = Effect.fnUntraced(function* (
    mine: Begun,
    under: string,
    before: number,
  ): Effect.fn.Return<void, Failed> {
    const own = (yield* list(mine.key, undefined)).uploads.find((upload) => upload.uploadId === mine.uploadId)
    if (own?.initiator === undefined) return
    let after: Page["next"]
    for (let page = 0; page < S3_ORPHAN_PAGES; page++) {
      const found: Page = yield* list(under, after)
      for (const upload of found.uploads) {
        const old = upload.initiator === own.initiator && upload.initiated < before && !running.has(upload.uploadId)
        if (old) yield* giveUp(upload)
      }
      if (found.next === undefined) return
      after = found.next
    }
  })

  return {
    begun: Effect.fnUntraced(function* (upload) {
      running.add(upload.uploadId)
      for (const failed of pending.values()) yield* giveUp(failed)
      const now = yield* Clock.currentTimeMillis
      const under = upload.key.slice(0, upload.key.indexOf("/") + 1)
      if (now - (searched.get(under) ?? Number.NEGATIVE_INFINITY) < S3_ORPHAN_SEARCH) return
      if (searched.size >= S3_ORPHAN_PLACES) searched.clear()
      searched.set(under, now)
      yield* search(upload, under, now - S3_ORPHAN_AGE).pipe(
        Effect.catch(({ error }) => Effect.logDebug(`unfinished uploads can not be looked for: ${error.detail}`)),
      )
    }),
    ended: (upload, succeeded) =>
      Effect.suspend(() => {
        running.delete(upload.uploadId)
        return succeeded ? Effect.void : giveUp(upload)
      }),
  }
}
