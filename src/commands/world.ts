/**
 * The Layers of the real world, chosen for a config.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import type { Config } from "../domain/Config.ts"
import { layerDiskWorkers } from "../layers/disk/DiskWorkers.ts"
import { holdStateDirectory } from "../layers/ledger/lock.ts"
import { layerMemory as layerEmptyLedger } from "../layers/ledger/memory.ts"
import { layerSqlite, ledgerFile } from "../layers/ledger/sqlite.ts"
import { processors, type ProcessorsOptions } from "../layers/processors/layer.ts"
import { layerWorkspace } from "../layers/processors/workspace.ts"
import { layerSyncedFiles } from "../layers/publishers/syncedFiles.ts"
import { layerLocal } from "../layers/sourceFiles/local.ts"
import { transporters } from "../layers/transporters/registry.ts"
import { layerWatcher } from "../layers/watchers/select.ts"

/** What looking at sources and servers takes. */
const layerOutside = (config: Config, workingDir: string, options: ProcessorsOptions) =>
  Layer.mergeAll(
    layerLocal,
    layerWorkspace({ directory: workingDir }),
    processors(config, options),
    transporters(config),
    layerWatcher,
  ).pipe(Layer.provide(layerDiskWorkers()))

/**
 * Everything the conveyor needs. The state directory is held first, so that two daemons never share one. `renew`: a damaged
 * ledger is set aside and a new one begun.
 */
export const layerWorld = (config: Config, renew = false) => {
  const { stateDir, syncedFilesDb, workingDir } = config.settings
  const held = Layer.effectDiscard(holdStateDirectory(stateDir))
  return Layer.mergeAll(
    layerSqlite({ directory: stateDir, renew }),
    layerSyncedFiles({ syncedFilesDb }),
    layerOutside(config, workingDir, { cacheDirectory: path.join(workingDir, "cache") }),
  ).pipe(Layer.provide(held))
}

/** What commands need that write the ledger while no daemon does, and leave the published map to it. */
export const layerLedgerOnly = (config: Config) => {
  const { stateDir, workingDir } = config.settings
  const held = Layer.effectDiscard(holdStateDirectory(stateDir))
  return Layer.mergeAll(layerSqlite({ directory: stateDir }), layerOutside(config, workingDir, {})).pipe(
    Layer.provide(held),
  )
}

/** A directory that nobody else can have made before; it goes with everything in it. */
const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "file-conveyor-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true })),
)

/** What commands need that only look: the ledger as it is, temporary files outside the state directory. */
export const layerReadOnly = (config: Config) =>
  Layer.unwrap(
    Effect.map(temporaryDirectory, (workingDir) => {
      const { stateDir } = config.settings
      const ledger = existsSync(ledgerFile(stateDir))
        ? layerSqlite({ directory: stateDir, readOnly: true })
        : layerEmptyLedger
      return Layer.mergeAll(ledger, layerOutside(config, workingDir, {}))
    }),
  )
