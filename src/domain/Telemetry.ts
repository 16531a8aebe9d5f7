/**
 * What happens, as values: for log lines, progress, the status and whoever embeds the conveyor.
 *
 * @since 1.0.0
 */
import type { Failure, Hold } from "./Delivery.ts"
import type { RelativePath, RemotePath, ServerName, SourceName } from "./Path.ts"

/** Something that happened. */
export type ConveyorEvent =
  | {
      readonly _tag: "Delivered"
      readonly source: SourceName
      readonly path: RelativePath
      readonly server: ServerName
      readonly destination: RemotePath
      readonly url: string
      readonly bytes: number
    }
  | {
      readonly _tag: "Removed"
      readonly source: SourceName
      readonly path: RelativePath
      readonly server: ServerName
      readonly destination: RemotePath
    }
  | { readonly _tag: "Failed"; readonly failure: Failure }
  | { readonly _tag: "ServerDown"; readonly server: ServerName; readonly reason: string; readonly nextTry: number }
  | { readonly _tag: "ServerUp"; readonly server: ServerName }
  | {
      readonly _tag: "Scanned"
      readonly source: SourceName
      readonly files: number
      readonly directories: number
      readonly due: number
      readonly millis: number
      readonly first: boolean
    }
  | { readonly _tag: "Held"; readonly hold: Hold }
  | { readonly _tag: "SourceAway"; readonly source: SourceName; readonly reason: string }
  | { readonly _tag: "SourceBack"; readonly source: SourceName }
  | { readonly _tag: "SourceDeleted"; readonly source: SourceName; readonly path: RelativePath }
  /** The CDN of this server took the order to fetch so many changed addresses anew. */
  | { readonly _tag: "Invalidated"; readonly server: ServerName; readonly places: number }
  | {
      readonly _tag: "InvalidationFailed"
      readonly server: ServerName
      readonly reason: string
      readonly waiting: number
      readonly nextTry: number
    }
  | { readonly _tag: "InSync" }

/** How one source stands. */
export interface SourceStatus {
  readonly name: SourceName
  readonly state: "scanning" | "watching" | "away"
  readonly monitor: string
  readonly directories: number
  readonly watched: number
  /** Directories without a watch; they are looked at by the reconcile only. */
  readonly blind: number
  readonly overflows: number
  readonly settling: number
  readonly hold: Hold | undefined
  /** Directories that could not be read; what was delivered from them stays as it is until they can be. */
  readonly unreadable?: ReadonlyArray<UnreadableDirectory>
}

/** A directory that could not be read, why, and when it is tried again (undefined: now). */
export interface UnreadableDirectory {
  readonly directory: RelativePath
  readonly reason: string
  readonly nextTry: number | undefined
}

/** What the CDN in front of a server has still to be told: addresses that changed, and why it was not told yet. */
export interface InvalidationStatus {
  readonly waiting: number
  readonly reason: string | undefined
  readonly nextTry: number | undefined
}

/**
 * How one server stands. `waiting` is exact up to a bound, then `atLeast` is true; `referring` of them wait for files that
 * they refer to.
 */
export interface ServerStatus {
  readonly name: ServerName
  readonly state: "up" | "down"
  readonly reason: string | undefined
  readonly nextTry: number | undefined
  readonly waiting: number
  readonly referring: number
  readonly atLeast: boolean
  readonly inFlight: number
  readonly delivered: number
  readonly failed: number
  /** Absent where no CDN has to be told. */
  readonly invalidation?: InvalidationStatus
}

/** The answer to "is it in sync?". */
export interface Status {
  readonly inSync: boolean
  readonly since: number
  readonly sources: ReadonlyArray<SourceStatus>
  readonly servers: ReadonlyArray<ServerStatus>
  readonly failures: ReadonlyArray<Failure>
}
