/**
 * Puts files in place at once: written under a temporary name, verified, renamed.
 *
 * @since 1.0.0
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  lstatSync,
  openSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from "node:fs"
import { baseNameOf, display } from "../../domain/Path.ts"
import { DISK_ATTEMPTS, DISK_CHUNK } from "../../domain/Limits.ts"
import { fromNative, native } from "../nativePath.ts"
import { anchored } from "./anchor.ts"
import { ensure, existing, notDirectory, prune, removeEmptyTree } from "./destination.ts"
import type { Input, Original } from "./protocol.ts"
import { join } from "./realPath.ts"
import { codeOf, isAbsent, orAbsent, quietly, Refusal } from "./refusal.ts"
import { TEMPORARY, temporaryName } from "./temporary.ts"
import { transfer, writeAll } from "./transfer.ts"
import { type Entered, openVersion, verify, verifyPlace } from "./version.ts"
import type { Turn } from "./turn.ts"

/** Readers such as a web server run as other users. */
export const FILE_MODE = 0o644
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0)

const directoryOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf("/"), 0))

const refuseReserved = (path: string): void => {
  if (TEMPORARY.test(baseNameOf(path))) {
    throw new Refusal("Reserved", `${display(path)} is a name of temporary files: rename it`)
  }
}

const stop = (turn: Turn): void => {
  if (turn.cancelled()) throw new Refusal("Cancelled", "nobody waits for it any more")
}

/**
 * Runs `use` with a path that leads to the real directory of `path`, and nowhere else until it returns; again where
 * somebody removes it as empty at the same moment.
 */
const within = <A>(root: string, path: string, turn: Turn, use: (directory: string) => A): A => {
  for (let attempt = 1; ; attempt++) {
    const directory = ensure(root, directoryOf(path), turn)
    try {
      return anchored(directory, use)
    } catch (error) {
      const code = codeOf(error)
      // The second: what is there is a link now.
      if (code === "ENOTDIR" || code === "ELOOP") throw notDirectory(directory)
      if (code !== "ENOENT" || attempt >= DISK_ATTEMPTS) throw error
      turn.real.clear()
    }
  }
}

/** Moves a finished temporary into place. Empty directories of that name give way. */
const replace = (temporary: string, target: string): void => {
  try {
    renameSync(native(temporary), native(target))
  } catch (error) {
    const code = codeOf(error)
    if (code !== "EISDIR" && code !== "ENOTEMPTY" && code !== "EEXIST") throw error
    if (!removeEmptyTree(target)) {
      throw new Refusal(
        "InTheWay",
        `${display(target)} is a directory with files in it. Published files go by themselves when their own time comes; ` +
          "remove any others",
      )
    }
    renameSync(native(temporary), native(target))
  }
}

const create = (directory: string) => {
  const location = join(directory, temporaryName())
  return { location, descriptor: openSync(native(location), CREATE, FILE_MODE) }
}

/** The system is told microseconds, cut off: half of one more keeps the number's own imprecision from taking one away. */
const seconds = (nanoseconds: bigint): number => (Number(nanoseconds / 1000n) + 0.5) / 1e6

/** Whoever starts us with a strict umask does not mean the readers of what is published. */
const masked = (process.umask() & FILE_MODE) !== 0

/** Mode and size of what was written are as they must be. One write that took all bytes has said so already. */
const finish = (descriptor: number, location: string, size: number, atOnce: boolean): void => {
  if (masked) fchmodSync(descriptor, FILE_MODE)
  if (atOnce) return
  const written = fstatSync(descriptor).size
  if (written !== size) throw new Refusal("Mismatch", `${display(location)} has ${written} bytes instead of ${size}`)
}

/** Writes exactly this version of an open file into a new one, which is gone again when that fails; its SHA-256. */
const fill = (
  source: number,
  from: Original,
  location: string,
  descriptor: number,
  turn: Turn,
  toDisk = false,
): string => {
  let open = true
  try {
    const sha256 = transfer(source, from, descriptor, turn)
    verify(source, from)
    const mtime = seconds(from.version.mtimeNs)
    futimesSync(descriptor, mtime, mtime)
    finish(descriptor, location, from.version.size, from.version.size <= DISK_CHUNK)
    if (toDisk) fsyncSync(descriptor)
    open = false
    closeSync(descriptor)
    return sha256
  } catch (error) {
    if (open) quietly(() => closeSync(descriptor))
    quietly(() => unlinkSync(native(location)))
    throw error
  }
}

/** What was renamed into a directory is found there after a power cut, too. */
const flushDirectory = (directory: string): void => {
  const descriptor = openSync(native(directory), constants.O_RDONLY)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Copies exactly this version of a file; its SHA-256. */
export const copy = ({ from, root, to, toDisk = false }: Input<"copy">, turn: Turn): string => {
  refuseReserved(to)
  const source = openVersion(from, turn)
  try {
    return within(root, to, turn, (directory) => {
      const { descriptor, location } = create(directory)
      const sha256 = fill(source, from, location, descriptor, turn, toDisk)
      try {
        stop(turn)
        replace(location, join(directory, baseNameOf(to)))
        if (toDisk) flushDirectory(directory)
        return sha256
      } catch (error) {
        quietly(() => unlinkSync(native(location)))
        throw error
      }
    })
  } finally {
    closeSync(source)
  }
}

/** Copies exactly this version of a file to a name that is not taken, in a directory nobody else uses; its SHA-256. */
export const copyAs = (from: Original, location: string, turn: Turn, entered?: Entered): string => {
  stop(turn)
  refuseReserved(location)
  const source = openVersion(from, turn, entered)
  try {
    return fill(source, from, location, openSync(native(location), CREATE, FILE_MODE), turn)
  } finally {
    closeSync(source)
  }
}

/** Moves a file that {@link copyAs} made to its place. */
export const moveIn = (location: string, root: string, to: string, turn: Turn): undefined =>
  within(root, to, turn, (directory) => void replace(location, join(directory, baseNameOf(to))))

/** Publishes a symbolic link to a file, provided that it is this version. */
export const link = ({ from, root, to }: Input<"link">, turn: Turn): undefined => {
  refuseReserved(to)
  verifyPlace(from, turn)
  within(root, to, turn, (directory) => {
    const target = join(directory, baseNameOf(to))
    if (pointsTo(target, from.location)) return
    const location = join(directory, temporaryName())
    symlinkSync(native(from.location), native(location))
    try {
      stop(turn)
      replace(location, target)
    } catch (error) {
      quietly(() => unlinkSync(native(location)))
      throw error
    }
  })
}

/** True where there is a symbolic link at `at` that leads to `target`. */
export const pointsTo = (at: string, target: string): boolean => {
  try {
    return fromNative(readlinkSync(native(at), "buffer")) === target
  } catch {
    return false
  }
}

/** An empty temporary file beside a path, for bytes that come in pieces. */
export const spool = ({ root, to }: Input<"spool">, turn: Turn): string => {
  refuseReserved(to)
  const directory = ensure(root, directoryOf(to), turn)
  return within(root, to, turn, (anchor) => {
    const { descriptor, location } = create(anchor)
    closeSync(descriptor)
    return join(directory, baseNameOf(location))
  })
}

/** Adds bytes to a temporary file. */
export const append = ({ bytes, location }: Input<"append">): undefined => {
  const descriptor = openSync(native(location), constants.O_WRONLY | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0))
  try {
    writeAll(descriptor, bytes, bytes.length)
  } finally {
    closeSync(descriptor)
  }
}

/** Moves a temporary file into place, if it has the right size. */
export const commit = ({ location, root, to, version }: Input<"commit">, turn: Turn): undefined => {
  const mtime = seconds(version.mtimeNs)
  utimesSync(native(location), mtime, mtime)
  const descriptor = openSync(native(location), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  try {
    finish(descriptor, location, version.size, false)
  } finally {
    closeSync(descriptor)
  }
  stop(turn)
  within(root, to, turn, (directory) => replace(join(directory, baseNameOf(location)), join(directory, baseNameOf(to))))
}

/** Removes a temporary file. */
export const discard = ({ location }: Input<"discard">): undefined => {
  orAbsent(() => unlinkSync(native(location)))
}

/** Removes a published file and the directories that it leaves empty. Never a directory with anything in it. */
export const remove = ({ at, root }: Input<"remove">, turn: Turn): undefined => {
  const directory = existing(root, directoryOf(at), turn)
  if (directory !== undefined) {
    const name = baseNameOf(at)
    const isDirectory = () => orAbsent(() => lstatSync(native(join(directory, name))))?.isDirectory() === true
    try {
      anchored(directory, (anchor) => unlinkSync(native(join(anchor, name))))
    } catch (error) {
      if (!isAbsent(error) && !isDirectory()) throw error
    }
  }
  if (directory !== undefined) prune(root, directoryOf(at), turn)
}

/** Size of the published file at a path: of what it leads to, where it is a link. */
export const statRemote = ({ at, root }: Input<"statRemote">, turn: Turn): number | undefined => {
  const directory = existing(root, directoryOf(at), turn)
  if (directory === undefined) return undefined
  const stats = orAbsent(() => statSync(native(join(directory, baseNameOf(at)))))
  return stats?.isFile() === true ? stats.size : undefined
}
