/**
 * A thread beside a processor that looks after its process, since the processor itself may hang: ends it when it takes too
 * much memory, and when the daemon is gone.
 *
 * @since 1.0.0
 */
import { writeSync } from "node:fs"
import { workerData } from "node:worker_threads"
import { PROCESSOR_WATCH } from "../../../domain/Limits.ts"
import { endGroup } from "./endGroup.ts"
import { MEMORY_MARK } from "./messages.ts"

/** What the watchdog is started with. */
export interface WatchdogData {
  /** Process id of the daemon. */
  readonly daemon: number
  /** Bytes of memory that the process may hold. */
  readonly memory: number
}

const { daemon, memory } = workerData as WatchdogData
const cell = new Int32Array(new SharedArrayBuffer(4))

for (;;) {
  Atomics.wait(cell, 0, 0, PROCESSOR_WATCH)
  const held = process.memoryUsage.rss()
  if (held > memory) {
    try {
      writeSync(2, `${MEMORY_MARK}${held}\n`)
    } finally {
      endGroup(process.pid)
    }
  }
  if (process.ppid !== daemon) endGroup(process.pid)
}
