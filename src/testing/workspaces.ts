/**
 * Places for processors under test to write to.
 *
 * @since 1.0.0
 */
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Workspace } from "../domain/Processor.ts"
import { layerDiskWorkers } from "../layers/disk/DiskWorkers.ts"
import { makeDisk } from "../layers/memory/disk.ts"
import { makeWorkspace } from "../layers/memory/workspace.ts"
import { layerWorkspace } from "../layers/processors/workspace.ts"

/** A workspace to run in, and how to see what is left in it. */
export interface WorkspaceUnderTest {
  readonly layer: Layer.Layer<Workspace>
  /** Temporary files and directories of jobs that exist now. */
  readonly leftovers: Effect.Effect<ReadonlyArray<string>>
}

/** A workspace in memory: `job.directory` is no directory of this machine. */
export const workspaceInMemory: Effect.Effect<WorkspaceUnderTest> = Effect.gen(function* () {
  const disk = yield* makeDisk
  const workspace = yield* makeWorkspace(disk, "/workspace")
  const leftovers = Effect.gen(function* () {
    const files = Array.from((yield* disk.files("/workspace")).keys())
    const directory = disk.at("/workspace")
    const places = yield* workspace.places
    return [
      ...files,
      ...(directory?.kind === "directory" ? directory.entries.keys() : []),
      ...Array.from({ length: places }, (_, index) => `open place ${index}`),
    ]
  })
  return { layer: workspace.layer, leftovers }
})

/** A directory with nothing in it, removed with the Scope. */
export const emptyDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => realpathSync(mkdtempSync(join(tmpdir(), "file-conveyor-")))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true })),
)

/** A workspace as the daemon has it, in a temporary directory: for processors that start programs. */
export const workspaceOnDisk: Effect.Effect<WorkspaceUnderTest, never, Scope.Scope> = Effect.gen(function* () {
  const directory = join(yield* emptyDirectory, "work")
  const context = yield* Layer.build(layerWorkspace({ directory }).pipe(Layer.provide(layerDiskWorkers())))
  const leftovers = Effect.sync(() =>
    existsSync(directory)
      ? readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((path) => path.includes("job-"))
      : [],
  )
  return { layer: Layer.succeedContext(context), leftovers }
})
