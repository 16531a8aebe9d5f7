import { assert, describe, it } from "@effect/vitest"
import { Arbitrary } from "effect"
import { GUARD_COUNT } from "../../src/domain/Limits.ts"
import { type Census, judge } from "../../src/domain/Safety.ts"
import { integer, oneOf } from "./arbitraries.ts"

const census: Arbitrary.Arbitrary<Census> = Arbitrary.map(
  Arbitrary.all([integer(0, 400), integer(0, 400), integer(0, 400), oneOf(["same", "replaced", "missing"] as const)]),
  ([a, b, c, root]) => {
    const [moved = 0, missing = 0, total = 0] = [a, b, c].sort((x, y) => x - y)
    return { total, missing, moved, root }
  },
)
const share = oneOf([0, 0.1, 0.5, 0.99, 1])
const held = (of: Census, limit: number): boolean => judge(of, limit)._tag === "Hold"
const same: Census = { total: 1_000, missing: 0, moved: 0, root: "same" }

describe("Safety.judge", () => {
  it.prop("never deletes anything for a root that is missing", [census, share], ([of, limit]) => {
    assert.isTrue(held({ ...of, root: "missing" }, limit))
  })

  it.prop("is never put at ease by more missing files", [census, share, integer(0, 50)], ([of, limit, more]) => {
    const worse = { ...of, missing: of.missing + more, total: Math.max(of.total, of.missing + more) }
    if (worse.total === of.total && held(of, limit)) assert.isTrue(held(worse, limit))
  })

  it.prop("is never put at ease by another root", [census, share], ([of, limit]) => {
    if (held({ ...of, root: "same" }, limit)) assert.isTrue(held({ ...of, root: "replaced" }, limit))
  })

  it.prop("does not count what moved within its source", [census, share], ([of, limit]) => {
    const found = { ...of, moved: 0, missing: of.missing - of.moved }
    assert.strictEqual(held(of, limit), held(found, limit))
  })

  it.prop("holds exactly above the share and above the count", [census, share], ([of, limit]) => {
    const gone = of.missing - of.moved
    assert.strictEqual(held({ ...of, root: "same" }, limit), limit < 1 && gone > of.total * limit && gone > GUARD_COUNT)
    assert.strictEqual(held({ ...of, root: "replaced" }, limit), limit < 1 && gone > 0 && gone > of.total * limit)
  })

  it("holds at the edge, not before", () => {
    assert.isFalse(held({ ...same, missing: 500 }, 0.5))
    assert.isTrue(held({ ...same, missing: 501 }, 0.5))
    assert.isFalse(held({ ...same, total: 150, missing: 100 }, 0.5))
    assert.isTrue(held({ ...same, total: 150, missing: 101 }, 0.5))
    assert.isFalse(held({ ...same, missing: 1_000 }, 1))
    assert.isTrue(held({ ...same, total: 3, missing: 3, root: "replaced" }, 0.5), "a disk that is not mounted")
  })

  it("says how many, and of how many", () => {
    const verdict = judge({ ...same, missing: 900, moved: 100 }, 0.5)
    assert.deepStrictEqual(verdict, { _tag: "Hold", reason: "800 of 1000 files went missing at once, more than 50 %" })
  })
})
