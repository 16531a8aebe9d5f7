/** Histories of simulated worlds. `npm run simulate` runs more of them, and tells one that fails. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { live } from "./history.ts"
import { mutants } from "./mutants.ts"
import { regressions } from "./regressions.ts"

/** The same ones at each run; CI adds others. */
const SEEDS = 500
const BATCH = 50

describe("simulated histories", () => {
  it("repeat from their seed, step by step", () => {
    const seeds = [3, 14, 159, 265]
    const once = seeds.map((seed) => live(seed))
    const again = seeds.map((seed) => live(seed))
    assert.deepStrictEqual(
      again.map(({ counts, elapsed, steps, trace }) => ({ counts, elapsed, steps, trace })),
      once.map(({ counts, elapsed, steps, trace }) => ({ counts, elapsed, steps, trace })),
    )
    assert.strictEqual(new Set(once.map(({ trace }) => trace)).size, seeds.length)
  })

  it.each(Array.from({ length: SEEDS / BATCH }, (_, batch) => 1 + batch * BATCH))(
    "end in sync and never break a promise: %i and what follows",
    (from) => {
      for (let seed = from; seed < from + BATCH; seed++) {
        const { failure } = live(seed)
        assert.isUndefined(failure, `seed ${seed}; npm run simulate -- --seed ${seed} tells its history`)
      }
    },
    120_000,
  )

  it("are tried on bugs that the product can still have", () => {
    for (const { edits, file, name } of mutants) {
      const source = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")
      for (const [find] of edits) assert.include(source, find, `mutant "${name}"`)
    }
    const bugs = mutants.map(({ name }) => name)
    assert.strictEqual(new Set(bugs).size, bugs.length)
    assert.includeMembers(
      bugs,
      regressions.flatMap(({ bug }) => (bug === undefined ? [] : [bug])),
    )
  })

  it.each(regressions)("$what", ({ seed, steps }) => {
    assert.isUndefined(live(seed, steps).failure)
  })
})
