/** The contract of processors, run by every processor with examples of its own. */
import { describe, it } from "@effect/vitest"
import type { ProcessorDefinition } from "../../src/domain/Processor.ts"
import { processorChecks, type ProcessorSuiteOptions } from "../../src/testing/processorSuite.ts"

export type { Example } from "../../src/testing/processorSuite.ts"
export { type WorkspaceUnderTest, workspaceOnDisk } from "../../src/testing/workspaces.ts"

export interface ProcessorContractOptions<S> extends ProcessorSuiteOptions<S> {
  /** Runs on the clock of the machine: for processors that start programs or workers. */
  readonly live?: boolean
}

/** Runs the contract of processors against one. */
export const processorContract = <S>(
  definition: ProcessorDefinition<S>,
  options: ProcessorContractOptions<S>,
): void => {
  const live = options.live === true
  const test = live ? it.live : it.effect
  describe(`${definition.name} keeps the contract of processors`, () => {
    for (const { check, name } of processorChecks(definition, options, live)) test(name, () => check, 60_000)
  })
}
