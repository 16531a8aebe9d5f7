/**
 * The contract for reading sources, and the only way anything is ever deleted in one.
 *
 * @since 1.0.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Source } from "./Config.ts"
import type { SourceError } from "./Errors.ts"
import type { FileState, Listing } from "./FileState.ts"
import type { RelativePath } from "./Path.ts"

/** Some bytes, somewhere: a file of a source, or a temporary one that a processor made. */
export interface Content {
  readonly origin: "source" | "temporary"
  readonly size: number
  /**
   * Where it is on disk, in the text form of paths ({@link ./Path.ts}); undefined in worlds without a disk. Programs and
   * the local copier use it; everything else reads `bytes`.
   */
  readonly location: string | undefined
  /**
   * The bytes, exactly `size` of them, opened anew at each run. Fails with `Changed` when the file is not the version it
   * was when this value was made (checked when it is opened and when its end is reached), `Vanished` when it is gone.
   */
  readonly bytes: Stream.Stream<Uint8Array, SourceError>
}

/** Identity of a directory on this machine, e.g. "device:inode"; another value means another disk or another directory. */
export type RootIdentity = string

export class SourceFiles extends Context.Service<
  SourceFiles,
  {
    /**
     * What is at this path now: its state where it is a regular file or a link that the source's policy delivers
     * (then the state of the file it stands for), undefined for everything else, for nothing, and for a path that is
     * reached through a link or an ignored directory. Fails with `Unreadable` or `Failed` where the disk can not tell.
     */
    readonly stat: (source: Source, path: RelativePath) => Effect.Effect<FileState | undefined, SourceError>
    /**
     * The entries of directories, in the order asked. Never enters ignored directories (they are left out), never opens
     * a file. Names come in no particular order. Directories that are no longer there have undefined entries; one that
     * may not be read has `unreadable` set.
     */
    readonly list: (
      source: Source,
      directories: ReadonlyArray<RelativePath>,
    ) => Effect.Effect<ReadonlyArray<Listing>, SourceError>
    /** The root itself: its identity, or undefined while it is missing or not a directory. */
    readonly identity: (source: Source) => Effect.Effect<RootIdentity | undefined>
    /**
     * Absolute paths without symbolic links on the way, in the order asked. Of what does not exist, the directories that
     * do; a path that can not be followed is given back as it is.
     */
    readonly realPaths: (paths: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<string>, SourceError>
    /** The contents of this version of a file. Opening happens when it is read. */
    readonly content: (source: Source, path: RelativePath, state: FileState) => Content
    /**
     * Deletes this version of a file; fails with `Changed` when it is another by now. A file that is gone is fine. For a
     * link, the link.
     */
    readonly remove: (source: Source, path: RelativePath, state: FileState) => Effect.Effect<void, SourceError>
  }
>()("file-conveyor/domain/SourceFiles") {}
