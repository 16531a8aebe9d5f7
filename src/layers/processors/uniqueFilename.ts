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
