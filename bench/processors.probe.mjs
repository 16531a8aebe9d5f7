// Loaded into the daemon: from its first child process on, measures how long its event loop is held up.
import { subscribe } from "node:diagnostics_channel"
import { writeFileSync } from "node:fs"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { isMainThread } from "node:worker_threads"

if (isMainThread && process.env.BENCH_REPORT !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  let begun = false
  // What comes before is the start of the program: modules are compiled.
  subscribe("child_process", () => {
    if (!begun) delay.reset()
    begun = true
  })
  process.on("exit", () => {
    const millis = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - 5)
    writeFileSync(
      process.env.BENCH_REPORT,
      JSON.stringify({
        p50: millis(delay.percentile(50)),
        p99: millis(delay.percentile(99)),
        max: millis(delay.max),
        rss: process.memoryUsage.rss() / 1e6,
      }),
    )
  })
}
