/**
 * Directories that are published into: made, kept free of links, pruned.
 *
 * @since 1.0.0
 */
import { chmodSync, mkdirSync, readdirSync, rmdirSync } from "node:fs"
import { display } from "../../domain/Path.ts"
import { fromNative, native } from "../nativePath.ts"
import { join, obstacle, type Obstacle, realPath } from "./realPath.ts"
import { codeOf, isAbsent, orAbsent, quietly, Refusal } from "./refusal.ts"
import { isNew, sweepOnce, temporaryName } from "./temporary.ts"
import type { Turn } from "./turn.ts"

/** Readers such as a web server run as other users. */
const DIRECTORY_MODE = 0o755

/** Whoever starts us with a strict umask does not mean the readers of what is published. */
const masked = (process.umask() & DIRECTORY_MODE) !== 0

const makeDirectory = (location: string): void => {
  mkdirSync(native(location), DIRECTORY_MODE)
  if (masked) chmodSync(native(location), DIRECTORY_MODE)
  isNew(location)
}

const noRoot = (root: string, detail: string) => new Refusal("NoRoot", `the location ${display(root)} ${detail}`)

/** The directory that everything is below, without links; made when it is missing. */
const rootOf = (root: string, turn: Turn, make: boolean): string | undefined => {
  const known = turn.real.get(root)
  if (known !== undefined) return known
  let real = orAbsent(() => realPath(root))
  if (real === undefined) {
    const parent = root.slice(0, Math.max(root.lastIndexOf("/"), 1))
    if (orAbsent(() => realPath(parent)) === undefined) {
      throw noRoot(root, `can not be made: ${display(parent)} does not exist. Is its disk mounted?`)
    }
    if (!make) return undefined
    try {
      makeDirectory(root)
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error
    }
    real = orAbsent(() => realPath(root))
    if (real === undefined) throw noRoot(root, "is a symbolic link that leads nowhere")
  }
  turn.real.set(root, real)
  return real
}

/** The words for what stands in the way. */
const blocked = ({ at, kind }: Obstacle): Refusal =>
  kind === "link"
    ? new Refusal(
        "Escapes",
        `${display(at)} is a symbolic link where a directory is needed, and nothing is written or removed through it. A ` +
          "published link goes with its file; remove any other, or make it a directory",
      )
    : new Refusal(
        "InTheWay",
        `${display(at)} is a file where a directory is needed. A published file goes by itself when its own time comes; ` +
          "remove any other",
      )

const make = (top: string, directory: string): void => {
  let at = top
  for (const segment of directory.split("/")) {
    at = join(at, segment)
    try {
      makeDirectory(at)
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error
    }
  }
}

/** The directory at this path below `root`, made as needed. Never one that is reached through a link below `root`. */
export const ensure = (root: string, directory: string, turn: Turn): string => {
  const key = `${root}\0${directory}`
  const known = turn.real.get(key)
  if (known !== undefined) return known
  const top = rootOf(root, turn, true) ?? root
  const location = join(top, directory)
  for (let attempt = 0; ; attempt++) {
    const found = obstacle(top, directory)
    if (found === undefined) break
    if (found.kind !== "missing") throw blocked(found)
    // Others may remove the empty directory while it is being made.
    if (attempt > 2) throw new Refusal("InTheWay", `${display(location)} is removed whenever it is made`)
    try {
      make(top, directory)
    } catch (error) {
      if (!isAbsent(error)) throw error
    }
  }
  sweepOnce(location)
  turn.real.set(key, location)
  return location
}

/** An empty directory under a temporary name, beside where it is to be: what is put into it appears all at once. */
export interface Aside {
  readonly location: string
  readonly target: string
}

/** Undefined where the directory is there already, or where anything is in the way: {@link ensure} says what. */
export const makeAside = (root: string, directory: string, turn: Turn): Aside | undefined => {
  if (turn.real.has(`${root}\0${directory}`)) return undefined
  const top = rootOf(root, turn, true) ?? root
  if (obstacle(top, directory)?.kind !== "missing") return undefined
  const slash = directory.lastIndexOf("/")
  const parent = slash === -1 ? top : ensure(root, directory.slice(0, slash), turn)
  const location = join(parent, temporaryName())
  makeDirectory(location)
  return { location, target: join(top, directory) }
}

/** The directory is there now, and new. */
export const remember = (root: string, directory: string, location: string, turn: Turn): void => {
  isNew(location)
  turn.real.set(`${root}\0${directory}`, location)
}

/** The directory at this path if it is there and no link leads to it. */
export const existing = (root: string, directory: string, turn: Turn): string | undefined => {
  const key = `${root}\0${directory}`
  const known = turn.real.get(key)
  if (known !== undefined) return known
  const top = rootOf(root, turn, false)
  if (top === undefined || obstacle(top, directory) !== undefined) return undefined
  const location = join(top, directory)
  sweepOnce(location)
  turn.real.set(key, location)
  return location
}

/** Words for a name that can not be used as a directory after all. */
export const notDirectory = (location: string): Refusal => blocked({ kind: "file", at: location })

/** Removes a directory in which there is nothing but empty directories; whether it is gone. */
export const removeEmptyTree = (location: string): boolean => {
  for (const entry of readdirSync(native(location), { withFileTypes: true, encoding: "buffer" })) {
    if (!entry.isDirectory() || !removeEmptyTree(join(location, fromNative(entry.name)))) return false
  }
  let gone = true
  try {
    rmdirSync(native(location))
  } catch {
    gone = false
  }
  return gone
}

/** Removes this directory and those above it, as long as they are empty, up to but not including the root. */
export const prune = (root: string, directory: string, turn: Turn): void => {
  const top = rootOf(root, turn, false)
  if (top === undefined) return
  quietly(() => {
    for (let at = directory; at !== ""; at = at.slice(0, Math.max(at.lastIndexOf("/"), 0))) {
      try {
        rmdirSync(native(join(top, at)))
        turn.real.clear()
      } catch (error) {
        if (codeOf(error) !== "ENOENT") throw error
      }
    }
  })
}
