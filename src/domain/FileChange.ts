/**
 * Hints: what a watcher or a scan has to say about a path. A hint never decides anything; it only says that a path is
 * worth a look, and how urgently. What is to be done is decided from the disk and the ledger when the work is done.
 *
 * @since 1.0.0
 */
import type { RelativePath } from "./Path.ts"

/**
 * - `complete`: the writer closed the file, or it was moved into place: take it at once.
 * - `growing`: it may still be written: wait until it holds still.
 * - `gone`: the name was removed.
 * - `listing`: look at every name in this directory.
 * - `tree`: look at everything below this directory, which may be new, moved or gone, and at the name itself, which may
 *   be that of a file by now, or may have been.
 */
export type ChangeKind = "complete" | "growing" | "gone" | "listing" | "tree"

/** A hint about one path of one source. */
export interface FileChange {
  readonly path: RelativePath
  readonly kind: ChangeKind
}

/**
 * What two hints about one path mean together, `later` having come after `earlier`. A tree covers everything. Among hints
 * about a file the later one counts, since it is what the disk says now. A listing and a hint about a file of the same
 * name mean that one became the other, which only a tree covers. So merging never loses a reason to look, never waits
 * for less than the last hint asks, and gives the same however the hints are grouped.
 *
 * | earlier \ later | complete | growing | gone | listing | tree |
 * | --- | --- | --- | --- | --- | --- |
 * | complete | complete | growing | gone | tree | tree |
 * | growing | complete | growing | gone | tree | tree |
 * | gone | complete | growing | gone | tree | tree |
 * | listing | tree | tree | tree | listing | tree |
 * | tree | tree | tree | tree | tree | tree |
 */
export const merge = (earlier: ChangeKind, later: ChangeKind): ChangeKind => {
  switch (earlier) {
    case "tree":
      return "tree"
    case "listing":
      return later === "listing" ? "listing" : "tree"
    case "complete":
    case "growing":
    case "gone":
      return later === "listing" ? "tree" : later
  }
}
