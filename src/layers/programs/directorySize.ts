/**
 * How much is in a directory.
 *
 * @since 1.0.0
 */
import { lstat, readdir } from "node:fs/promises"
import * as Effect from "effect/Effect"
import { PROGRAM_FILES } from "../../domain/Limits.ts"

/** Bytes and number of files. */
export interface DirectorySize {
  readonly bytes: number
  readonly files: number
}

const sizeOf = async (directory: string): Promise<DirectorySize> => {
  let bytes = 0
  let files = 0
  const waiting = [directory]
  for (let next = waiting.pop(); next !== undefined && files <= PROGRAM_FILES; next = waiting.pop()) {
    const entries = await readdir(next, { withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      files += 1
      if (files > PROGRAM_FILES) break
      const path = `${next}/${entry.name}`
      if (entry.isDirectory()) waiting.push(path)
      else
        bytes += await lstat(path).then(
          ({ size }) => size,
          () => 0,
        )
    }
  }
  return { bytes, files }
}

/** What is below a directory; what goes away meanwhile counts nothing. The counting ends past {@link PROGRAM_FILES}. */
export const directorySize = (directory: string): Effect.Effect<DirectorySize> =>
  Effect.promise(() => sizeOf(directory))
