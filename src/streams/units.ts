/**
 * Items in units of work: each alone, or many together where the transporter takes them so.
 *
 * @since 1.0.0
 */
import { isReadonlyArrayNonEmpty as isNonEmptyReadonlyArray, type NonEmptyReadonlyArray } from "effect/Array"
import { BATCH_BYTES, BATCH_FILES } from "../domain/Limits.ts"
import { isBeside } from "../domain/Path.ts"
import type { Item } from "./backlog.ts"

/** What is worked on together. */
export type Unit = NonEmptyReadonlyArray<Item>

/** The files are in one directory. */
export const areBeside = (one: Item, other: Item): boolean =>
  one.source === other.source && isBeside(one.path, other.path)

/** Puts those together that are easy, as many as make one unit, and a directory whole where that is not too much. */
export const unitsOf = (items: ReadonlyArray<Item>, isEasy: (item: Item) => boolean): ReadonlyArray<Unit> => {
  if (items.length === 1) return items.map((item) => [item])
  const units: Array<Unit> = []
  let batch: Array<Item> = []
  let bytes = 0
  const close = () => {
    if (isNonEmptyReadonlyArray(batch)) units.push(batch)
    batch = []
    bytes = 0
  }
  for (const item of items) {
    if (!isEasy(item)) {
      units.push([item])
      continue
    }
    const last = batch.at(-1)
    // What somebody changed just now does not wait for what a scan found.
    if (
      last !== undefined &&
      (last.urgent !== item.urgent || (batch.length >= BATCH_FILES && !areBeside(last, item)))
    ) {
      close()
    }
    batch.push(item)
    bytes += item.state?.size ?? 0
    if (batch.length >= 2 * BATCH_FILES || bytes >= BATCH_BYTES) close()
  }
  close()
  return units
}
