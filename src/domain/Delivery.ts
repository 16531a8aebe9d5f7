/**
 * What a server holds, and what is still owed to it.
 *
 * @since 1.0.0
 */
import type { DeliveredState } from "./FileState.ts"
import type { RelativePath, RemotePath, RuleId, ServerName, SourceName } from "./Path.ts"

/** The unit of work: one source file and one server. */
export interface Target {
  readonly source: SourceName
  readonly path: RelativePath
  readonly server: ServerName
}

/** Identifies a delivery: a rule delivers a file to a server once. */
export interface DeliveryKey extends Target {
  readonly rule: RuleId
}

/** A file that a server confirmed to hold. */
export interface Delivery extends DeliveryKey {
  readonly destination: RemotePath
  /** Suffixes of what is published beside it, in order ({@link ./Companion.ts}); absent: nothing is. */
  readonly companions?: ReadonlyArray<string>
  readonly url: string
  /**
   * Of the rule's destination ({@link ./Rule.ts}); empty while an upload to this place is not confirmed, and where a file
   * it refers to is at another place by now ({@link ./Link.ts}).
   */
  readonly fingerprint: string
  /** The source file this was made from. */
  readonly state: DeliveredState
  /** SHA-256 of the source file's bytes in hex; empty where nobody read them (a symbolic link was published). */
  readonly hash: string
  /** Milliseconds since the epoch. */
  readonly deliveredAt: number
  /** The daemon itself deleted the source file afterwards (`fileDeletionDelayAfterSync`): its absence means nothing. */
  readonly sourceDeleted: boolean
}

/** A remote file that no delivery wants any more and that is to be removed at `dueAt` (milliseconds since the epoch). */
export interface Retirement extends Target {
  readonly destination: RemotePath
  readonly dueAt: number
}

/** Work of a target that failed and will be tried again at `nextTry` (milliseconds since the epoch). */
export interface Failure extends Target {
  readonly reason: string
  readonly attempts: number
  readonly since: number
  readonly nextTry: number
}

/** Deletions of a source that the mass-delete guard holds back until a person confirms them. */
export interface Hold {
  readonly source: SourceName
  readonly since: number
  readonly missing: number
  readonly total: number
  readonly reason: string
}
