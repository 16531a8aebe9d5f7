/**
 * Temporary files of jobs, kept on an in-memory disk.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ProcessorError, SourceError } from "../../domain/Errors.ts"
import { MEMORY_CHUNK } from "../../domain/Limits.ts"
import { Workspace, type WorkspacePlace } from "../../domain/Processor.ts"
import type { Content } from "../../domain/SourceFiles.ts"
import type { MemoryDisk } from "./disk.ts"

/** A workspace in memory: the service, and how many places are open, for tests that look for leftovers. */
export interface MemoryWorkspace {
  readonly service: Workspace["Service"]
  readonly layer: Layer.Layer<Workspace>
  readonly places: Effect.Effect<number>
}

const failure = (path: string, detail: string) => new ProcessorError({ processor: "workspace", path, detail })

const chunksOf = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.length / MEMORY_CHUNK) }, (_, index) =>
    bytes.slice(index * MEMORY_CHUNK, (index + 1) * MEMORY_CHUNK),
  )

/** A workspace whose places are directories `<directory>/<number>` of an in-memory disk. */
export const makeWorkspace = (disk: MemoryDisk, directory = "/workspace"): Effect.Effect<MemoryWorkspace> =>
  Effect.sync(() => {
    let opened = 0
    let places = 0

    const contentOf = (file: string): Effect.Effect<Content, ProcessorError> =>
      Effect.mapError(
        Effect.map(disk.read(file), (bytes): Content => ({
          origin: "temporary",
          size: bytes.length,
          location: undefined,
          bytes: Stream.suspend(() => {
            const node = disk.at(file)
            return node?.kind === "file"
              ? Stream.fromArray(chunksOf(node.bytes))
              : Stream.fail(new SourceError({ path: file, reason: "Vanished", detail: "the job is over" }))
          }),
        })),
        (error) => failure(file, error.message),
      )

    const open: Effect.Effect<WorkspacePlace, ProcessorError, Scope.Scope> = Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          places += 1
          opened += 1
          return `${directory}/${opened}`
        }),
        (place) =>
          Effect.andThen(
            Effect.ignore(disk.rmdir(place, { recursive: true })),
            Effect.sync(() => void (places -= 1)),
          ),
      ),
      (place) => {
        let files = 0
        return {
          write: (bytes) =>
            Effect.suspend(() => {
              files += 1
              const file = `${place}/.${files}`
              return Effect.andThen(
                Effect.mapError(disk.write(file, bytes), (error) => failure(file, error.message)),
                contentOf(file),
              )
            }),
          directory: Effect.as(
            Effect.mapError(disk.mkdir(place), (error) => failure(place, error.message)),
            place,
          ),
          adopt: (file) => contentOf(file.startsWith("/") ? file : `${place}/${file}`),
        }
      },
    )

    const hash: Workspace["Service"]["hash"] = (content, algorithm) =>
      Effect.map(
        Stream.runFold(
          content.bytes,
          () => createHash(algorithm),
          (hash, chunk) => hash.update(chunk),
        ),
        (hash) => hash.digest("hex"),
      )

    const service = { open, hash }
    return { service, layer: Layer.succeed(Workspace, service), places: Effect.sync(() => places) }
  })
