/**
 * Lists directories of a source into arrays that change threads without being copied.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import { type BigIntStats, type Dirent, readdirSync, statSync } from "node:fs"
import { fromNative, mayHideBytes, native } from "../nativePath.ts"
import { isLoop, look, mayEnter } from "./look.ts"
import { ENTRY, type Input, MISSING, type PackedListings, type Tree, UNREADABLE } from "./protocol.ts"
import { join, realPath } from "./realPath.ts"
import { codeOf, isAbsent, orAbsent } from "./refusal.ts"
import { stateOf } from "./version.ts"
import type { Turn } from "./turn.ts"

type Kind = (typeof ENTRY)[keyof typeof ENTRY]

interface Packed {
  readonly names: Array<string>
  readonly notes: Array<string>
  readonly kinds: Array<number>
  readonly sizes: Array<number>
  readonly mtimes: Array<bigint>
  readonly inodes: Array<bigint>
  readonly modes: Array<number>
}

/** The facts are taken out at once: thousands of the system's own records would outlive a collection of garbage. */
const add = (packed: Packed, name: string, kind: Kind, stats?: BigIntStats): void => {
  packed.names.push(name)
  packed.kinds.push(kind)
  const state = stats === undefined ? undefined : stateOf(stats)
  packed.sizes.push(state?.size ?? 0)
  packed.mtimes.push(state?.mtimeNs ?? 0n)
  packed.inodes.push(state?.inode ?? 0n)
  packed.modes.push(state?.mode ?? 0)
}

type AnyDirent = Dirent | Dirent<Buffer>

/** Names are read as text; only where one may hide bytes that are not UTF-8 they are read as bytes. */
const readDirectory = (location: string): ReadonlyArray<AnyDirent> => {
  const entries = readdirSync(native(location), { withFileTypes: true })
  return entries.some((entry) => mayHideBytes(entry.name))
    ? readdirSync(native(location), { withFileTypes: true, encoding: "buffer" })
    : entries
}

/** Under `follow`, the directory is reached through a link, so that directories in it may be ones it lies in. */
const throughLink = (tree: Tree, directory: string): boolean => {
  if (tree.symlinks !== "follow") return false
  const location = join(tree.root, directory)
  return orAbsent(() => realPath(location)) !== location
}

const listOne = (tree: Tree, directory: string, packed: Packed): number => {
  const first = packed.names.length
  const linked = throughLink(tree, directory)
  for (const entry of readDirectory(join(tree.root, directory))) {
    const name = fromNative(entry.name)
    const path = directory === "" ? name : `${directory}/${name}`
    if (entry.isDirectory()) {
      if (tree.ignoredDirs.has(name)) continue
      if (linked) {
        const stats = orAbsent(() => statSync(native(join(tree.root, path)), { bigint: true }))
        if (stats === undefined) continue
        if (isLoop(tree, path, stats)) {
          add(packed, name, ENTRY.skipped)
          packed.notes.push("a symbolic link leads back to this directory from within itself")
          continue
        }
      }
      add(packed, name, ENTRY.directory)
      continue
    }
    const seen = entry.isFile() || entry.isSymbolicLink() ? look(tree, path) : { kind: "other" as const }
    if (seen === undefined) continue
    switch (seen.kind) {
      case "file":
        if (seen.target !== undefined) packed.notes.push(seen.target)
        add(packed, name, seen.target === undefined ? ENTRY.file : ENTRY.link, seen.stats)
        break
      case "directory":
        if (!tree.ignoredDirs.has(name)) add(packed, name, ENTRY.directory)
        break
      case "skipped":
        packed.notes.push(seen.reason)
        add(packed, name, ENTRY.skipped)
        break
      case "other":
        add(packed, name, ENTRY.other)
    }
  }
  return packed.names.length - first
}

/**
 * A directory of which any part can not be looked at is unreadable as a whole: files that only seem to be missing must
 * not be taken for deleted ones.
 */
const attempt = (tree: Tree, directory: string, packed: Packed, turn: Turn): number => {
  const names = packed.names.length
  const notes = packed.notes.length
  try {
    return mayEnter(tree, directory, turn) ? listOne(tree, directory, packed) : MISSING
  } catch (error) {
    for (const column of [packed.names, packed.kinds, packed.sizes, packed.mtimes, packed.inodes, packed.modes]) {
      column.length = names
    }
    packed.notes.length = notes
    if (isAbsent(error)) return MISSING
    packed.notes.push(codeOf(error) || String(error))
    return UNREADABLE
  }
}

/** Lists directories; see {@link PackedListings}. */
export const list = ({ tree, directories }: Input<"list">, turn: Turn): PackedListings => {
  const packed: Packed = { names: [], notes: [], kinds: [], sizes: [], mtimes: [], inodes: [], modes: [] }
  const counts = new Int32Array(directories.length)
  for (const [index, directory] of directories.entries()) {
    if (turn.cancelled()) break
    counts[index] = attempt(tree, directory, packed, turn)
    turn.between()
  }
  return {
    counts,
    names: packed.names,
    notes: packed.notes,
    kinds: Uint8Array.from(packed.kinds),
    sizes: Float64Array.from(packed.sizes),
    mtimes: BigInt64Array.from(packed.mtimes),
    inodes: BigUint64Array.from(packed.inodes),
    modes: Uint32Array.from(packed.modes),
  }
}
