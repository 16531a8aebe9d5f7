/**
 * Loaded into the program by `npm run soak` before anything else: writes what only the process itself knows, every few
 * seconds, to the file that SOAK_COUNTERS names. Its own timer keeps nothing alive and is not counted.
 */
import { renameSync, writeFileSync } from "node:fs"
import { isMainThread } from "node:worker_threads"

const file = process.env.SOAK_COUNTERS
const EVERY = 5_000

if (isMainThread && file !== undefined && /[\\/]main\.js$/.test(process.argv[1] ?? "")) {
  const tell = () => {
    const active = process.getActiveResourcesInfo()
    const { arrayBuffers, external, heapUsed } = process.memoryUsage()
    const counters = {
      timers: active.filter((name) => name === "Timeout" || name === "Immediate").length,
      handles: active.filter((name) => name !== "Timeout" && name !== "Immediate").length,
      heap: heapUsed / 1_048_576,
      buffers: (external + arrayBuffers) / 1_048_576,
    }
    writeFileSync(`${file}.new`, JSON.stringify(counters))
    renameSync(`${file}.new`, file)
  }
  setInterval(tell, EVERY).unref()
}
