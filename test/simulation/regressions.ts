/** Histories that went wrong once, shrunk: what `npm run simulate` prints for a failure. */
import type { Step } from "./operations.ts"

export interface Regression {
  /** What went wrong. */
  readonly what: string
  readonly seed: number
  readonly steps: ReadonlyArray<Step>
}

export const regressions: ReadonlyArray<Regression> = []
