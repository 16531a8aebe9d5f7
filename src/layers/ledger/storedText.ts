/**
 * How text is kept in SQLite. Text of UTF-8 databases can not hold lone surrogates, which stand for bytes of names that
 * are not UTF-8, and it sorts characters beyond U+FFFF otherwise than JavaScript does. So text with any surrogate is
 * stored as a BLOB of its UTF-16 code units, high byte first, and everything else as TEXT. Within each of the two,
 * SQLite's order is that of JavaScript's `<`.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import type { SqlValue } from "./driver.ts"

const surrogate = /[\uD800-\uDFFF]/

/** True where the text is stored as TEXT. */
export const isPlain = (text: string): boolean => !surrogate.test(text)

/** The stored form as a BLOB, whatever the text holds. */
export const codeUnits = (text: string): Uint8Array => Buffer.from(text, "utf16le").swap16()

/** The stored form. */
export const toStored = (text: string): string | Uint8Array => (surrogate.test(text) ? codeUnits(text) : text)

/** The text of a stored value. */
export const fromStored = (value: SqlValue | undefined): string =>
  value instanceof Uint8Array ? Buffer.from(value).swap16().toString("utf16le") : String(value)

/** The order in which SQLite sorts stored text: what is stored as TEXT comes first. */
export const storedOrder = (a: string, b: string): number => {
  if (a === b) return 0
  const plain = isPlain(a)
  if (plain !== isPlain(b)) return plain ? -1 : 1
  return a < b ? -1 : 1
}

/** The order of the text itself: JavaScript's `<`. */
export const textOrder = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)

/**
 * Every plain text without NUL that is greater than `after` is at least this: where to go on among the TEXT values. Where
 * `after` is not plain, what is in front of its first surrogate decides, and U+E000 follows all surrogates.
 */
export const firstPlainAfter = (after: string): string => {
  const at = after.search(surrogate)
  return at === -1 ? `${after}\u0001` : `${after.slice(0, at)}\uE000`
}
