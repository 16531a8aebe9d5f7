/**
 * What decoding a config asks of the disk, and the real one.
 *
 * @since 1.0.0
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { fromNative, native } from "../nativePath.ts"

/** The first bytes of a file, or why there are none. */
export type FileRead =
  { readonly _tag: "Read"; readonly bytes: Uint8Array } | { readonly _tag: "Unreadable"; readonly why: string }

/** Questions about absolute paths. None of them fails. */
export interface Disk {
  /** The path with all symbolic links resolved; undefined where it does not exist or can not be seen. */
  readonly realPath: (path: string) => string | undefined
  readonly isDirectory: (path: string) => boolean
  readonly isSymbolicLink: (path: string) => boolean
  /** The whole of a regular file of at most `limit` bytes. */
  readonly readFile: (path: string, limit: number) => FileRead
}

const attempt = <A, B>(evaluate: () => A, otherwise: (code: string) => B): A | B => {
  try {
    return evaluate()
  } catch (cause) {
    return otherwise(cause instanceof Error && "code" in cause ? String(cause.code) : "")
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  EACCES: "may not be read by this user",
  EPERM: "may not be read by this user",
  EISDIR: "is a directory",
  ELOOP: "is a symbolic link that leads in circles",
}

const unreadable = (why: string): FileRead => ({ _tag: "Unreadable", why })

const readWhole = (path: string, limit: number): FileRead => {
  const stat = Fs.statSync(native(path))
  if (stat.isDirectory()) return unreadable("is a directory")
  if (!stat.isFile()) return unreadable("is not a regular file")
  const handle = Fs.openSync(native(path), "r")
  try {
    const bytes = new Uint8Array(limit + 1)
    let length = 0
    while (length <= limit) {
      const read = Fs.readSync(handle, bytes, length, bytes.length - length, null)
      if (read === 0) break
      length += read
    }
    return length > limit
      ? unreadable(`is larger than ${limit} bytes`)
      : { _tag: "Read", bytes: bytes.slice(0, length) }
  } finally {
    Fs.closeSync(handle)
  }
}

/** The disk of this machine. */
export const nodeDisk: Disk = {
  realPath: (path) =>
    attempt(
      () => fromNative(Fs.realpathSync.native(native(path), { encoding: "buffer" })),
      () => undefined,
    ),
  isDirectory: (path) =>
    attempt(
      () => Fs.statSync(native(path)).isDirectory(),
      () => false,
    ),
  isSymbolicLink: (path) =>
    attempt(
      () => Fs.lstatSync(native(path)).isSymbolicLink(),
      () => false,
    ),
  readFile: (path, limit) =>
    attempt(
      () => readWhole(path, limit),
      (code) => unreadable(reasons[code] ?? "can not be read"),
    ),
}

/** The real path of the nearest ancestor that exists, with the rest of `path` behind it. */
export const eventualPath = (disk: Disk, path: string): string => {
  let existing = path
  let rest = ""
  for (;;) {
    const real = disk.realPath(existing)
    if (real !== undefined) return rest === "" ? real : Path.join(real, rest)
    const parent = Path.dirname(existing)
    if (parent === existing) return path
    rest = rest === "" ? Path.basename(existing) : Path.join(Path.basename(existing), rest)
    existing = parent
  }
}
