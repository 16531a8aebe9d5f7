/**
 * What the daemon and its watching thread say to each other.
 *
 * @since 1.0.0
 */
import type { FileChange } from "../../domain/FileChange.ts"
import type { RelativePath } from "../../domain/Path.ts"
import type { BlindSpot } from "../../domain/Watcher.ts"

/** To the thread. `session` and `request` are numbers of the asker's choice. */
export type Command =
  | {
      readonly _tag: "Open"
      readonly request: number
      readonly session: number
      readonly root: string
      readonly follow: boolean
      readonly ignoredDirs: ReadonlySet<string>
    }
  | {
      readonly _tag: "Watch"
      readonly request: number
      readonly session: number
      readonly directories: ReadonlyArray<RelativePath>
    }
  /** So many batches were taken, and as many more may be sent. */
  | { readonly _tag: "Taken"; readonly session: number; readonly batches: number }
  | { readonly _tag: "Close"; readonly request: number; readonly session: number }
  | { readonly _tag: "Stop" }

/** What happened below one root. */
export interface Batch {
  readonly changes: ReadonlyArray<FileChange>
  readonly overflowed: boolean
  readonly rootLost: boolean
}

/** From the thread. */
export type Report =
  /** It runs; writing to the descriptor `wake` makes it look at its commands. */
  | { readonly _tag: "Ready"; readonly wake: number }
  /** It can not run on this machine, and has ended. */
  | { readonly _tag: "Unavailable"; readonly detail: string }
  | {
      readonly _tag: "Done"
      readonly request: number
      readonly watched: number
      readonly blind: ReadonlyArray<BlindSpot>
    }
  | { readonly _tag: "Failed"; readonly request: number; readonly detail: string }
  | { readonly _tag: "Batch"; readonly session: number; readonly watched: number; readonly batch: Batch }
