/**
 * A world without disk, clock or network, in which months of operation pass in seconds and every run repeats.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Source } from "../../domain/Config.ts"
import type { Ledger } from "../../domain/Ledger.ts"
import type { SourceName } from "../../domain/Path.ts"
import type { Processors, ProcessorDefinition, Workspace } from "../../domain/Processor.ts"
import type { Publisher } from "../../domain/Publisher.ts"
import type { SourceFiles } from "../../domain/SourceFiles.ts"
import type { Transporters } from "../../domain/Transporter.ts"
import type { Watcher } from "../../domain/Watcher.ts"
import { makeDisk, type MemoryDisk } from "./disk.ts"
import { layerProcessors } from "./processors.ts"
import type { MemoryServerOptions } from "./server.ts"
import { makeServers, type MemoryServers } from "./servers.ts"
import { layerSourceFiles } from "./sourceFiles.ts"
import { makeWatcher, type MemoryWatcher } from "./watcher.ts"
import { makeWorkspace, type MemoryWorkspace } from "./workspace.ts"

/** Everything around the conveyor, each part with the handles by which a test makes it fail. */
export interface TestWorld {
  readonly disk: MemoryDisk
  readonly watcher: MemoryWatcher
  readonly workspace: MemoryWorkspace
  readonly servers: MemoryServers
  /** The services over it. */
  readonly layer: Layer.Layer<SourceFiles | Watcher | Workspace | Transporters | Processors>
}

export interface TestWorldOptions {
  readonly servers: ReadonlyArray<string | (MemoryServerOptions & { readonly name: string })>
  readonly processors?: Iterable<ProcessorDefinition>
  /** The monitor says when a writer has closed a file; true unless it is said. */
  readonly closes?: boolean
}

/** An empty world. */
export const makeTestWorld = (options: TestWorldOptions): Effect.Effect<TestWorld> =>
  Effect.gen(function* () {
    const disk = yield* makeDisk
    const watcher = yield* makeWatcher(disk, options.closes === undefined ? {} : { closes: options.closes })
    const workspace = yield* makeWorkspace(disk)
    const servers = yield* makeServers(options.servers)
    const layer = Layer.mergeAll(
      layerSourceFiles(disk),
      watcher.layer,
      workspace.layer,
      servers.layer,
      layerProcessors(options.processors ?? []),
    )
    return { disk, watcher, workspace, servers, layer }
  })

/** A whole world: what is around the conveyor, with a ledger and a published map. */
export const layerTestWorld = <E1, R1, E2, R2>(
  world: TestWorld,
  parts: { readonly ledger: Layer.Layer<Ledger, E1, R1>; readonly publisher: Layer.Layer<Publisher, E2, R2> },
): Layer.Layer<SourceFiles | Watcher | Workspace | Transporters | Processors | Ledger | Publisher, E1 | E2, R1 | R2> =>
  Layer.mergeAll(world.layer, parts.ledger, parts.publisher)

/** A `<source>` as a config would have it, with everything that is not said at its default. */
export const testSource = (name: string, root: string, settings?: Partial<Source>): Source => ({
  name: name as SourceName,
  scanPath: root,
  root,
  documentRoot: undefined,
  basePath: undefined,
  logicalBasePath: false,
  ignoredDirs: new Set(),
  monitor: "auto",
  symlinks: "inside",
  ...settings,
})
