/**
 * Names of files that are being written, and removing those of runs that crashed.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import { lstatSync, readdirSync, rmSync } from "node:fs"
import { hostname } from "node:os"
import { threadId, workerData } from "node:worker_threads"
import { DISK_SWEPT, TEMPORARY_STALE } from "../../domain/Limits.ts"
import { native } from "../nativePath.ts"
import type { WorkerData } from "./protocol.ts"
import { join } from "./realPath.ts"
import { quietly } from "./refusal.ts"

/** Name of a temporary file: machine, process, start of the process, number. */
export const TEMPORARY = /^\.fc-([0-9a-f]{8})-([0-9a-z]+)-([0-9a-z]+)-[0-9a-z]+-[0-9a-z]+\.tmp$/

const machine = createHash("sha256").update(hostname()).digest("hex").slice(0, 8)
const started = ((workerData as WorkerData | undefined)?.started ?? 0).toString(36)
const run = `${machine}-${process.pid.toString(36)}-${started}`
let count = 0

/** A name that no other thread, process or machine uses. */
export const temporaryName = (): string => {
  count += 1
  return `.fc-${run}-${threadId.toString(36)}-${count.toString(36)}.tmp`
}

/** A process of this id runs on this machine. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

/**
 * Whether a file of this name was left by a run that crashed. Processes of this machine are asked; those of another, that
 * shares the disk, show that they live by the time of the last change.
 */
const isLeftover = (directory: string, name: string): boolean => {
  const match = TEMPORARY.exec(name)
  if (match === null) return false
  const [, host = "", pid = "", start = ""] = match
  if (host !== machine) {
    return Date.now() - lstatSync(native(join(directory, name))).ctimeMs > TEMPORARY_STALE
  }
  const id = Number.parseInt(pid, 36)
  return id === process.pid ? start !== started : !isAlive(id)
}

const swept = new Set<string>()

/** Nothing can be left over in a directory that was just made. */
export const isNew = (directory: string): void => {
  if (swept.size >= DISK_SWEPT) swept.clear()
  swept.add(directory)
}

/** Removes the leftovers of crashed runs, when a directory is used for the first time. */
export const sweepOnce = (directory: string): void => {
  if (swept.has(directory)) return
  isNew(directory)
  quietly(() => {
    for (const name of readdirSync(native(directory))) {
      if (!name.startsWith(".fc-")) continue
      quietly(() => {
        if (isLeftover(directory, name)) rmSync(native(join(directory, name)), { recursive: true, force: true })
      })
    }
  })
}
