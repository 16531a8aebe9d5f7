/**
 * The memory of a process group, as Linux tells it.
 *
 * Limits that a process inherits (ulimit -v) count address space, of which Java, Go and Node reserve far more than they
 * use, and count each process for itself. So what is used is looked at instead: memory that has no file behind it,
 * swapped out or not, of every process of the group.
 *
 * @since 1.0.0
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"

/** True where processes can be looked at. */
export const canTellMemory: boolean = process.platform === "linux" && existsSync("/proc/self/status")

const read = (file: string): string => {
  try {
    return readFileSync(file, "latin1")
  } catch {
    // It ended meanwhile.
    return ""
  }
}

/** The group of a process. The name in front may hold anything, ")" included. */
const groupOf = (pid: string): number => {
  const stat = read(`/proc/${pid}/stat`)
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2])
}

const kibibytes = (status: string, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0)

const memoryOf = (pid: string): number => {
  const status = read(`/proc/${pid}/status`)
  return (kibibytes(status, "RssAnon") + kibibytes(status, "RssShmem") + kibibytes(status, "VmSwap")) * 1024
}

/** A look at one group; it remembers which processes are of other groups, so that each is asked once. */
export const makeGroupMemory = (group: number): (() => number) => {
  let others = new Set<string>()
  return () => {
    let bytes = 0
    const still = new Set<string>()
    for (const name of readdirSync("/proc")) {
      if (name.charCodeAt(0) > 57) continue
      if (others.has(name) || groupOf(name) !== group) still.add(name)
      else bytes += memoryOf(name)
    }
    others = still
    return bytes
  }
}
