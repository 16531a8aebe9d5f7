/**
 * What a directory looks like, in a few numbers: enough to tell that anything in it changed, whatever its size.
 *
 * @since 1.0.0
 */
import type { BigIntStats, Dirent } from "node:fs"
import { lstat, opendir, stat } from "node:fs/promises"
import type { Source } from "../../domain/Config.ts"
import { POLL_CONCURRENCY } from "../../domain/Limits.ts"
import { child, type RelativePath } from "../../domain/Path.ts"
import { fromNative } from "../nativePath.ts"
import { failureCode, isAbsence } from "./failureCode.ts"
import { nativePath } from "./rootedPath.ts"

/** Two sums over the entries, in whatever order they come. */
export interface Snapshot {
  readonly sums: string
  /** Names of the directories in it. */
  readonly directories: ReadonlySet<string>
  /** Why it could not be read, e.g. "EACCES". */
  readonly unreadable: string | undefined
}

/** Two 32-bit hashes of a text, by multiplication (FNV-1a with two primes). */
const hash = (text: string): readonly [number, number] => {
  let one = 0x811c9dc5
  let other = 0x9747b28c
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    one = Math.imul(one ^ code, 0x01000193)
    other = Math.imul(other ^ code, 0x85ebca6b)
    other ^= other >>> 13
  }
  return [one >>> 0, other >>> 0]
}

const looks = ({ ctimeNs, mode, mtimeNs, size }: BigIntStats): string => `${mode}:${size}:${mtimeNs}:${ctimeNs}`

/** Undefined where the directory is not there (any more). Rejects where the disk does not answer. */
export const takeSnapshot = async (source: Source, directory: RelativePath): Promise<Snapshot | undefined> => {
  const follow = source.symlinks === "follow"
  const where = nativePath(source.root, directory)
  const directories = new Set<string>()
  let [one, other, entries] = [0, 0, 0]

  const add = (name: string, kind: string) => {
    const [first, second] = hash(`${name}\0${kind}`)
    one = (one + first) >>> 0
    other = (other + second) >>> 0
    entries++
  }
  const examine = async (entry: Dirent<Buffer>) => {
    const name = fromNative(entry.name)
    if (!entry.isDirectory()) {
      const stats = await lookAt(source, child(directory, name), follow && !entry.isFile())
      if (stats === undefined) return
      if (!stats.isDirectory()) return add(name, looks(stats))
    }
    if (source.ignoredDirs.has(name)) return
    directories.add(name)
    add(name, "directory")
  }

  try {
    if (directory !== "" && !follow && !(await lstat(where)).isDirectory()) return undefined
    // Node's types know no names as bytes here; the option gives them all the same.
    const opened = (await opendir(where, {
      encoding: "buffer" as "utf8",
      bufferSize: 256,
    })) as unknown as AsyncIterable<Dirent<Buffer>>
    let group: Array<Dirent<Buffer>> = []
    for await (const entry of opened) {
      group.push(entry)
      if (group.length < POLL_CONCURRENCY) continue
      await Promise.all(group.map(examine))
      group = []
    }
    await Promise.all(group.map(examine))
    return { sums: `${one}:${other}:${entries}`, directories, unreadable: undefined }
  } catch (cause) {
    const code = failureCode(cause)
    if (isAbsence(code)) return undefined
    if (code === "EACCES" || code === "EPERM") return { sums: code, directories, unreadable: code }
    throw cause
  }
}

/** Undefined where it vanished since it was listed. */
const lookAt = async (source: Source, path: RelativePath, follow: boolean): Promise<BigIntStats | undefined> => {
  const where = nativePath(source.root, path)
  try {
    return follow ? await stat(where, { bigint: true }) : await lstat(where, { bigint: true })
  } catch (cause) {
    if (isAbsence(failureCode(cause))) return follow ? lookAt(source, path, false) : undefined
    throw cause
  }
}
