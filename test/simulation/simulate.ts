/** The command line of the simulation. */
import { live, stepsOf, tell } from "./history.ts"
import { shrink } from "./shrink.ts"
const [from, many] = [Number(process.argv[2] ?? 1), Number(process.argv[3] ?? 100)]
const t = Date.now()
let failed = 0, steps = 0
const total = new Map<string, number>()
for (let seed = from; seed < from + many; seed++) {
  const verdict = live(seed)
  steps += verdict.steps
  for (const [k, v] of verdict.counts) total.set(k, (total.get(k) ?? 0) + v)
  if (verdict.failure !== undefined) { failed++; console.log(seed, verdict.steps, verdict.failure.slice(0, 400)); if (many === 1) {
    const short = shrink(seed, stepsOf(seed), verdict)
    live(seed, short.steps)
    console.log(tell(short.steps)); console.log(short.verdict.log.join("\n")); console.log(short.verdict.failure, short.verdict.steps)
    console.log((globalThis as any).labels?.slice(-Number(process.argv[4] ?? 60)).join("\n"))
  } }
}
console.log(many / (Date.now() - t) * 1000, "per second", steps, failed, total)
