/**
 * What a name of a source is: the policy for symbolic links lives here.
 *
 * @since 1.0.0
 */
import { type BigIntStats, lstatSync, statSync } from "node:fs"
import { hasDirectoryNamed, isWithin, type RelativePath } from "../../domain/Path.ts"
import { native } from "../nativePath.ts"
import type { Tree } from "./protocol.ts"
import { join, obstacle, realPath } from "./realPath.ts"
import { codeOf, orAbsent } from "./refusal.ts"
import type { Turn } from "./turn.ts"

/** What is at a name. `target` is the file a link stands for, below the same root; empty where it is elsewhere. */
export type Look =
  | { readonly kind: "file"; readonly stats: BigIntStats; readonly target: string | undefined }
  | { readonly kind: "directory"; readonly stats: BigIntStats }
  | { readonly kind: "skipped"; readonly reason: string }
  | { readonly kind: "other" }

/** The path lies below an ignored directory. */
export const isIgnored = (tree: Tree, path: string): boolean =>
  hasDirectoryNamed(path as RelativePath, tree.ignoredDirs)

/** The directory may be entered: it is not ignored and, unless links are followed, no link leads to it. */
export const mayEnter = (tree: Tree, directory: string, turn: Turn): boolean => {
  if (directory !== "" && isIgnored(tree, `${directory}/`)) return false
  if (tree.symlinks === "follow") return true
  const key = `${tree.root}\0${directory}`
  if (turn.real.has(key)) return true
  if (obstacle(tree.root, directory) !== undefined) return false
  turn.real.set(key, directory)
  return true
}

const identityOf = (stats: BigIntStats): string => `${stats.dev}:${stats.ino}`

/** The directory is one of those it lies in: entering it would never end. */
export const isLoop = (tree: Tree, path: string, stats: BigIntStats): boolean => {
  const identity = identityOf(stats)
  for (let at = path; at !== "";) {
    const slash = at.lastIndexOf("/")
    at = slash === -1 ? "" : at.slice(0, slash)
    const above = orAbsent(() => statSync(native(join(tree.root, at)), { bigint: true }))
    if (above !== undefined && identityOf(above) === identity) return true
  }
  return false
}

const skipped = (reason: string): Look => ({ kind: "skipped", reason })
const FOLLOW = "<symlinks>follow</symlinks> would deliver it"

const below = (root: string, real: string): string | undefined =>
  root === "/" ? real.slice(1) : isWithin(root, real) && real !== root ? real.slice(root.length + 1) : undefined

const followed = (tree: Tree, path: string, real: string): Look => {
  const stats = statSync(native(real), { bigint: true })
  if (stats.isDirectory()) {
    if (isLoop(tree, path, stats)) return skipped("a symbolic link to a directory that it lies in itself")
    return { kind: "directory", stats }
  }
  if (!stats.isFile()) return { kind: "other" }
  return { kind: "file", stats, target: below(tree.root, real) ?? "" }
}

const inside = (tree: Tree, real: string): Look => {
  const target = below(tree.root, real)
  if (target === undefined) return skipped(`a symbolic link that leads out of the source; ${FOLLOW}`)
  if (isIgnored(tree, target)) return skipped(`a symbolic link into an ignored directory; ${FOLLOW}`)
  const stats = lstatSync(native(real), { bigint: true })
  if (stats.isDirectory()) return skipped(`a symbolic link to a directory; ${FOLLOW}`)
  if (!stats.isFile()) return skipped("a symbolic link that does not lead to a file")
  return { kind: "file", stats, target }
}

/** What the source's policy makes of a symbolic link. */
const link = (tree: Tree, path: string): Look => {
  if (tree.symlinks === "skip") return skipped("a symbolic link; <symlinks>skip</symlinks> leaves them out")
  try {
    const real = realPath(join(tree.root, path))
    return tree.symlinks === "follow" ? followed(tree, path, real) : inside(tree, real)
  } catch (error) {
    const code = codeOf(error)
    if (code === "ENOENT" || code === "ENOTDIR") return skipped("a symbolic link that leads nowhere")
    if (code === "ELOOP") return skipped("a symbolic link that leads back to itself")
    if (code === "EACCES") return skipped("a symbolic link to something that may not be read (EACCES)")
    throw error
  }
}

/** What is at a path, whose directory may be entered; undefined where nothing is. */
export const look = (tree: Tree, path: string): Look | undefined => {
  const stats = orAbsent(() => lstatSync(native(join(tree.root, path)), { bigint: true }))
  if (stats === undefined) return undefined
  if (stats.isFile()) return { kind: "file", stats, target: undefined }
  if (stats.isDirectory()) return { kind: "directory", stats }
  return stats.isSymbolicLink() ? link(tree, path) : { kind: "other" }
}
