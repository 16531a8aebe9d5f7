/**
 * The temporary files of one job, wherever its processor runs.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { ProcessorError } from "../../domain/Errors.ts"
import type { FileState } from "../../domain/FileState.ts"
import type { WorkspacePlace } from "../../domain/Processor.ts"
import type { Content } from "../../domain/SourceFiles.ts"
import { DiskContent } from "../disk/DiskContent.ts"
import type { DiskError } from "../disk/DiskError.ts"
import type { DiskWorkers } from "../disk/DiskWorkers.ts"

const words = (error: DiskError, directory: string): string => {
  switch (error.code) {
    case "ENOSPC":
    case "EDQUOT":
      return `no space is left for temporary files in ${directory}: free some, or name another <workingDir>`
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return `the working directory ${directory} can not be written (${error.code}): name another <workingDir>`
    default:
      return `temporary files in ${directory}: ${error.detail}`
  }
}

/** The place of one job: `ensure` makes its directory, which is below `workingDirectory`. */
export const makePlace = (
  disk: DiskWorkers["Service"],
  place: string,
  ensure: Effect.Effect<void, DiskError>,
  workingDirectory: string,
): WorkspacePlace => {
  let files = 0
  const failure = (path: string) => (error: DiskError) =>
    new ProcessorError({ processor: "workspace", path, detail: words(error, workingDirectory), cause: error })
  const contentOf = (location: string, state: FileState): Content =>
    new DiskContent(disk, { location, guard: undefined, version: state })
  return {
    directory: Effect.mapError(Effect.as(ensure, place), failure(place)),
    write: (bytes) =>
      Effect.suspend(() => {
        files += 1
        const location = `${place}/.${files}`
        return Effect.mapBoth(Effect.andThen(ensure, disk.run("write", { location, bytes })), {
          onFailure: failure(location),
          onSuccess: (state) => contentOf(location, state),
        })
      }),
    adopt: (file) => {
      const location = file.startsWith("/") ? file : `${place}/${file}`
      return Effect.mapBoth(disk.run("adopt", { directory: place, location }), {
        onFailure: failure(location),
        onSuccess: (state) => contentOf(location, state),
      })
    },
  }
}
