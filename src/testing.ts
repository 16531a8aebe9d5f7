/**
 * The test kit: everything around the conveyor, in memory, with faults that a test sets.
 *
 * Time comes from Effect's Clock and chance from its Random, so under `TestClock` and `Random.withSeed` every run
 * repeats.
 *
 * @since 1.0.0
 */
export {
  DiskError,
  type DiskEvent,
  type DiskFaults,
  makeDisk,
  type MemoryDisk,
  noDiskFaults,
  type WriteOptions,
} from "./layers/memory/disk.ts"
export {
  type FaultKind,
  healthy,
  type Operation,
  type ServerConditions,
  type ServerFault,
} from "./layers/memory/faults.ts"
export { contentOf, layerProcessors, runProcessor, type Specimen, stateOf } from "./layers/memory/processors.ts"
export {
  type LoggedOperation,
  makeServer,
  type MemoryServer,
  type MemoryServerOptions,
  type StoredFile,
} from "./layers/memory/server.ts"
export { makeServers, type MemoryServers } from "./layers/memory/servers.ts"
export { layerSourceFiles, makeSourceFiles } from "./layers/memory/sourceFiles.ts"
export { makeWatcher, type MemoryWatcher, noWatcherFaults, type WatcherFaults } from "./layers/memory/watcher.ts"
export {
  layerTestWorld,
  makeTestWorld,
  testSource,
  type TestWorld,
  type TestWorldOptions,
} from "./layers/memory/world.ts"
export { makeWorkspace, type MemoryWorkspace } from "./layers/memory/workspace.ts"

// The contracts as suites, for any test runner.
export { type Example, processorSuite, type ProcessorSuiteOptions } from "./testing/processorSuite.ts"
export { outputFile, specimen as specimenBytes } from "./testing/specimens.ts"
export type { SuiteTest } from "./testing/suite.ts"
export { type TransporterHarness, transporterSuite } from "./testing/transporterSuite.ts"
export { workspaceInMemory, workspaceOnDisk, type WorkspaceUnderTest } from "./testing/workspaces.ts"
