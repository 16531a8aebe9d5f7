/**
 * References where they stand in a text, and the text with some of them replaced: nothing else of it ever changes.
 *
 * @since 1.0.0
 */
import { parseReference } from "../../../domain/Reference.ts"

/** A reference in a text: from `start` to before `end`, in UTF-16 units. */
export interface Occurrence {
  readonly start: number
  readonly end: number
  /** What it says, without quotes and escapes. */
  readonly reference: string
  /** What stands there when it is to say `address`. */
  readonly write: (address: string) => string
}

/** The references that may lead to a file, each once, in the order of their first occurrence. */
export const referencesIn = (occurrences: ReadonlyArray<Occurrence>): ReadonlyArray<string> => [
  ...new Set(
    occurrences.map(({ reference }) => reference).filter((reference) => parseReference(reference) !== undefined),
  ),
]

/** The text with the references that have an address replaced by it. Undefined where none has another than it had. */
export const replaceIn = (
  text: string,
  occurrences: ReadonlyArray<Occurrence>,
  addresses: ReadonlyMap<string, string>,
): string | undefined => {
  const parts: Array<string> = []
  let at = 0
  for (const { end, reference, start, write } of occurrences) {
    const address = addresses.get(reference)
    if (address === undefined || address === reference || start < at) continue
    parts.push(text.slice(at, start), write(address))
    at = end
  }
  return at === 0 && parts.length === 0 ? undefined : parts.join("") + text.slice(at)
}
