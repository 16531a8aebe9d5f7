/**
 * What programs import that run the conveyor with Layers of their own, or that bring a processor or a transporter.
 *
 * @since 1.0.0
 */

// What things mean.
export * as Config from "./domain/Config.ts"
export * as Delivery from "./domain/Delivery.ts"
export * as Disposition from "./domain/Disposition.ts"
export * as FileChange from "./domain/FileChange.ts"
export * as FileState from "./domain/FileState.ts"
export * as Filter from "./domain/Filter.ts"
export * as Path from "./domain/Path.ts"
export * as Plan from "./domain/Plan.ts"
export * as Rule from "./domain/Rule.ts"
export * as Safety from "./domain/Safety.ts"
export * as Telemetry from "./domain/Telemetry.ts"
export {
  ConfigError,
  type ConfigMistake,
  LedgerError,
  ProcessorError,
  PublisherError,
  SourceError,
  StateDirectoryHeld,
  TransportError,
  type TransportReason,
  WatcherError,
} from "./domain/Errors.ts"

// The contracts of the world.
export { Ledger, type LedgerChange, type LedgerShape } from "./domain/Ledger.ts"
export {
  defineProcessor,
  type ProcessedFile,
  type ProcessorDefinition,
  type ProcessorJob,
  Processors,
  renaming,
  Workspace,
} from "./domain/Processor.ts"
export { type PublishedChange, type PublishedRow, Publisher } from "./domain/Publisher.ts"
export { type Content, SourceFiles } from "./domain/SourceFiles.ts"
export {
  defineTransporter,
  type OutputFile,
  type Receipt,
  type RemoteFile,
  Transporter,
  type TransporterCapabilities,
  type TransporterDefinition,
  Transporters,
  type TransporterShape,
} from "./domain/Transporter.ts"
export { Watcher, type WatchSession, type WatchSignal } from "./domain/Watcher.ts"

// The graph.
export { type Conveyor, makeConveyor } from "./streams/conveyor.ts"

// The Layers of the real world.
export { loadConfig } from "./layers/config/loadConfig.ts"
export { DiskWorkers, layerDiskWorkers } from "./layers/disk/DiskWorkers.ts"
export { holdStateDirectory } from "./layers/ledger/lock.ts"
export { layerMemory as layerLedgerMemory } from "./layers/ledger/memory.ts"
export { layerSqlite as layerLedgerSqlite } from "./layers/ledger/sqlite.ts"
export { processors as layerProcessors } from "./layers/processors/layer.ts"
export { layerWorkspace } from "./layers/processors/workspace.ts"
export { layerNone as layerPublisherNone } from "./layers/publishers/none.ts"
export { layerSyncedFiles as layerPublisherSyncedFiles } from "./layers/publishers/syncedFiles.ts"
export { fromObservable, toObservable } from "./layers/rx/observable.ts"
export { layerLocal as layerSourceFilesLocal } from "./layers/sourceFiles/local.ts"
export { transporters as layerTransporters } from "./layers/transporters/registry.ts"
export { layerWatcher } from "./layers/watchers/select.ts"
export { layerWorld } from "./commands/world.ts"
