/**
 * Paths of a source on disk, for monitors.
 *
 * @since 1.0.0
 */
import { lstatSync, type PathLike } from "node:fs"
import { directoryOf, type RelativePath } from "../../domain/Path.ts"
import { native } from "../nativePath.ts"

/** The text form of a path below `root`. */
export const absolutePath = (root: string, path: RelativePath): string => {
  if (path === "") return root
  return root.endsWith("/") ? root + path : `${root}/${path}`
}

/** The same, as `node:fs` takes it. */
export const nativePath = (root: string, path: RelativePath): PathLike => native(absolutePath(root, path))

/**
 * Tells of directories whether everything between the root and them is a directory, and no link that leads elsewhere.
 * It remembers its answers: make one for each batch of questions.
 */
export const makeIsInside = (root: string): ((path: RelativePath) => boolean) => {
  const known = new Map<RelativePath, boolean>([["" as RelativePath, true]])
  const isInside = (path: RelativePath): boolean => {
    if (path === "") return true
    const parent = directoryOf(path)
    const before = known.get(parent)
    if (before !== undefined) return before
    let inside = false
    try {
      inside = isInside(parent) && lstatSync(nativePath(root, parent)).isDirectory()
    } catch {
      inside = false
    }
    known.set(parent, inside)
    return inside
  }
  return isInside
}
