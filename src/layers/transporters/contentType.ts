/**
 * The media type of a file by its name, the same on every machine: never from the operating system's table.
 *
 * @since 1.0.0
 */
import { contentType as registered } from "mime-types"
import { extensionOf } from "../../domain/Path.ts"

/** What the table of registered types lacks. `.ts` stays video/mp2t: what CDNs serve under this name is video. */
const additions: ReadonlyMap<string, string> = new Map([
  ["br", "application/x-brotli"],
  ["zst", "application/zstd"],
])

/** What nothing is known about. */
const unknown = "application/octet-stream"

/** The value of a Content-Type header for a file of this name; text types name UTF-8. */
export const contentType = (name: string): string => {
  const extension = extensionOf(name)
  if (extension === "") return unknown
  const added = additions.get(extension)
  if (added !== undefined) return added
  const found = registered(extension)
  return found === false ? unknown : found
}
