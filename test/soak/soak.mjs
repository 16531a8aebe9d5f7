/**
 * `npm run soak -- --minutes N [--server copy|link|sftp|ftp|s3] [--changes A_SECOND] [--seed S]`: lets a source change all
 * the time under the real program, and reports how its memory, open files, threads, timers and handles develop, and whether
 * the destination becomes what it should be. Exits 1 when it does not.
 */
import fs from "node:fs"
import { parseArgs } from "node:util"
import { fileURLToPath } from "node:url"
import { isInstalled, pause, serverKinds, until } from "../crashes/destinations.mjs"
import { makeWorld } from "../crashes/world.mjs"
import { randomOf } from "../fuzz/random.mjs"

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    changes: { type: "string", default: "20" },
    server: { type: "string", multiple: true },
    seed: { type: "string" },
    trace: { type: "string" },
  },
})
const minutes = Number(values.minutes)
const changesASecond = Number(values.changes)
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed)
const wanted = values.server ?? serverKinds.filter((kind) => kind !== "telling")
if (!(minutes >= 0) || !(changesASecond > 0) || wanted.some((kind) => !serverKinds.includes(kind))) {
  console.error(`soak: --minutes and --changes are numbers, --server one of ${serverKinds.join(", ")}`)
  process.exit(2)
}
const servers = wanted.filter(isInstalled)
for (const kind of wanted)
  if (!servers.includes(kind)) console.log(`soak: NOT TRIED: ${kind}: its server is not installed`)

/** Pauses between two looks, and between two groups of changes, in milliseconds. */
const LOOK = 5_000
const STEP = 200
const CALM = 120
const STRETCH = 300_000

const counters = fileURLToPath(new URL("counters.mjs", import.meta.url))

const look = (pid, told) => {
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8")
  const number = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1])
  return {
    at: Date.now(),
    rss: number("VmRSS") / 1024,
    threads: number("Threads"),
    files: fs.readdirSync(`/proc/${pid}/fd`).length,
    ...(fs.existsSync(told) ? JSON.parse(fs.readFileSync(told, "utf8")) : {}),
  }
}

/** Slope of the line through these looks, in units an hour. */
const slope = (looks, of) => {
  const mean = (value) => looks.reduce((sum, one) => sum + value(one), 0) / looks.length
  const [at, height] = [mean((one) => one.at), mean(of)]
  const above = looks.reduce((sum, one) => sum + (one.at - at) * (of(one) - height), 0)
  const below = looks.reduce((sum, one) => sum + (one.at - at) ** 2, 0)
  return below === 0 ? 0 : (above / below) * 3_600_000
}

/**
 * The highest or lowest of each stretch of time: memory that is given back now and then goes up and down by more than it
 * grows. A leak lifts the highest and the lowest alike.
 */
const extremes = (looks, of, extreme) => {
  const stretches = new Map()
  for (const one of looks) {
    const stretch = Math.floor((one.at - looks[0].at) / STRETCH)
    const before = stretches.get(stretch)
    if (before === undefined || extreme(of(one), of(before)) === of(one)) stretches.set(stretch, one)
  }
  return [...stretches.values()]
}

const soak = async (kind, index) => {
  const random = randomOf(seed + index)
  const told = `${kind}.json`
  const world = await makeWorld(kind, random, {
    words: ["--import", counters],
    environment: (directory) => ({ SOAK_COUNTERS: `${directory}/${told}` }),
  })
  let changes = 0
  const looks = []
  try {
    const { pid } = world.start()
    const startedAt = Date.now()
    const end = startedAt + minutes * 60_000
    let nextLook = startedAt + LOOK
    while (Date.now() < end) {
      // What is late because this process had to wait is not made up for at once.
      const due = Math.min(((Date.now() - startedAt) / 1000) * changesASecond - changes, changesASecond)
      for (let i = 0; i < due; i++, changes++) world.churn()
      await pause(random.below(2 * STEP))
      if (!world.isRunning()) return { kind, failure: `it ended by itself:\n${world.log()}`, changes, looks }
      if (Date.now() < nextLook) continue
      nextLook = Date.now() + LOOK
      looks.push(look(pid, `${world.directory}/${told}`))
      if (values.trace !== undefined)
        fs.appendFileSync(values.trace, `${JSON.stringify({ kind, changes, ...looks.at(-1) })}\n`)
      const halves = await world.halves()
      if (halves !== "") return { kind, failure: `${halves}\n${world.log()}`, changes, looks }
    }
    if ((await until(async () => (await world.gap()) === "", CALM, 200)) === undefined) {
      return { kind, failure: `no convergence in ${CALM} s:\n${await world.gap()}\n${world.log()}`, changes, looks }
    }
    world.command("wait")
    const gap = await world.gap()
    return { kind, failure: gap === "" ? undefined : gap, changes, looks }
  } finally {
    await world.stop()
  }
}

/** The lowest and the highest of a count, and its slope. */
const course = (looks, name) => {
  const all = looks.map((one) => one[name])
  return `${name} ${Math.min(...all)}..${Math.max(...all)} (slope ${slope(looks, (one) => one[name]).toFixed(1)}/h)`
}

console.log(
  `soak: seed ${seed}, ${minutes} min, ${changesASecond} changes/s each, ${servers.join(", ")} at the same time`,
)
const results = await Promise.all(servers.map(soak))
for (const { changes, failure, kind, looks } of results) {
  const warm = looks.slice(Math.floor(looks.length / 3)).filter((one) => one.heap !== undefined)
  const [first, last] = [warm[0], warm.at(-1)]
  const megabytes = (name) =>
    `${first[name].toFixed(0)} -> ${last[name].toFixed(0)} MB (slope ${slope(warm, (one) => one[name]).toFixed(1)} MB/h)`
  const [rss, heap] = [(one) => one.rss, (one) => one.heap]
  const peaks = slope(extremes(warm, rss, Math.max), rss)
  const lows = slope(extremes(warm, heap, Math.min), heap)
  const told =
    warm.length < 2
      ? "too short to tell"
      : `after warm-up RSS ${megabytes("rss")}, its peaks ${peaks.toFixed(1)} MB/h, heap ${megabytes("heap")}, ` +
        `its lows ${lows.toFixed(1)} MB/h, buffers ${megabytes("buffers")}; ` +
        ["files", "threads", "timers", "handles"].map((name) => course(warm, name)).join(", ")
  console.log(
    `soak: ${kind}: ${changes} changes; ${told}; ${failure === undefined ? "no divergence" : `FAILED: ${failure}`}`,
  )
}
process.exitCode = results.some(({ failure }) => failure !== undefined) ? 1 : 0
