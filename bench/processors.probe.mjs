// Loaded into the daemon: from its first child process on, how long its event loop is held up, and by what. Run by itself,
// the same in a process that has nothing else to do, until its input ends: what it sees is the machine's.
import { subscribe } from "node:diagnostics_channel"
import fs from "node:fs"
import { isMainThread } from "node:worker_threads"

const INTERVAL = 5

/** Seconds the main thread ran, and seconds it was ready and had no core, where the system tells. */
const scheduled = () => {
  try {
    const [ran, waited] = fs.readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")
    return { ran: Number(ran) / 1e6, waited: Number(waited) / 1e6 }
  } catch {
    return { ran: 0, waited: 0 }
  }
}

const distribution = (samples) => {
  const sorted = Float64Array.from(samples).sort()
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

/** A timer each 5 ms: how late it is, and of the time since the one before, how long the thread ran and how long it waited. */
const measure = (report) => {
  const [late, ran, waited] = [[], [], []]
  const start = { at: performance.now(), ...scheduled() }
  let last = start
  setInterval(() => {
    const now = { at: performance.now(), ...scheduled() }
    late.push(Math.max(0, now.at - last.at - INTERVAL))
    ran.push(now.ran - last.ran)
    waited.push(now.waited - last.waited)
    last = now
  }, INTERVAL).unref()
  process.on("exit", () => {
    const now = { at: performance.now(), ...scheduled() }
    const share = (what) => (now[what] - start[what]) / (now.at - start.at)
    fs.writeFileSync(
      report,
      JSON.stringify({
        late: distribution(late),
        ran: { ...distribution(ran), share: share("ran") },
        waited: { ...distribution(waited), share: share("waited") },
        rss: process.memoryUsage.rss() / 1e6,
      }),
    )
  })
}

const { BENCH_REPORT: report } = process.env
if (process.argv[1] === import.meta.filename) {
  measure(process.argv[2])
  process.stdin.resume().on("end", () => process.exit())
} else if (isMainThread && report !== undefined) {
  delete process.env.BENCH_REPORT
  let begun = false
  // What comes before is the start of the program: modules are compiled.
  subscribe("child_process", () => {
    if (!begun) measure(report)
    begun = true
  })
}
