/**
 * Opening one version of a file, and no other.
 *
 * @since 1.0.0
 */
import { closeSync, constants, fstatSync, lstatSync, openSync } from "node:fs"
import type { DeliveredState, FileState } from "../../domain/FileState.ts"
import { baseNameOf, display } from "../../domain/Path.ts"
import { native } from "../nativePath.ts"
import { anchored, isAt } from "./anchor.ts"
import { look, mayEnter } from "./look.ts"
import type { Original, Tree } from "./protocol.ts"
import { join, realPath } from "./realPath.ts"
import { codeOf, isAbsent, Refusal } from "./refusal.ts"
import type { Turn } from "./turn.ts"

interface Facts {
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ino: bigint
  readonly mode: bigint
}

/** The state of a file from its BigInt facts. */
export const stateOf = (stats: Facts): FileState => ({
  size: Number(stats.size),
  mtimeNs: stats.mtimeNs,
  inode: stats.ino,
  mode: Number(stats.mode) & 0o7777,
})

/** The facts are those of this version. */
export const isVersion = (stats: Facts, version: DeliveredState): boolean =>
  Number(stats.size) === version.size && stats.mtimeNs === version.mtimeNs && stats.ino === version.inode

/** A FIFO that took the file's place must not make us wait for its writer. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

const changed = (location: string): Refusal => new Refusal("Changed", `${display(location)} is another version by now`)

/** A failure to read a file, told apart from failures to write one. */
export const sourceRefusal = (location: string, error: unknown): Error => {
  if (error instanceof Refusal) return error
  const code = codeOf(error)
  if (isAbsent(error)) return new Refusal("Vanished", `${display(location)} is not there any more`)
  if (code === "EACCES" || code === "EPERM") {
    return new Refusal("Unreadable", `${display(location)} may not be read (${code}): give the user it runs as access`)
  }
  // A socket, a device or a FIFO took its place.
  if (code === "ENXIO" || code === "ENODEV") return changed(location)
  return new Refusal("SourceFailed", error instanceof Error ? error.message : String(error))
}

/** Fails unless the open file still is this version. */
export const verify = (descriptor: number, { location, version }: Original): void => {
  const stats = fstatSync(descriptor, { bigint: true })
  if (!stats.isFile() || !isVersion(stats, version)) throw changed(location)
}

const pathIn = ({ root }: Tree, location: string): string => location.slice(root === "/" ? 1 : root.length + 1)

/** Where the bytes are that a source delivers under this name, links resolved as far as its policy allows. */
const resolve = (guard: Tree, location: string): string => {
  const found = look(guard, pathIn(guard, location))
  if (found === undefined) throw new Refusal("Vanished", `${display(location)} is not there any more`)
  if (found.kind !== "file") throw changed(location)
  return found.target === undefined ? location : realPath(location)
}

/** The directory of a file is still one that may be entered. */
const enter = (guard: Tree, location: string, turn: Turn): void => {
  const path = pathIn(guard, location)
  if (!mayEnter(guard, path.slice(0, Math.max(path.lastIndexOf("/"), 0)), turn)) throw changed(location)
}

/** Opens what is really at this path of a source, not what a link that was put in its way meanwhile leads to. */
const openAt = (location: string, isGuarded: boolean): number => {
  const descriptor = openSync(native(location), FLAGS)
  if (!isGuarded || isAt(descriptor, location)) return descriptor
  closeSync(descriptor)
  throw changed(location)
}

/** A directory of a source that was entered: the path that leads to it and to no other, see {@link ./anchor.ts}. */
export type Entered = string

const open = ({ guard, location }: Original, turn: Turn, entered?: Entered): number => {
  if (guard !== undefined && entered === undefined) enter(guard, location, turn)
  const isGuarded = guard !== undefined && guard.symlinks !== "follow"
  if (entered !== undefined) {
    try {
      return openSync(native(join(entered, baseNameOf(location))), FLAGS)
    } catch {
      // Opened by its own path it says what is wrong, or what it leads to.
    }
  }
  try {
    return openAt(location, isGuarded)
  } catch (error) {
    const code = codeOf(error)
    if (code !== "ELOOP" && code !== "EMLINK") throw error
    if (guard === undefined) throw changed(location)
    // A link that the source may deliver. What it leads to is opened without following any further one.
    return openAt(resolve(guard, location), isGuarded)
  }
}

const directoryIn = (location: string): string => location.slice(0, location.length - baseNameOf(location).length - 1)

/**
 * Runs `use` with the directory of these files, where they are in one and it can be held: then none of them has to be asked
 * where it is. Undefined where it can not.
 */
export const withDirectory = <A>(files: ReadonlyArray<Original>, turn: Turn, use: (entered?: Entered) => A): A => {
  const [first, ...others] = files
  const guard = first?.guard
  if (first === undefined || guard === undefined || guard.symlinks === "follow") return use()
  const directory = directoryIn(first.location)
  if (others.some((other) => other.guard !== guard || directoryIn(other.location) !== directory)) return use()
  let isHeld = false
  try {
    enter(guard, first.location, turn)
    return anchored(directory === "" ? "/" : directory, (anchor) => {
      isHeld = true
      return use(anchor)
    })
  } catch (error) {
    if (isHeld) throw error
    // Each file says what is wrong with it.
    return use()
  }
}

/** Opens this version of a file for reading; the caller closes it. */
export const openVersion = (original: Original, turn: Turn, entered?: Entered): number => {
  let descriptor: number | undefined
  try {
    descriptor = open(original, turn, entered)
    verify(descriptor, original)
    return descriptor
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor)
    throw sourceRefusal(original.location, error)
  }
}

/** Fails unless this version of a file is at its place now. */
export const verifyPlace = ({ guard, location, version }: Original, turn: Turn): void => {
  try {
    if (guard !== undefined) enter(guard, location, turn)
    const at = guard === undefined ? location : resolve(guard, location)
    const stats = lstatSync(native(at), { bigint: true })
    if (!stats.isFile() || !isVersion(stats, version)) throw changed(location)
  } catch (error) {
    throw sourceRefusal(location, error)
  }
}
