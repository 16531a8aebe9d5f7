/**
 * Telling directories from links to directories.
 *
 * A path is only safe to use when none of its directories is a symbolic link, and looking at each component of each path
 * is too slow. The system resolves a whole directory in one call: where the result is what was asked for, no component
 * was a link. So each directory is resolved once for each message that a worker gets.
 *
 * @since 1.0.0
 */
import { lstatSync, realpathSync } from "node:fs"
import { fromNative, mayHideBytes, native } from "../nativePath.ts"
import { orAbsent } from "./refusal.ts"

/** A path below a directory. */
export const join = (top: string, path: string): string =>
  path === "" ? top : top === "/" ? `/${path}` : `${top}/${path}`

/** The path without symbolic links. */
export const realPath = (path: string): string => {
  const given = native(path)
  if (typeof given === "string") {
    const real = realpathSync.native(given)
    if (!mayHideBytes(real)) return real
  }
  return fromNative(realpathSync.native(given, "buffer"))
}

/** What keeps `path` from being a directory below `top`, itself a real path. `at` is the component it is about. */
export type Obstacle = { readonly kind: "missing" | "link" | "file"; readonly at: string }

const walk = (top: string, path: string): Obstacle | undefined => {
  let at = top
  for (const segment of path === "" ? [""] : ["", ...path.split("/")]) {
    at = join(at, segment)
    const stats = orAbsent(() => lstatSync(native(at)))
    if (stats === undefined) return { kind: "missing", at }
    if (stats.isSymbolicLink()) return { kind: "link", at }
    if (!stats.isDirectory()) return { kind: "file", at }
  }
  return undefined
}

/**
 * Undefined where `path` leads from `top`, itself a real path, through real directories only. Whether its last component
 * is a directory shows when it is used as one.
 */
export const obstacle = (top: string, path: string): Obstacle | undefined => {
  const wanted = join(top, path)
  const real = orAbsent(() => realPath(wanted))
  // Where names ignore case, a real directory may answer with another spelling: then its components decide.
  return real === wanted ? undefined : walk(top, path)
}
