/**
 * `npm run soak -- --minutes N [--server copy|link|sftp|ftp] [--seed S]`: lets a source change all the time under the real
 * program, and reports how its memory and its open files develop, how many threads it has, and whether the destination
 * becomes what it should be. Exits 1 when it does not.
 */
import fs from "node:fs"
import { parseArgs } from "node:util"
import { isInstalled, makeWorld, pause, serverKinds, until } from "../crashes/world.mjs"
import { randomOf } from "../fuzz/random.mjs"

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    server: { type: "string", multiple: true },
    seed: { type: "string" },
  },
})
const minutes = Number(values.minutes)
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed)
const wanted = values.server ?? serverKinds.filter((kind) => kind !== "telling")
if (!Number.isFinite(minutes) || wanted.some((kind) => !serverKinds.includes(kind))) {
  console.error(`soak: --minutes is a number, --server one of ${serverKinds.join(", ")}`)
  process.exit(2)
}
const servers = wanted.filter(isInstalled)
for (const kind of wanted)
  if (!servers.includes(kind)) console.log(`soak: NOT TRIED: ${kind}: its server is not installed`)

/** Pause between two looks, in milliseconds; changes per look. */
const LOOK = 5_000
const CALM = 120

const look = (pid) => {
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8")
  const number = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1])
  return {
    at: Date.now(),
    rss: number("VmRSS") / 1024,
    threads: number("Threads"),
    files: fs.readdirSync(`/proc/${pid}/fd`).length,
  }
}

/** Slope of the line through these looks, in MB an hour. */
const slope = (looks) => {
  const mean = (of) => looks.reduce((sum, one) => sum + of(one), 0) / looks.length
  const [at, rss] = [mean((one) => one.at), mean((one) => one.rss)]
  const above = looks.reduce((sum, one) => sum + (one.at - at) * (one.rss - rss), 0)
  const below = looks.reduce((sum, one) => sum + (one.at - at) ** 2, 0)
  return below === 0 ? 0 : (above / below) * 3_600_000
}

const soak = async (kind, index) => {
  const random = randomOf(seed + index)
  const world = await makeWorld(kind, random)
  let changes = 0
  const looks = []
  try {
    const { pid } = world.start()
    const end = Date.now() + minutes * 60_000
    let nextLook = Date.now() + LOOK
    while (Date.now() < end) {
      for (let i = random.below(10); i >= 0; i--, changes++) world.churn()
      await pause(random.below(100))
      if (!world.isRunning()) return { kind, failure: `it ended by itself:\n${world.log()}`, changes, looks }
      if (Date.now() < nextLook) continue
      nextLook = Date.now() + LOOK
      looks.push(look(pid))
      const halves = world.halves()
      if (halves !== "") return { kind, failure: halves, changes, looks }
    }
    if ((await until(() => world.gap() === "", CALM, 200)) === undefined) {
      return { kind, failure: `no convergence in ${CALM} s:\n${world.gap()}\n${world.log()}`, changes, looks }
    }
    world.command("wait")
    const gap = world.gap()
    return { kind, failure: gap === "" ? undefined : gap, changes, looks }
  } finally {
    await world.stop()
  }
}

console.log(`soak: seed ${seed}, ${minutes} min, ${servers.join(", ")} at the same time`)
const results = await Promise.all(servers.map(soak))
for (const { changes, failure, kind, looks } of results) {
  const warm = looks.slice(Math.floor(looks.length / 3))
  const [first, last] = [warm[0], warm.at(-1)]
  const memory =
    first === undefined || last === undefined
      ? "too short to tell"
      : `RSS ${first.rss.toFixed(0)} -> ${last.rss.toFixed(0)} MB, slope ${slope(warm).toFixed(1)} MB/h after warm-up; ` +
        `open files ${first.files} -> ${last.files}; threads ${first.threads} -> ${last.threads}`
  console.log(
    `soak: ${kind}: ${changes} changes; ${memory}; ${failure === undefined ? "no divergence" : `FAILED: ${failure}`}`,
  )
}
process.exitCode = results.some(({ failure }) => failure !== undefined) ? 1 : 0
