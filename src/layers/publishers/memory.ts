/**
 * The published map in memory, under the same contract: for tests and simulations.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { Publisher, type PublishedChange, type PublishedKey, type PublishedRow } from "../../domain/Publisher.ts"

/** What a CMS would see. A simulation keeps it while the process that wrote it "crashes". */
export interface MemoryMap {
  /** In the order of their positions. */
  readonly rows: Map<string, PublishedRow>
  pipeline: { readonly waiting: number; readonly inFlight: number }
}

export const emptyMap = (): MemoryMap => ({ rows: new Map(), pipeline: { waiting: 0, inFlight: 0 } })

/** The key of {@link MemoryMap.rows}. */
export const rowKey = (key: PublishedKey): string => `${key.server}\0${key.inputFile}`

const applyOne = (map: MemoryMap, change: PublishedChange): void => {
  if (change._tag === "Publish") map.rows.set(rowKey(change.row), change.row)
  else map.rows.delete(rowKey(change.key))
}

/** A publisher of this map, which outlives it. `isNew` is what the publisher says of itself. */
export const makeMemory = (map: MemoryMap = emptyMap(), isNew = false): Publisher["Service"] => {
  const oneAtATime = Semaphore.makeUnsafe(1)
  return {
    isNew,
    apply: (changes) => oneAtATime.withPermit(Effect.sync(() => changes.forEach((change) => applyOne(map, change)))),
    replaceAll: (rows) =>
      oneAtATime.withPermit(
        Effect.map(Stream.runCollect(rows), (all) => {
          const kept = new Set(all.map(rowKey))
          for (const row of all) map.rows.set(rowKey(row), row)
          for (const key of map.rows.keys()) if (!kept.has(key)) map.rows.delete(key)
        }),
      ),
    pipeline: (counts) =>
      Effect.sync(() => {
        map.pipeline = counts
      }),
  }
}

/** A map that starts empty and lasts as long as its layer. */
export const layerMemory: Layer.Layer<Publisher> = Layer.sync(Publisher, () => makeMemory())
