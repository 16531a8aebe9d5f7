/**
 * The mass-delete guard: an emptied, unmounted or replaced source must never empty the servers.
 *
 * @since 1.0.0
 */
import { GUARD_COUNT } from "./Limits.ts"

/** What is known about a source whose files went missing. `moved` of the missing were found elsewhere in the source. */
export interface Census {
  readonly total: number
  readonly missing: number
  readonly moved: number
  /** The root is missing, or is another directory or disk than the one that was delivered from. */
  readonly root: "same" | "replaced" | "missing"
}

export type Verdict = { readonly _tag: "Approve" } | { readonly _tag: "Hold"; readonly reason: string }

const approve: Verdict = { _tag: "Approve" }
const percent = (share: number): string => `${Math.round(share * 100)} %`

/**
 * Whether the missing files may be deleted on the servers. `share` is the configured limit; 1 turns the count off, but a
 * root that is missing never deletes anything: there is nothing to tell a deletion from a lost disk.
 */
export const judge = (census: Census, share: number): Verdict => {
  if (census.root === "missing") return { _tag: "Hold", reason: "the source's directory is missing" }
  const gone = census.missing - census.moved
  if (share >= 1 || gone <= 0) return approve
  if (gone <= census.total * share) return approve
  if (census.root === "replaced") {
    return {
      _tag: "Hold",
      reason: `${gone} of ${census.total} files are missing and the source is another directory or disk than before`,
    }
  }
  if (gone <= GUARD_COUNT) return approve
  return {
    _tag: "Hold",
    reason: `${gone} of ${census.total} files went missing at once, more than ${percent(share)}`,
  }
}
