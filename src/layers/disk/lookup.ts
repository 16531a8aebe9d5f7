/**
 * Single names of a source: what they are, and removing them.
 *
 * @since 1.0.0
 */
import { lstatSync, unlinkSync } from "node:fs"
import type { FileState } from "../../domain/FileState.ts"
import { baseNameOf, type RelativePath } from "../../domain/Path.ts"
import { native } from "../nativePath.ts"
import { anchored } from "./anchor.ts"
import { isIgnored, look, type Look, mayEnter } from "./look.ts"
import type { Input, Output, Tree } from "./protocol.ts"
import { join, realPath } from "./realPath.ts"
import { codeOf, isAbsent, orAbsent } from "./refusal.ts"
import { isVersion, stateOf } from "./version.ts"
import type { Turn } from "./turn.ts"

const find = (tree: Tree, path: string, turn: Turn): Look | undefined => {
  if (path === "" || isIgnored(tree, path)) return undefined
  const slash = path.lastIndexOf("/")
  try {
    return mayEnter(tree, slash === -1 ? "" : path.slice(0, slash), turn) ? look(tree, path) : undefined
  } catch (error) {
    const code = codeOf(error)
    // A path that no file system can hold, or that turns in circles, is the path of nothing.
    if (isAbsent(error) || code === "ENAMETOOLONG" || code === "ELOOP") return undefined
    throw error
  }
}

/** The state of the file that a path delivers. */
export const stat = ({ tree, path }: Input<"stat">, turn: Turn): FileState | undefined => {
  const found = find(tree, path, turn)
  if (found?.kind !== "file") return undefined
  const state = stateOf(found.stats)
  return found.target === undefined || found.target === "" ? state : { ...state, link: found.target as RelativePath }
}

/** Which directory is at a path. */
export const identity = ({ location }: Input<"identity">): string | undefined => {
  const stats = orAbsent(() => lstatSync(native(location), { bigint: true }))
  return stats?.isDirectory() === true ? `${stats.dev}:${stats.ino}` : undefined
}

const realAsFarAsItExists = (path: string): string => {
  let rest = ""
  for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
    try {
      return join(realPath(at), rest)
    } catch (error) {
      if (!isAbsent(error)) return path
      const name = at.slice(at.lastIndexOf("/") + 1)
      rest = rest === "" ? name : `${name}/${rest}`
    }
  }
  return path
}

/** Absolute paths without symbolic links. */
export const realPaths = ({ paths }: Input<"realPaths">): Output<"realPaths"> => paths.map(realAsFarAsItExists)

/** Removes a name that delivers this version of a file; a link itself, not what it leads to. */
export const removeSource = ({ tree, path, version }: Input<"removeSource">, turn: Turn): Output<"removeSource"> => {
  const found = find(tree, path, turn)
  if (found === undefined) return "removed"
  if (found.kind !== "file" || !isVersion(found.stats, version)) return "changed"
  const name = baseNameOf(path)
  const remove = (directory: string) => {
    // A link stands for a file whose version was looked at already.
    const stats = lstatSync(native(join(directory, name)), { bigint: true })
    if (!stats.isSymbolicLink() && !isVersion(stats, version)) return "changed"
    unlinkSync(native(join(directory, name)))
    return "removed"
  }
  const directory = join(tree.root, path.slice(0, Math.max(path.length - name.length - 1, 0)))
  return orAbsent(() => (tree.symlinks === "follow" ? remove(directory) : anchored(directory, remove))) ?? "removed"
}
