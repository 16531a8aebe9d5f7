/**
 * `npm run crashes -- --kills N [--server copy|link|telling|sftp|ftp|s3] [--seed S]`: kills the real program while its source
 * changes, at random moments and at named ones of the two phases of publishing; starts it again each time, and looks now
 * and then whether the destination becomes what it should be. Exits 1 when it does not.
 */
import { parseArgs } from "node:util"
import { randomOf } from "../fuzz/random.mjs"
import { isInstalled, pause, serverKinds, until } from "./destinations.mjs"
import { makeWorld } from "./world.mjs"

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "20" },
    server: { type: "string", multiple: true },
    seed: { type: "string" },
  },
})
const kills = Number(values.kills)
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed)
const wanted = values.server ?? serverKinds
const unknown = wanted.filter((kind) => !serverKinds.includes(kind))
if (unknown.length > 0 || !Number.isInteger(kills)) {
  console.error(`crashes: --kills is a number, --server one of ${serverKinds.join(", ")}`)
  process.exit(2)
}
const servers = wanted.filter(isInstalled)
for (const kind of wanted)
  if (!servers.includes(kind)) console.log(`crashes: NOT TRIED: ${kind}: its server is not installed`)

const moments = [
  "put begun",
  "put half done",
  "put not yet in place",
  "put done, not acknowledged",
  "remove begun",
  "remove done, not acknowledged",
]
/** Kills between two looks at whether all becomes well. */
const ROUND = 10
/** A busy machine is slow, not wrong. */
const SECONDS = 120
const hits = new Map()
const hit = (name) => hits.set(name, (hits.get(name) ?? 0) + 1)

/** One life of the program, and its end. Something changes while it is dead, too. */
const live = async (world, random) => {
  const moment = random.chance(0.6) ? random.of(moments) : undefined
  world.plan(moment === undefined ? undefined : `${moment}|${random.below(6)}`)
  for (let i = random.below(4); i > 0; i--) world.churn()
  world.start()
  // Some die while they start.
  if (moment !== undefined || random.chance(0.8)) await until(() => world.hasScanned() || !world.isRunning(), SECONDS)
  const end = Date.now() + (moment === undefined ? random.below(1_500) : 5_000)
  while (world.isRunning() && Date.now() < end) {
    for (let i = random.below(12); i >= 0; i--) world.churn()
    await pause(random.below(60))
  }
  if (world.gaveUp()) return `it ended by itself:\n${world.log()}`
  hit(world.isRunning() || moment === undefined ? "at a random moment" : moment)
  await world.kill()
  world.plan(undefined)
  return world.halves()
}

/** Undefined when all becomes well. */
const judge = async (world) => {
  world.start()
  const equal = await until(async () => (await world.gap()) === "", SECONDS, 200)
  if (equal === undefined) return `no convergence in ${SECONDS} s:\n${await world.gap()}\n${world.log()}`
  const waited = world.command("wait")
  if (waited.code !== 0) return `wait: ${waited.err}`
  // What comes due from here on is gone soon, and nothing else comes up.
  const atOnce = await world.gap(Date.now())
  const gone = await until(async () => (await world.gap()) === "", 30, 200)
  const later = await world.gap()
  await world.kill()
  if (atOnce === "" && gone && later === "") return undefined
  return `after it said in sync:\n${atOnce}\nand then:\n${later}\n${world.log()}`
}

const startedAt = Date.now()
let failure
let done = 0
for (const [index, kind] of servers.entries()) {
  const share = Math.floor((kills * (index + 1)) / servers.length) - Math.floor((kills * index) / servers.length)
  const random = randomOf(seed + index)
  const world = await makeWorld(kind, random, { telling: true })
  try {
    for (let i = 0; i < 100; i++) world.churn()
    for (let i = 0; i < share && failure === undefined; i++) {
      const halves = await live(world, random)
      done++
      if (halves !== "") failure = halves
      else if ((i + 1) % ROUND === 0 || i + 1 === share) failure = await judge(world)
    }
  } finally {
    await world.stop()
  }
  console.log(`crashes: ${kind}: ${share} kills${failure === undefined ? "" : ` FAILED: ${failure}`}`)
  if (failure !== undefined) break
}
const told = [...hits].map(([name, count]) => `${name} ${count}`).join(", ")
console.log(`crashes: seed ${seed}, ${done} kills in ${Math.round((Date.now() - startedAt) / 1000)} s: ${told}`)
process.exitCode = failure === undefined ? 0 : 1
