import { assert, describe, it } from "@effect/vitest"
import { Arbitrary } from "effect"
import { isRestored, isSame, mtimeMillis, mtimeSeconds } from "../../src/domain/FileState.ts"
import { integer, oneOf } from "./arbitraries.ts"

const nanoseconds = Arbitrary.map(
  Arbitrary.all([integer(-4_000_000_000, 4_000_000_000), oneOf([0, 1, 500_000_000, 999_999_999])]),
  ([seconds, rest]) => ({ seconds, mtimeNs: BigInt(seconds) * 1_000_000_000n + BigInt(rest) }),
)
const state = Arbitrary.map(Arbitrary.all([integer(0, 2), integer(0, 2), integer(0, 2)]), ([size, time, inode]) => ({
  size,
  mtimeNs: BigInt(time),
  inode: BigInt(inode),
}))

describe("FileState", () => {
  it.prop("whole seconds round down, before 1970 too", [nanoseconds], ([{ mtimeNs, seconds }]) => {
    assert.strictEqual(mtimeSeconds({ mtimeNs }), seconds)
  })

  it("whole seconds as `stat -c %Y` prints them", () => {
    assert.strictEqual(mtimeSeconds({ mtimeNs: 0n }), 0)
    assert.strictEqual(mtimeSeconds({ mtimeNs: -1n }), -1)
    assert.strictEqual(mtimeSeconds({ mtimeNs: -1_000_000_000n }), -1)
    assert.strictEqual(mtimeSeconds({ mtimeNs: -1_000_000_001n }), -2)
    assert.strictEqual(mtimeSeconds({ mtimeNs: 1_240_668_971_999_999_999n }), 1_240_668_971)
    assert.strictEqual(mtimeMillis({ mtimeNs: 1_240_668_971_999_999_999n }), 1_240_668_971_999)
  })

  it.prop("a version is the same, restored or another, and only one of these", [state, state], ([a, b]) => {
    const times = a.size === b.size && a.mtimeNs === b.mtimeNs
    assert.strictEqual(isSame(a, b), times && a.inode === b.inode)
    assert.strictEqual(isRestored(a, b), times && a.inode !== b.inode)
    assert.strictEqual(isSame(b, a), isSame(a, b))
    assert.strictEqual(isRestored(b, a), isRestored(a, b))
  })
})
