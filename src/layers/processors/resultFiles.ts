/**
 * The directory of kept results: for each a record and, where the content is another than it was, its bytes. What is not as
 * it was written is no result. When there is too much, what was not used for longest goes.
 *
 * @since 1.0.0
 */
import { promises as fs } from "node:fs"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { FileState } from "../../domain/FileState.ts"
import { PROCESSOR_CACHE_ENTRIES, PROCESSOR_CACHE_RECORD_BYTES } from "../../domain/Limits.ts"
import type { DiskError } from "../disk/DiskError.ts"
import type { DiskWorkers } from "../disk/DiskWorkers.ts"
import { native } from "../nativePath.ts"

const Record = Schema.Struct({
  baseName: Schema.String,
  headers: Schema.optional(Schema.Record(Schema.String, Schema.String)),
  uniqueName: Schema.optional(Schema.Boolean),
  /** Undefined: the content is what it was. */
  bytes: Schema.optional(Schema.Struct({ sha256: Schema.String, size: Schema.Number })),
  /** Suffixes of what is published beside it; each is kept like a result of its own. */
  companions: Schema.optional(Schema.Array(Schema.String)),
})

/** What is written down about a result. */
export type Kept = typeof Record.Type

/** Files of results. */
export interface ResultFiles {
  /** The record of a result, if there is one that is whole. */
  readonly find: (key: string) => Effect.Effect<Kept | undefined, DiskError>
  /** Makes the bytes of a result the caller's file `location`; undefined where they are gone or damaged. */
  readonly take: (
    key: string,
    bytes: NonNullable<Kept["bytes"]>,
    location: string,
  ) => Effect.Effect<FileState | undefined, DiskError>
  /** Keeps a result; `location` is where its bytes are. */
  readonly keep: (key: string, kept: Kept, location: string | undefined) => Effect.Effect<void, DiskError>
  /** Returns when what earlier runs kept is known, and what is too much of it is gone. */
  readonly settled: Effect.Effect<void>
  /** Bytes of all that are known, and how many they are. */
  readonly totals: () => { readonly bytes: number; readonly results: number }
}

export interface ResultFilesOptions {
  readonly directory: string
  /** Bytes of results that are kept at most. */
  readonly bytes: number
  readonly disk: DiskWorkers["Service"]
}

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Record))

/** Share of the results that goes when the disk is full: there are others who need room. */
const SHED = 0.25

/** A file without a record may still be on its way to one for this long, in milliseconds. */
const LEFTOVER_AGE = 60_000

/** Results that are removed at once. */
const DROPS = 256

const missing = (): undefined => undefined

interface Found {
  readonly key: string
  readonly size: number
  readonly usedAt: number
}

/** What earlier runs kept, oldest use first. What they left unfinished is removed. */
const look = async (directory: string, stopped: () => boolean): Promise<ReadonlyArray<Found>> => {
  const found: Array<Found> = []
  const shelves = await fs.readdir(native(directory)).catch((): Array<string> => [])
  for (const shelf of shelves) {
    const place = `${directory}/${shelf}`
    const names = new Set(await fs.readdir(native(place)).catch((): Array<string> => []))
    for (const name of names) {
      if (stopped()) return []
      const [key = "", kind] = name.split(".")
      if (kind === "bytes" && names.has(`${key}.json`)) continue
      const file = native(`${place}/${name}`)
      const stats = await fs.stat(file).catch(missing)
      if (stats === undefined) continue
      if (kind === "json") {
        const bytes = names.has(`${key}.bytes`)
          ? await fs.stat(native(`${place}/${key}.bytes`)).catch(missing)
          : undefined
        found.push({ key, size: stats.size + (bytes?.size ?? 0), usedAt: stats.mtimeMs })
      } else if (Date.now() - stats.mtimeMs > LEFTOVER_AGE) await fs.unlink(file).catch(missing)
    }
  }
  return found.sort((a, b) => a.usedAt - b.usedAt)
}

/** The results in a directory, until the Scope closes. */
export const makeResultFiles = Effect.fnUntraced(function* (
  options: ResultFilesOptions,
): Effect.fn.Return<ResultFiles, never, Scope.Scope> {
  const { directory, disk } = options
  /** Sizes by key, what was used last at the end. */
  let sizes = new Map<string, number>()
  let bytes = 0
  let looked = false
  let closed = false
  yield* Effect.addFinalizer(() => Effect.sync(() => (closed = true)))

  const forget = (key: string): void => {
    bytes -= sizes.get(key) ?? 0
    sizes.delete(key)
  }

  const drop = (keys: ReadonlyArray<string>) =>
    Effect.suspend(() => {
      keys.forEach(forget)
      return Effect.ignore(disk.run("dropKept", { directory, keys }))
    })

  /** The results that were not used for longest, as many as are too many, but only so many at once. */
  const tooMany = (most: number): ReadonlyArray<string> => {
    const keys: Array<string> = []
    let left = bytes
    for (const [key, size] of sizes) {
      if (left <= most && sizes.size - keys.length <= PROCESSOR_CACHE_ENTRIES) break
      if (keys.length >= DROPS) break
      keys.push(key)
      left -= size
    }
    return keys
  }

  /** Drops results until no more than `most` bytes are left. */
  const evict = Effect.fnUntraced(function* (most: number) {
    for (let keys = tooMany(most); keys.length > 0; keys = tooMany(most)) yield* drop(keys)
  })

  const settled = yield* Effect.cached(
    Effect.gen(function* () {
      const found = yield* Effect.promise(() => look(directory, () => closed))
      const later = sizes
      const earlier = found.filter(({ key }) => !later.has(key))
      sizes = new Map([...earlier.map(({ key, size }) => [key, size] as const), ...later])
      for (const { size } of earlier) bytes += size
      looked = true
      yield* evict(options.bytes)
    }),
  )
  yield* Effect.forkScoped(settled)

  return {
    find: Effect.fnUntraced(function* (key) {
      const text = yield* disk.run("keptRecord", { directory, key })
      if (text === undefined) return undefined
      const record = decode(text)
      if (record._tag === "None") return yield* Effect.as(drop([key]), undefined)
      const size = sizes.get(key)
      if (size !== undefined) {
        sizes.delete(key)
        sizes.set(key, size)
      }
      return record.value
    }),
    take: Effect.fnUntraced(function* (key, { sha256, size }, location) {
      const state = yield* disk.run("keptBytes", { directory, key, location, sha256, size })
      if (state === undefined) yield* drop([key])
      return state
    }),
    keep: Effect.fnUntraced(function* (key, kept, location) {
      const body = JSON.stringify(kept)
      const size = body.length + (kept.bytes?.size ?? 0)
      if (body.length > PROCESSOR_CACHE_RECORD_BYTES || size > options.bytes) return
      yield* Effect.tapError(disk.run("keep", { directory, key, body, location }), ({ code }) =>
        Effect.andThen(drop([key]), code === "ENOSPC" || code === "EDQUOT" ? evict(bytes * (1 - SHED)) : Effect.void),
      )
      forget(key)
      bytes += size
      sizes.set(key, size)
      if (looked) yield* evict(options.bytes)
    }),
    settled,
    totals: () => ({ bytes, results: sizes.size }),
  }
})
