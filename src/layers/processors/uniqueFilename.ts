/**
 * Processors that give every version of a file a name of its own, so that it may be cached for ever.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { mtimeSeconds } from "../../domain/FileState.ts"
import { withSuffix } from "../../domain/Path.ts"
import { type ProcessorDefinition, renaming } from "../../domain/Processor.ts"

/** `unique_filename.Mtime`: `logo_1240668971.gif`, the modification time of the original file in whole seconds. */
export const mtime: ProcessorDefinition = renaming(
  "unique_filename.Mtime",
  (job) => Effect.succeed(withSuffix(job.baseName, `_${mtimeSeconds(job.state)}`)),
  { uniqueName: true },
)

/**
 * `unique_filename.MD5`: `logo_2f0342a2b9aaf48f9e75aa7ed1d58c48.gif`, the MD5 of the bytes as the processors before
 * this one left them: the name changes exactly when what is published does.
 */
export const md5: ProcessorDefinition = renaming(
  "unique_filename.MD5",
  (job) => Effect.map(job.hash("md5"), (hex) => withSuffix(job.baseName, `_${hex}`)),
  { uniqueName: true },
)

/** `unique_filename.SHA256`: the same with SHA-256, 64 hexadecimal digits. */
export const sha256: ProcessorDefinition = renaming(
  "unique_filename.SHA256",
  (job) => Effect.map(job.hash("sha256"), (hex) => withSuffix(job.baseName, `_${hex}`)),
  { uniqueName: true },
)

/** Characters of a short name: 36 to the power of 10 are 3.7 * 10^15 names. */
const SHORT = 10

/**
 * `unique_filename.Short`: `logo_3k9x0fz2ab.gif`, the SHA-256 as a number of ten digits and letters (modulo 36^10). Two versions of one file get the same name with a chance of 1 in 3.7 * 10^15; among a million versions of one file
 * (names of different files never meet) any two do with a chance of 1 in 7,000.
 */
export const short: ProcessorDefinition = renaming(
  "unique_filename.Short",
  (job) =>
    Effect.map(job.hash("sha256"), (hex) => {
      const digits = BigInt(`0x${hex}`) % 36n ** BigInt(SHORT)
      return withSuffix(job.baseName, `_${digits.toString(36).padStart(SHORT, "0")}`)
    }),
  { uniqueName: true },
)
