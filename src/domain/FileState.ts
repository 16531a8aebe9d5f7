/**
 * What a regular file looks like on disk at one moment: enough to tell, without reading it, whether it changed.
 *
 * @since 1.0.0
 */
import type { RelativePath } from "./Path.ts"

/** Size in bytes; modification time in nanoseconds since the epoch; inode (0 where the file system has none); permission bits. */
export interface FileState {
  readonly size: number
  readonly mtimeNs: bigint
  readonly inode: bigint
  readonly mode: number
  /** The file of the same source that a link stands for; absent for a file itself, and for a link that leads elsewhere. */
  readonly link?: RelativePath
}

/** What was delivered: the three facts of a {@link FileState} that a delivery remembers. */
export type DeliveredState = Pick<FileState, "size" | "mtimeNs" | "inode">

/** One name in a directory. Anything that is neither a file, a directory nor a link (FIFO, socket, device) is `other` and never opened. */
export type Entry =
  | { readonly name: string; readonly kind: "file"; readonly state: FileState }
  | { readonly name: string; readonly kind: "directory" }
  /** A link that the source's policy skips; `reason` says why, in words for a log line. */
  | { readonly name: string; readonly kind: "skipped"; readonly reason: string }
  | { readonly name: string; readonly kind: "other" }

/** A directory's entries. `links` maps delivered links to the file they stand for, below the same root. */
export interface Listing {
  readonly directory: RelativePath
  /** Undefined where the directory does not exist (any more), is not a directory, or is reached through a link. */
  readonly entries: ReadonlyArray<Entry> | undefined
  readonly links: ReadonlyArray<{ readonly link: RelativePath; readonly target: RelativePath }>
  /** Why a directory that exists could not be read, e.g. "EACCES". Its deliveries are left alone. */
  readonly unreadable?: string
}

/** Size, time and inode are equal: the very same version of the file. */
export const isSame = (a: DeliveredState, b: DeliveredState): boolean =>
  a.size === b.size && a.mtimeNs === b.mtimeNs && a.inode === b.inode

/** Size and time are equal but the inode is another: a restored or re-deployed tree. The content hash decides. */
export const isRestored = (a: DeliveredState, b: DeliveredState): boolean =>
  a.size === b.size && a.mtimeNs === b.mtimeNs && a.inode !== b.inode

/** Modification time in whole seconds since the epoch, rounded down as `stat -c %Y` prints it. */
export const mtimeSeconds = (state: Pick<FileState, "mtimeNs">): number => {
  const seconds = state.mtimeNs / 1_000_000_000n
  return Number(state.mtimeNs < 0n && state.mtimeNs % 1_000_000_000n !== 0n ? seconds - 1n : seconds)
}

/** Modification time in milliseconds since the epoch. */
export const mtimeMillis = (state: Pick<FileState, "mtimeNs">): number => Number(state.mtimeNs / 1_000_000n)
