/**
 * Publishes bytes that are not a file on disk.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { SourceError } from "../../domain/Errors.ts"
import type { RemotePath } from "../../domain/Path.ts"
import type { OutputFile } from "../../domain/Transporter.ts"
import type { DiskError } from "./DiskError.ts"
import type { DiskWorkers } from "./DiskWorkers.ts"

/** Stores the bytes as they come in a temporary file and moves that into place; their SHA-256. */
export const putStream = (
  disk: DiskWorkers["Service"],
  root: string,
  { content, state }: OutputFile,
  to: RemotePath,
): Effect.Effect<string, DiskError | SourceError> =>
  Effect.acquireUseRelease(
    disk.run("spool", { root, to }),
    Effect.fnUntraced(function* (location) {
      const hash = createHash("sha256")
      yield* Stream.runForEach(content.bytes, (bytes) => {
        hash.update(bytes)
        return disk.run("append", { location, bytes })
      })
      yield* disk.run("commit", { location, root, to, version: { ...state, size: content.size } })
      return hash.digest("hex")
    }),
    (location, exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.ignore(disk.run("discard", { location }))),
  )
