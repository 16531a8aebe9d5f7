/**
 * Contracts as lists of named checks, which any test runner can run.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** One thing a contract asks for. It ends well, or dies with an AssertionError. */
export interface Check {
  readonly name: string
  readonly check: Effect.Effect<unknown, unknown, Scope.Scope>
}

/** A test for a runner: `for (const { name, run } of suite) test(name, run)`. */
export interface SuiteTest {
  readonly name: string
  readonly run: () => Promise<void>
}

/** Checks as tests, on the clock of the machine. */
export const testsOf = (subject: string, checks: ReadonlyArray<Check>): ReadonlyArray<SuiteTest> =>
  checks.map(({ check, name }) => ({
    name: `${subject}: ${name}`,
    run: () => Effect.runPromise(Effect.asVoid(Effect.scoped(check))),
  }))
