/**
 * What is known about the files that are put together of segments: which they are, so that their segments go when they
 * are replaced or removed, and which segments belong to none.
 *
 * The names of all segments are read before the first file is stored or removed, and once a day. Segments that are older
 * than a day and that no file refers to were left behind by a crashed run: they are removed.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { TransportError } from "../../../domain/Errors.ts"
import {
  CLOUDFILES_CLEAN_UP,
  CLOUDFILES_LARGE_KNOWN,
  CLOUDFILES_LISTING_PAGES,
  CLOUDFILES_ORPHAN_AGE,
  CLOUDFILES_ORPHAN_CHECKS,
  CLOUDFILES_SEGMENTS_AT_ONCE,
} from "../../../domain/Limits.ts"
import type { RemotePath } from "../../../domain/Path.ts"
import { begunAt, SEGMENTS, segmentsOf, type UploadName, uploadOf } from "./address.ts"
import { type For, forPut, type Objects } from "./objects.ts"
import { shared } from "./shared.ts"

/** Watches over the segments of one container. */
export interface Large {
  /** Segments that belong to what is at this path now. */
  readonly segmentsAt: (whom: For) => Effect.Effect<ReadonlyArray<string>, TransportError>
  /** An upload has begun: its segments belong to no file yet. */
  readonly begun: (upload: UploadName) => void
  readonly ended: (upload: UploadName) => void
  /** What is at this path now has segments, or none. */
  readonly is: (path: RemotePath, large: boolean) => void
  /** Removes segments. Never fails: what stays is found by a later search. True where nothing stayed. */
  readonly discard: (whom: For, segments: ReadonlyArray<string>) => Effect.Effect<boolean>
}

interface Segment {
  readonly name: string
  readonly upload: UploadName
}

/** Watches over the segments in this container until the Scope ends. */
export const makeLarge = Effect.fnUntraced(function* (objects: Objects): Effect.fn.Return<Large, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const running = new Set<string>()
  /** Files that have segments; undefined: there are too many to know. */
  let known: Set<RemotePath> | undefined = new Set()
  let readAt = Number.NEGATIVE_INFINITY

  const is: Large["is"] = (path, large) => {
    if (known === undefined) return
    if (large) known.add(path)
    else known.delete(path)
    if (known.size > CLOUDFILES_LARGE_KNOWN) known = undefined
  }

  const segmentsNow = Effect.fnUntraced(function* (whom: For): Effect.fn.Return<ReadonlyArray<string>, TransportError> {
    const described = yield* objects.describe(whom, whom.path)
    if (Option.isNone(described) || !described.value.large) return []
    const all = yield* objects.segments(whom, whom.path)
    return all.filter((name) => name.startsWith(segmentsOf(whom.path)))
  })

  const discard: Large["discard"] = (whom, segments) =>
    Effect.forEach(segments, (name) => objects.remove(whom, name), {
      concurrency: CLOUDFILES_SEGMENTS_AT_ONCE,
      discard: true,
    }).pipe(
      Effect.timeout(CLOUDFILES_CLEAN_UP + segments.length * 100),
      Effect.match({ onSuccess: () => true, onFailure: () => false }),
    )

  /** Every segment's name; undefined where there are too many. */
  const readNames = Effect.fnUntraced(function* (
    whom: For,
  ): Effect.fn.Return<ReadonlyArray<Segment> | undefined, TransportError> {
    const found: Array<Segment> = []
    let marker = ""
    for (let page = 0; page < CLOUDFILES_LISTING_PAGES; page++) {
      const names: ReadonlyArray<string> = yield* objects.list(whom, SEGMENTS, marker)
      for (const name of names) {
        const upload = uploadOf(name)
        if (upload !== undefined) found.push({ name, upload })
      }
      const last = names.at(-1)
      if (last === undefined) return found
      marker = last
    }
    return undefined
  })

  const tidy = Effect.fnUntraced(function* (segments: ReadonlyArray<Segment>): Effect.fn.Return<void, TransportError> {
    const before = (yield* Clock.currentTimeMillis) - CLOUDFILES_ORPHAN_AGE
    const old = new Map<RemotePath, Array<Segment>>()
    for (const segment of segments) {
      const { id, path } = segment.upload
      if (begunAt(id) >= before || running.has(id)) continue
      const those = old.get(path)
      if (those === undefined) old.set(path, [segment])
      else those.push(segment)
    }
    for (const [path, those] of [...old].slice(0, CLOUDFILES_ORPHAN_CHECKS)) {
      const needed = new Set(yield* segmentsNow(forPut(path)))
      const orphans = those.filter(({ name }) => !needed.has(name)).map(({ name }) => name)
      if (orphans.length > 0) {
        yield* Effect.logDebug(`removing ${orphans.length} segments that a crashed upload of ${path} left behind`)
        yield* discard(forPut(path), orphans)
      }
    }
  })

  const read = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const segments = yield* readNames({ operation: "put", path: SEGMENTS as RemotePath }).pipe(
      Effect.catchIf(
        (error) => error.reason._tag === "PermissionDenied",
        (error) => Effect.as(Effect.logDebug(`segments of large files can not be looked for: ${error.detail}`), []),
      ),
    )
    known = segments === undefined ? undefined : new Set(segments.map(({ upload }) => upload.path))
    if (known !== undefined && known.size > CLOUDFILES_LARGE_KNOWN) known = undefined
    readAt = now
    yield* tidy(segments ?? []).pipe(
      Effect.catchTag("TransportError", (error) =>
        Effect.logDebug(`segments of crashed uploads can not be removed: ${error.detail}`),
      ),
      Effect.forkIn(scope),
    )
  })
  const readOnce = shared(read, scope)

  const upToDate = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    now - readAt < CLOUDFILES_ORPHAN_AGE ? Effect.void : readOnce,
  )

  return {
    segmentsAt: (whom) =>
      Effect.andThen(
        upToDate,
        Effect.suspend(() =>
          known === undefined || known.has(whom.path) ? segmentsNow(whom) : Effect.succeed<ReadonlyArray<string>>([]),
        ),
      ),
    begun: ({ id }) => void running.add(id),
    ended: ({ id }) => void running.delete(id),
    is,
    discard,
  }
})
