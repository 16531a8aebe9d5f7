/**
 * Makes a process that this one started less urgent.
 *
 * @since 1.0.0
 */
import type { ChildProcess } from "node:child_process"
import { writeFileSync } from "node:fs"
import { setPriority } from "node:os"
import { GIVE_WAY_AGAIN } from "../domain/Limits.ts"

const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null

/**
 * Where Linux groups processes by session, as most distributions have it, it shares the processor among sessions, and how
 * nice a process is counts within its own only. A process that leads a session is that session.
 */
const giveWayAsSession = (child: ChildProcess, nice: number): void => {
  if (!isRunning(child)) return
  try {
    writeFileSync(`/proc/${child.pid}/autogroup`, String(nice))
  } catch (error) {
    // The kernel takes few of these at once from users who are not root.
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return
    setTimeout(() => giveWayAsSession(child, nice), GIVE_WAY_AGAIN).unref()
  }
}

/**
 * `child` leads a session of its own. `nice`: how much it gives way to others, 0 not at all, 19 to everything; `sessionNice`:
 * how much its session does.
 */
export const giveWay = (child: ChildProcess, nice: number, sessionNice = nice): void => {
  if (nice === 0 || child.pid === undefined) return
  try {
    setPriority(child.pid, nice)
  } catch {
    // It ended already.
  }
  giveWayAsSession(child, sessionNice)
}
