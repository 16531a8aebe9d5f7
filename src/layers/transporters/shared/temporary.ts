/**
 * Names of uploads that are not finished, and telling those of crashed runs from those of living ones.
 *
 * A name says which machine, process and start of the process made it, and when. Of this machine, a file is left over
 * when its process is gone; of others, when it is older than a day.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import { hostname } from "node:os"
import process from "node:process"
import { LEFTOVER_AGE } from "../../../domain/Limits.ts"

const PATTERN = /^\.fc-([0-9a-f]{8})-([0-9a-z]+)-([0-9a-z]+)-([0-9a-z]+)-[0-9a-z]+\.tmp$/

/** Who makes temporary files: machine, process, and when the process started in seconds since the epoch. */
export interface Maker {
  readonly machine: string
  readonly pid: number
  readonly started: number
}

/** This process. */
export const thisProcess: Maker = {
  machine: createHash("sha256").update(hostname()).digest("hex").slice(0, 8),
  pid: process.pid,
  started: Math.floor(performance.timeOrigin / 1000),
}

let count = 0

/** A name that no other process uses. `now` in milliseconds since the epoch. */
export const temporaryName = (maker: Maker, now: number): string => {
  count += 1
  const { machine, pid, started } = maker
  const numbers = [pid, started, Math.floor(now / 1000), count].map((number) => number.toString(36))
  return `.fc-${machine}-${numbers.join("-")}.tmp`
}

/** Whether a file of this name was left by a run that crashed. */
export const isLeftover = (name: string, maker: Maker, now: number, isAlive: (pid: number) => boolean): boolean => {
  const match = PATTERN.exec(name)
  if (match === null) return false
  const [, machine = "", pid = "", started = "", made = ""] = match
  if (machine !== maker.machine) return now - Number.parseInt(made, 36) * 1000 > LEFTOVER_AGE
  const id = Number.parseInt(pid, 36)
  return id === maker.pid ? Number.parseInt(started, 36) !== maker.started : !isAlive(id)
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
