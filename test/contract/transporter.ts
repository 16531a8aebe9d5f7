/** The contract of transporters, run by every transporter against its server. */
import { describe, it } from "@effect/vitest"
import type { Effect, Scope } from "effect"
import { transporterChecks, type TransporterHarness } from "../../src/testing/transporterSuite.ts"

export { contentOf, outputFile, remote, sha256, specimen } from "../../src/testing/specimens.ts"
export type { TransporterHarness } from "../../src/testing/transporterSuite.ts"

export interface TransporterContractOptions {
  /** How long one test may take. */
  readonly timeout?: number
}

/** Runs the suite. `make` builds a server for one test; its Scope takes it down. */
export const transporterContract = (
  name: string,
  make: Effect.Effect<TransporterHarness, unknown, Scope.Scope>,
  options?: TransporterContractOptions,
): void => {
  describe(`${name} keeps the contract of transporters:`, () => {
    for (const { check, name: what } of transporterChecks(make)) it.live(what, () => check, options?.timeout ?? 30_000)
  })
}
