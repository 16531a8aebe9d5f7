/**
 * Files of results that are kept: a record beside the bytes that it is about, both below a directory of the first letters
 * of their key.
 *
 * @since 1.0.0
 */
import { hash } from "node:crypto"
import {
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { threadId } from "node:worker_threads"
import { native } from "../nativePath.ts"
import { hash as hashFile } from "./transfer.ts"
import type { Input, Output } from "./protocol.ts"
import { codeOf, orAbsent, quietly } from "./refusal.ts"
import type { Turn } from "./turn.ts"
import { stateOf } from "./version.ts"

/** Where the record or the bytes of a result are. */
export const keptFile = (directory: string, key: string, kind: "json" | "bytes"): string =>
  `${directory}/${key.slice(0, 2)}/${key}.${kind}`

/** What file systems answer that do not know two names of one file. */
const noLinks = new Set(["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "ENOSYS"])

/** The same file under another name; a copy where that can not be. */
const linkOrCopy = (from: string, to: string): void => {
  try {
    linkSync(native(from), native(to))
  } catch (error) {
    if (!noLinks.has(codeOf(error))) throw error
    copyFileSync(native(from), native(to), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  }
}

/** The record of a result as it was written; undefined where there is none, "" where it is damaged. Counts as use. */
export const keptRecord = ({ directory, key }: Input<"keptRecord">): Output<"keptRecord"> => {
  const file = native(keptFile(directory, key, "json"))
  const text = orAbsent(() => readFileSync(file, "utf8"))
  if (text === undefined) return undefined
  const end = text.indexOf("\n")
  const body = text.slice(end + 1)
  if (end < 0 || hash("sha256", body, "hex") !== text.slice(0, end)) return ""
  const now = new Date()
  quietly(() => utimesSync(file, now, now))
  return body
}

/** Makes the bytes of a result the file `location`; its state, or undefined where they are gone or not what they were. */
export const keptBytes = (
  { directory, key, location, sha256, size }: Input<"keptBytes">,
  turn: Turn,
): Output<"keptBytes"> =>
  orAbsent(() => {
    linkOrCopy(keptFile(directory, key, "bytes"), location)
    const version = stateOf(lstatSync(native(location), { bigint: true }))
    if (version.size !== size) return undefined
    const found = hashFile({ original: { location, guard: undefined, version }, algorithm: "sha256" }, turn)
    return found === sha256 ? version : undefined
  })

let temporary = 0

/** Writes a result; `location` is where its bytes are. Readers see it as a whole or not at all. */
export const keep = ({ body, directory, key, location }: Input<"keep">): undefined => {
  const place = `${directory}/${key.slice(0, 2)}`
  const unfinishedFile = `${place}/.${process.pid}-${threadId}-${temporary++}`
  const unfinished = native(unfinishedFile)
  mkdirSync(native(place), { recursive: true, mode: 0o700 })
  try {
    if (location !== undefined) {
      linkOrCopy(location, unfinishedFile)
      renameSync(unfinished, native(keptFile(directory, key, "bytes")))
    }
    writeFileSync(unfinished, `${hash("sha256", body, "hex")}\n${body}`, { mode: 0o600 })
    renameSync(unfinished, native(keptFile(directory, key, "json")))
  } catch (error) {
    quietly(() => unlinkSync(unfinished))
    throw error
  }
}

/** Forgets a result. The record goes first: bytes without one are never looked at. */
export const dropKept = ({ directory, keys }: Input<"dropKept">): undefined => {
  for (const key of keys) {
    quietly(() => unlinkSync(native(keptFile(directory, key, "json"))))
    quietly(() => unlinkSync(native(keptFile(directory, key, "bytes"))))
  }
}
