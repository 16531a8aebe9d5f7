/**
 * The command line of the simulation. `--seeds N` histories from seed `--from S` (chosen at random where it is not
 * given); `--seed S` tells one; `--until-failure` stops at the first that fails and prints how many it took; `--regression N`
 * lives through one of those, and prints what was wrong.
 */
import { live, stepsOf, tell, type Verdict } from "./history.ts"
import { regressions } from "./regressions.ts"
import { shrink } from "./shrink.ts"

const option = (name: string): number | undefined => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? undefined : Number(process.argv[at + 1])
}

/** Failures told in full; of the others the seed. */
const TOLD = 3

const explain = (verdict: Verdict): void => {
  const { seed } = verdict
  const short = shrink(seed, stepsOf(seed), verdict)
  console.log(`\nseed ${seed}: ${short.verdict.failure}`)
  console.log(`The history, in ${short.steps.length} of ${stepsOf(seed).length} operations:\n${tell(short.steps)}`)
  console.log(`What the program said last:\n  ${short.verdict.log.slice(-15).join("\n  ")}`)
  const last = live(seed, short.steps, true).events.slice(-40)
  console.log(`The last steps, at milliseconds:\n  ${last.join("\n  ")}`)
  console.log(`As a regression (regressions.ts): ${JSON.stringify({ seed, steps: short.steps })}`)
}

const untilFailure = (seeds: number, from: number): void => {
  for (let seed = from; seed < from + seeds; seed++) {
    const verdict = live(seed)
    if (verdict.failure === undefined) continue
    console.log(`${seed - from + 1}\t${verdict.failure.split(";")[0]!.slice(0, 160)}`)
    return
  }
  console.log(`${seeds}`)
}

const many = (seeds: number, from: number): void => {
  console.log(`${seeds} histories from seed ${from}`)
  const startedAt = process.hrtime.bigint()
  const cpu = process.cpuUsage()
  const counts = new Map<string, number>()
  const histories = new Map<string, number>()
  const failed: Array<Verdict> = []
  let steps = 0
  let elapsed = 0
  for (let seed = from; seed < from + seeds; seed++) {
    const verdict = live(seed)
    steps += verdict.steps
    elapsed += verdict.elapsed
    for (const [what, times] of verdict.counts) {
      counts.set(what, (counts.get(what) ?? 0) + times)
      histories.set(what, (histories.get(what) ?? 0) + 1)
    }
    if (verdict.failure === undefined) continue
    failed.push(verdict)
    if (failed.length <= TOLD) explain(verdict)
    else console.log(`seed ${seed}: ${verdict.failure}`)
  }
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9
  const { system, user } = process.cpuUsage(cpu)
  console.log(
    `\n${(seeds / seconds).toFixed(1)} histories/s (${((seeds * 1e6) / (user + system)).toFixed(1)} a CPU second), ` +
      `${steps} steps, ${(elapsed / 3_600_000).toFixed(0)} simulated hours, ${failed.length} failed`,
  )
  for (const [what, times] of [...counts].sort()) {
    console.log(`  ${what}: ${times} (in ${histories.get(what)} histories)`)
  }
  process.exitCode = failed.length === 0 ? 0 : 1
}

const one = (seed: number): void => {
  const verdict = live(seed)
  console.log(tell(stepsOf(seed)))
  if (verdict.failure === undefined) console.log(`seed ${seed}: all is well after ${verdict.steps} steps`)
  else explain(verdict)
  process.exitCode = verdict.failure === undefined ? 0 : 1
}

const regression = option("regression")
const seed = option("seed")
const seeds = option("seeds") ?? 1_000
const from = option("from") ?? Math.floor(Math.random() * 1_000_000_000)
if (regression !== undefined) {
  const { seed, steps } = regressions[regression]!
  console.log(live(seed, steps).failure ?? "")
} else if (seed !== undefined) one(seed)
else if (process.argv.includes("--until-failure")) untilFailure(seeds, from)
else many(seeds, from)
