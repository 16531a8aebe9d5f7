/**
 * Ending a process together with the programs that it started.
 *
 * @since 1.0.0
 */

/** Kills a process that leads a group, and its group; where there are no groups, the process alone. */
export const endGroup = (leader: number): void => {
  for (const target of process.platform === "win32" ? [leader] : [-leader, leader]) {
    try {
      process.kill(target, "SIGKILL")
      return
    } catch {
      // It is gone already, or it leads no group.
      continue
    }
  }
}
