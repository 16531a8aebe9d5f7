/**
 * The contract of a file monitor. Every monitor is only a source of hints; what it can tell and what it can not is data.
 *
 * @since 1.0.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Source } from "./Config.ts"
import type { WatcherError } from "./Errors.ts"
import type { FileChange } from "./FileChange.ts"
import type { RelativePath } from "./Path.ts"

/** What a monitor can tell. Generic code consults it; the contract suite tests what is declared. */
export interface WatcherCapabilities {
  /** Says when a writer has closed a file: a `complete` hint needs no settling. */
  readonly closes: boolean
  /** Says when it lost events. Where it can not, bursts are followed by a listing. */
  readonly overflow: boolean
  /** Watches whole trees by itself: `watch` need not be called for directories below the root. */
  readonly recursive: boolean
}

/**
 * - `Changes`: hints, oldest first, already merged where that was cheap.
 * - `Overflowed`: events were lost below this directory: look at the tree again.
 * - `RootLost`: the root was moved, unmounted or removed: the session is of no more use.
 */
export type WatchSignal =
  | { readonly _tag: "Changes"; readonly changes: ReadonlyArray<FileChange> }
  | { readonly _tag: "Overflowed"; readonly directory: RelativePath }
  | { readonly _tag: "RootLost" }

/** A directory that could not be watched, and why in words. It is scanned instead. */
export interface BlindSpot {
  readonly directory: RelativePath
  readonly reason: string
  /** No more watches are to be had on this machine (ENOSPC): asking for others is of no use. */
  readonly exhausted: boolean
}

/** One running watch over one source. Closing its Scope ends it and gives everything back. */
export interface WatchSession {
  /** Which monitor it is, for the status and log lines, e.g. "inotify". */
  readonly name: string
  readonly capabilities: WatcherCapabilities
  /**
   * Everything that happens below watched directories from the moment `watch` returned for them. Run it once. It is
   * pulled: while nobody pulls, memory stays bounded and what does not fit turns into `Overflowed`.
   *
   * A new or moved-in directory gives a `tree` hint and is not watched by itself (unless `recursive`): whoever hears
   * the hint watches it, then lists it, so nothing falls in between. A directory that was moved away or removed gives a
   * `tree` hint for its old path, and its watches below are dropped. A change of a file's contents, times or mode gives
   * `complete` or `growing`; a removed or moved-away name gives `gone` (a `tree` hint where it was a directory).
   */
  readonly signals: Stream.Stream<WatchSignal, WatcherError>
  /**
   * Watches these directories (not below them, unless `recursive`). When it returns, every later change in them is
   * reported. Safe to repeat: a directory watched already stays so; one that has become another directory (other inode)
   * is watched anew. One that does not exist (any more) is passed over in silence. Fails only when the monitor is dead.
   */
  readonly watch: (directories: ReadonlyArray<RelativePath>) => Effect.Effect<ReadonlyArray<BlindSpot>, WatcherError>
  /** How many directories are watched now. */
  readonly watched: Effect.Effect<number>
}

/** Opens file monitors. */
export class Watcher extends Context.Service<
  Watcher,
  {
    /** Starts a monitor over a source's root. Nothing is watched until `watch` is called (unless `recursive`). */
    readonly open: (source: Source) => Effect.Effect<WatchSession, WatcherError, Scope.Scope>
  }
>()("file-conveyor/domain/Watcher") {}
