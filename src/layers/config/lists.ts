/**
 * Colon-separated lists: directory names, extensions, directories.
 *
 * @since 1.0.0
 */
import type * as Schema from "effect/Schema"
import { isSafe } from "../../domain/Path.ts"
import { value, VALUE, Wrong } from "./values.ts"

const always = '*"[];|=,<>'

/** Entries of a list, or what is wrong: a forbidden character, or nothing in it. Empty entries are skipped. */
const entries = (input: string, forbidden: string): ReadonlyArray<string> | Wrong => {
  for (const character of input) {
    if ((always + forbidden).includes(character)) {
      return new Wrong(
        `is ${VALUE}, which holds the forbidden character ${character}`,
        character === "."
          ? 'Write extensions without dots: "css:js".'
          : "Separate entries by colons and leave that character out.",
      )
    }
  }
  const found = input
    .split(":")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
  return found.length === 0 ? new Wrong("is empty", "Give it at least one entry, or leave it out.") : found
}

/** Names of directories, at any depth. */
export const directoryNames: Schema.Codec<ReadonlySet<string>, string> = value(
  (input) => {
    const found = entries(input, "/\\")
    return found instanceof Wrong ? found : new Set(found)
  },
  (names) => [...names].join(":"),
)

/** Extensions without dots, in lower case. */
export const extensions: Schema.Codec<ReadonlySet<string>, string> = value(
  (input) => {
    const found = entries(input, "/\\.")
    return found instanceof Wrong ? found : new Set(found.map((extension) => extension.toLowerCase()))
  },
  (names) => [...names].join(":"),
)

/** Directories relative to a scan path, without slashes at either end. */
export const directories: Schema.Codec<ReadonlyArray<string>, string> = value(
  (input) => {
    const found = entries(input, "")
    if (found instanceof Wrong) return found
    const paths = found.map((path) => path.replace(/\/{2,}/g, "/").replace(/^(?:\.?\/)+|\/$/g, ""))
    return paths.every(isSafe)
      ? paths
      : new Wrong(`is ${VALUE}, which names no directory below the scan path`, 'Leave out "." and ".." segments.')
  },
  (paths) => paths.join(":"),
)
