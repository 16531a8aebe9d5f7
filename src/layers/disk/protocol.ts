/**
 * What the main thread asks of a disk worker, and what it answers. Paths are in the text form of paths; those called
 * `location` and `root` are absolute.
 *
 * @since 1.0.0
 */
import type { Symlinks } from "../../domain/Config.ts"
import type { DeliveredState, FileState } from "../../domain/FileState.ts"

/** What the worker has to know of a source. */
export interface Tree {
  readonly root: string
  readonly symlinks: Symlinks
  readonly ignoredDirs: ReadonlySet<string>
}

/** Hashes that are computed on disk. */
export type Algorithm = "md5" | "sha1" | "sha256"

/** Kinds of entries in {@link PackedListings}. */
export const ENTRY = { file: 0, directory: 1, skipped: 2, other: 3, link: 4 } as const

/** A directory that is not there, or could not be read, in {@link PackedListings}. */
export const MISSING = -1
export const UNREADABLE = -2

/**
 * Listings of several directories in arrays that change threads without being copied. `counts` has one number for each
 * directory: of its entries, or {@link MISSING}, or {@link UNREADABLE}. The other arrays have one element for each entry;
 * facts of entries that are no files are zero. `notes` holds, in order, the code of each unreadable directory, the reason
 * of each skipped entry and the target of each link (empty where it is outside of the root).
 */
export interface PackedListings {
  readonly counts: Int32Array
  readonly names: ReadonlyArray<string>
  readonly notes: ReadonlyArray<string>
  readonly kinds: Uint8Array
  readonly sizes: Float64Array
  readonly mtimes: BigInt64Array
  readonly inodes: BigUint64Array
  readonly modes: Uint32Array
}

/**
 * One version of a file. `guard` is the source it belongs to: what may not be delivered from there is not read either,
 * whatever took its place meanwhile. Temporary files have none; for them no link is followed at all.
 */
export interface Original {
  readonly location: string
  readonly guard: Tree | undefined
  readonly version: DeliveredState
}

/** The files of {@link Originals}, in their order. */
export const originalsOf = ({ guard, inodes, locations, mtimes, sizes }: Originals): ReadonlyArray<Original> =>
  locations.split("\0").map((location, index) => ({
    location,
    guard,
    version: { size: sizes[index] ?? 0, mtimeNs: mtimes[index] ?? 0n, inode: inodes[index] ?? 0n },
  }))

/** A copy to be made: `from` must be exactly this version before and after. */
export interface Put {
  readonly root: string
  readonly to: string
  readonly from: Original
  /** It has reached the disk, and so has its name, before this returns: nobody could make it again. */
  readonly toDisk?: boolean
}

/**
 * Several small files of one source. Arrays with one element for each file: they travel for much less than as many
 * {@link Original}.
 */
export interface Originals {
  readonly guard: Tree | undefined
  /** Joined by NUL, which no path holds: one long text travels for less than many short ones. */
  readonly locations: string
  readonly sizes: Float64Array
  readonly mtimes: BigInt64Array
  readonly inodes: BigUint64Array
}

/** Several small files, to be copied or linked. */
export interface PutMany extends Originals {
  readonly how: "copy" | "link"
  readonly root: string
  /** Joined as the locations are. */
  readonly places: string
}

/** All operations: what each takes and gives. */
export interface Operations {
  readonly list: readonly [{ readonly tree: Tree; readonly directories: ReadonlyArray<string> }, PackedListings]
  readonly stat: readonly [{ readonly tree: Tree; readonly path: string }, FileState | undefined]
  /** The paths without symbolic links, as far as they exist. */
  readonly realPaths: readonly [{ readonly paths: ReadonlyArray<string> }, ReadonlyArray<string>]
  /** "device:inode" of a directory; undefined where there is none. */
  readonly identity: readonly [{ readonly location: string }, string | undefined]
  readonly removeSource: readonly [
    { readonly tree: Tree; readonly path: string; readonly version: DeliveredState },
    "removed" | "changed",
  ]
  /**
   * A piece of this version of a file; where it is given, in this memory, which travels there and back. The pieces of one
   * `reading`, in order, go into a SHA-256 that `digest` asks for.
   */
  readonly read: readonly [
    {
      readonly original: Original
      readonly offset: number
      readonly length: number
      readonly into?: ArrayBuffer
      readonly reading?: number
    },
    Uint8Array,
  ]
  /** The SHA-256 of what was read, or undefined; then the reading is forgotten. It goes where the pieces went. */
  readonly digest: readonly [{ readonly reading: number }, string | undefined]
  readonly hash: readonly [{ readonly original: Original; readonly algorithm: Algorithm }, string]
  /** For each file its hash, or why there is none. */
  readonly hashMany: readonly [Originals & { readonly algorithm: Algorithm }, ReadonlyArray<string | Refused>]
  /** SHA-256 of the bytes that were copied. */
  readonly copy: readonly [Put, string]
  readonly link: readonly [Put, undefined]
  /** For each file the SHA-256 of the bytes that were copied, or why it was not. */
  readonly putMany: readonly [PutMany, ReadonlyArray<string | Refused>]
  /** A temporary file beside `to`; its location. */
  readonly spool: readonly [{ readonly root: string; readonly to: string }, string]
  readonly append: readonly [{ readonly location: string; readonly bytes: Uint8Array }, undefined]
  readonly commit: readonly [
    {
      readonly location: string
      readonly root: string
      readonly to: string
      readonly version: DeliveredState
      readonly toDisk?: boolean
    },
    undefined,
  ]
  readonly discard: readonly [{ readonly location: string }, undefined]
  readonly remove: readonly [{ readonly root: string; readonly at: string }, undefined]
  /** Size of a published file; undefined where there is none. */
  readonly statRemote: readonly [{ readonly root: string; readonly at: string }, number | undefined]
  /** Whether a published file is exactly what a copy of (or a link to) this version would be. */
  readonly holds: readonly [Put & { readonly how: "copy" | "link" }, boolean]
  /** Makes a directory that only its owner may enter, and those above it. */
  readonly makeDirectory: readonly [{ readonly location: string }, undefined]
  readonly write: readonly [{ readonly location: string; readonly bytes: Uint8Array }, FileState]
  /** State of a regular file that is really below `directory`. */
  readonly adopt: readonly [{ readonly directory: string; readonly location: string }, FileState]
  readonly removeTree: readonly [{ readonly location: string }, undefined]
  /** Results that are kept: see {@link ./kept.ts}. */
  readonly keptRecord: readonly [{ readonly directory: string; readonly key: string }, string | undefined]
  readonly keptBytes: readonly [
    {
      readonly directory: string
      readonly key: string
      readonly location: string
      readonly sha256: string
      readonly size: number
    },
    FileState | undefined,
  ]
  readonly keep: readonly [
    { readonly directory: string; readonly key: string; readonly body: string; readonly location: string | undefined },
    undefined,
  ]
  readonly dropKept: readonly [{ readonly directory: string; readonly keys: ReadonlyArray<string> }, undefined]
  /** Removes what crashed runs left in a working directory. */
  readonly sweep: readonly [{ readonly directory: string }, undefined]
}

export type Operation = keyof Operations
export type Input<O extends Operation> = Operations[O][0]
export type Output<O extends Operation> = Operations[O][1]

/** One request as it travels: the place in the table of the thread, the operation, what it takes. */
export type Request = {
  readonly [O in Operation]: readonly [slot: number, operation: O, input: Input<O>]
}[Operation]

/** Why an operation was not done. */
export interface Refused {
  readonly code: string
  readonly detail: string
}

/** One answer as it travels. */
export type Answer =
  readonly [slot: number, ok: true, value: unknown] | readonly [slot: number, ok: false, why: Refused]

/** What a worker is started with. */
export interface WorkerData {
  /** One flag for each slot (the caller is gone), then one number that grows whenever the worker gets on. */
  readonly flags: SharedArrayBuffer
  /** When this process started, in milliseconds since the epoch: with its id, tells runs apart. */
  readonly started: number
}
