/**
 * Temporary files of jobs.
 *
 * @since 1.0.0
 */
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readdirSync, rmSync } from "node:fs"
import type { FileState } from "../../domain/FileState.ts"
import { display, isWithin } from "../../domain/Path.ts"
import { native } from "../nativePath.ts"
import type { Input } from "./protocol.ts"
import { join, realPath } from "./realPath.ts"
import { Refusal } from "./refusal.ts"
import { isAlive } from "./temporary.ts"
import { writeAll } from "./transfer.ts"
import { stateOf } from "./version.ts"

/** Name of a run's directory: its process and when that started. Its jobs have theirs below it. */
export const RUN_DIRECTORY = /^run-([0-9]+)-([0-9]+)$/

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0)

/** Makes a directory that only its owner may enter, and those above it. */
export const makeDirectory = ({ location }: Input<"makeDirectory">): undefined => {
  mkdirSync(native(location), { recursive: true, mode: 0o700 })
}

/** Writes a new file; its state. */
export const write = ({ bytes, location }: Input<"write">): FileState => {
  const descriptor = openSync(native(location), CREATE, 0o600)
  try {
    if (bytes.length > 0) writeAll(descriptor, bytes, bytes.length)
    return stateOf(fstatSync(descriptor, { bigint: true }))
  } finally {
    closeSync(descriptor)
  }
}

/** The state of a file that some program wrote into a job's directory. */
export const adopt = ({ directory, location }: Input<"adopt">): FileState => {
  if (!isWithin(realPath(directory), realPath(location))) {
    throw new Refusal("Escapes", `${display(location)} is not below the job's own directory`)
  }
  const stats = lstatSync(native(location), { bigint: true })
  if (!stats.isFile()) throw new Refusal("Escapes", `${display(location)} is not a regular file`)
  return stateOf(stats)
}

/** Removes a directory with everything in it. */
export const removeTree = ({ location }: Input<"removeTree">): undefined => {
  rmSync(native(location), { recursive: true, force: true, maxRetries: 2 })
}

/** Removes the directories of runs that ended without doing so themselves. */
export const sweep = ({ directory }: Input<"sweep">, started: number): undefined => {
  for (const entry of readdirSync(native(directory), { withFileTypes: true })) {
    const match = RUN_DIRECTORY.exec(entry.name)
    if (match === null || !entry.isDirectory()) continue
    const pid = Number(match[1])
    const running = pid === process.pid ? Number(match[2]) === started : isAlive(pid)
    if (!running) removeTree({ location: join(directory, entry.name) })
  }
}
