/**
 * Working in a directory that nobody can swap for another one meanwhile.
 *
 * Between looking at a path and using it, one of its directories may be replaced by a symbolic link that leads elsewhere.
 * So where the system can tell (Linux), a directory is opened, asked where it really is, and then used through its open
 * descriptor, which stays the same directory whatever happens to its name.
 *
 * @since 1.0.0
 */
import { closeSync, constants, existsSync, openSync, readlinkSync } from "node:fs"
import { display } from "../../domain/Path.ts"
import { fromNative, native } from "../nativePath.ts"
import { Refusal } from "./refusal.ts"

const DESCRIPTORS = "/proc/self/fd"
const canTell = process.platform === "linux" && existsSync(DESCRIPTORS)

/** O_PATH of Linux, which Node has no name for: the directory need not be readable. */
const O_PATH = 0o10000000
const FLAGS = O_PATH | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0)

/** Where an open file or directory really is, without links; undefined where the system can not tell. */
export const realPlace = (descriptor: number): string | undefined =>
  canTell ? fromNative(readlinkSync(`${DESCRIPTORS}/${descriptor}`, "buffer")) : undefined

/** Fails where an open file is not at the path it was opened by. Others have put it there through a link. */
export const isAt = (descriptor: number, location: string): boolean => {
  const place = realPlace(descriptor)
  return place === undefined || place === location
}

/** What went wrong is told with the directory's own name. */
const renamed = (error: unknown, anchor: string, directory: string): unknown => {
  if (error instanceof Error) error.message = error.message.replaceAll(anchor, display(directory))
  return error
}

/**
 * Runs `use` with a path that leads to this directory and to no other until it returns. `directory` is a real path. Fails
 * with `Escapes` where it is reached through a link by now, and like any open where it is gone.
 */
export const anchored = <A>(directory: string, use: (anchor: string) => A): A => {
  if (!canTell) return use(directory)
  const descriptor = openSync(native(directory), FLAGS)
  const anchor = `${DESCRIPTORS}/${descriptor}`
  try {
    if (!isAt(descriptor, directory)) {
      throw new Refusal("Escapes", `${display(directory)} was swapped for a symbolic link; nothing is done through it`)
    }
    return use(anchor)
  } catch (error) {
    throw renamed(error, anchor, directory)
  } finally {
    closeSync(descriptor)
  }
}
