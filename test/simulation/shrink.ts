/** Makes a failing history short: leaves out operations while it still fails in the same way. */
import { live, type Verdict } from "./history.ts"
import type { Step } from "./operations.ts"

/** The kind of a failure: its sentence without names and numbers. */
export const kindOf = (failure: string): string =>
  failure
    .split(";")[0]!
    .replaceAll(/"[^"]*"|https?:\S+|\S*[/:_]\S*|\d+|\b(?:cdn|mirror|vault|site|media)\b/g, "*")
    .slice(0, 80)

export interface Shrunk {
  readonly steps: ReadonlyArray<Step>
  readonly verdict: Verdict
}

/** Runs at most `tries` histories. */
export const shrink = (seed: number, all: ReadonlyArray<Step>, verdict: Verdict, tries = 600): Shrunk => {
  const kind = kindOf(verdict.failure ?? "")
  let best: Shrunk = { steps: all, verdict }
  let left = tries
  const attempt = (steps: ReadonlyArray<Step>): boolean => {
    if (left-- <= 0) return false
    const next = live(seed, steps)
    if (next.failure === undefined || kindOf(next.failure) !== kind) return false
    best = { steps, verdict: next }
    return true
  }
  for (let size = Math.ceil(all.length / 2); size >= 1 && left > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.steps.length && left > 0; ) {
      if (!attempt(best.steps.toSpliced(at, size))) at += size
    }
  }
  // Leaving one out may make another superfluous.
  for (let before = -1; before !== best.steps.length && left > 0; ) {
    before = best.steps.length
    for (let at = best.steps.length - 1; at >= 0; at--) attempt(best.steps.toSpliced(at, 1))
  }
  for (let at = 0; at < best.steps.length; at++) {
    const step = best.steps[at]!
    if (step.after > 0) attempt(best.steps.with(at, { ...step, after: 0 }))
  }
  return best
}
