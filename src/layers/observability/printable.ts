/**
 * Text that came from outside, made harmless for a line of output.
 *
 * @since 1.0.0
 */
import { display } from "../../domain/Path.ts"

// Bidirectional overrides and isolates reorder what stands around them on the screen.
const reordering = /[\u202A-\u202E\u2066-\u2069]/g
const reserved = /\p{Cs}/gu

/**
 * One line in which nothing can start another line, move the cursor, colour or reorder text: control characters,
 * undecodable bytes, bidirectional overrides and stray surrogates are shown as escapes.
 */
export const printable = (text: string): string =>
  display(text)
    .replace(reordering, (char) => `\\u${char.charCodeAt(0).toString(16)}`)
    .replace(reserved, (char) => `\\u${char.charCodeAt(0).toString(16)}`)
