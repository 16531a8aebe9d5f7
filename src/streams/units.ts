/**
 * Items in units of work: each alone, or many together where the transporter takes them so.
 *
 * @since 1.0.0
 */
import { isReadonlyArrayNonEmpty as isNonEmptyReadonlyArray, type NonEmptyReadonlyArray } from "effect/Array"
import { BATCH_BYTES, BATCH_FILES } from "../domain/Limits.ts"
import type { Item } from "./backlog.ts"

/** What is worked on together. */
export type Unit = NonEmptyReadonlyArray<Item>

/** Puts those together that are easy, as many as make one unit. */
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
    batch.push(item)
    bytes += item.state?.size ?? 0
    if (batch.length >= BATCH_FILES || bytes >= BATCH_BYTES) close()
  }
  close()
  return units
}
