/**
 * Temporary files of jobs, on disk.
 *
 * Each run has a directory of its own below the working directory, each job one below that. What a crashed run left is
 * removed when the next one starts.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Workspace, type WorkspacePlace } from "../../domain/Processor.ts"
import { DiskContent, sourceError } from "../disk/DiskContent.ts"
import { DiskWorkers } from "../disk/DiskWorkers.ts"
import { makeHashes } from "../disk/hashes.ts"
import { makePlace } from "./place.ts"

/** Where the working directory is. */
export interface WorkspaceOptions {
  /** Absolute. Made when it is missing. */
  readonly directory: string
}

const make = Effect.fnUntraced(function* ({ directory }: WorkspaceOptions) {
  const disk = yield* DiskWorkers
  const scope = yield* Effect.scope
  const hashOf = yield* makeHashes(disk)
  const runDirectory = `${directory}/run-${process.pid}-${Math.round(performance.timeOrigin)}`
  let jobs = 0
  let prepared = false

  /** Makes the run's directory when the first job needs it, and again should somebody have removed it. */
  const prepare = Effect.suspend(() => {
    if (prepared) return Effect.void
    prepared = true
    return Scope.addFinalizer(scope, Effect.ignore(disk.run("removeTree", { location: runDirectory })))
  })

  const openPlace: Effect.Effect<WorkspacePlace, never, Scope.Scope> = Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        jobs += 1
        return { place: `${runDirectory}/job-${jobs}`, begun: false, made: false }
      }),
      (job) =>
        job.begun
          ? Effect.catchTag(disk.run("removeTree", { location: job.place }), "DiskError", (error) =>
              Effect.logWarning(`temporary files stay until the next start: ${error.detail}`),
            )
          : Effect.void,
    ),
    (job) => {
      const { place } = job
      const ensure = Effect.suspend(() => {
        if (job.made) return Effect.void
        job.begun = true
        return Effect.andThen(
          prepare,
          Effect.map(disk.run("makeDirectory", { location: place }), () => void (job.made = true)),
        )
      })
      return makePlace(disk, place, ensure, directory)
    },
  )

  yield* Effect.ignore(disk.run("sweep", { directory }))

  return Workspace.of({
    open: openPlace,
    hash: (content, algorithm) =>
      content instanceof DiskContent
        ? Effect.mapError(hashOf(content.original, algorithm), sourceError(content.location))
        : Effect.map(
            Stream.runFold(
              content.bytes,
              () => createHash(algorithm),
              (hash, chunk) => hash.update(chunk),
            ),
            (hash) => hash.digest("hex"),
          ),
  })
})

/** Temporary files of jobs below a working directory. */
export const layerWorkspace = (options: WorkspaceOptions): Layer.Layer<Workspace, never, DiskWorkers> =>
  Layer.effect(Workspace, make(options))
