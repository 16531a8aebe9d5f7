import { assert, describe, it } from "@effect/vitest"
import type { RelativePath, SourceName } from "../../src/domain/Path.ts"
import { listed } from "../../src/streams/backlog.ts"
import { InFlight } from "../../src/streams/inFlight.ts"

const state = { size: 1, mtimeNs: 1n, inode: 1n, mode: 0o644 }
const item = listed("site" as SourceName, "a" as RelativePath, state)

describe("what a lane is busy with", () => {
  it("gives back what it heard of a file meanwhile", () => {
    const inFlight = new InFlight()
    inFlight.begin(item)
    assert.strictEqual(inFlight.size, 1)
    assert.isTrue(inFlight.again(item))
    assert.deepStrictEqual(inFlight.end(item.key), item)
    assert.isFalse(inFlight.again(item))
  })

  it("of a file that was taken, without how it was before: it may be gone by then", () => {
    const inFlight = new InFlight()
    inFlight.take(item)
    assert.isTrue(inFlight.has(item.key))
    assert.strictEqual(inFlight.size, 0)
    assert.deepStrictEqual(inFlight.anew, [])
    inFlight.again(item)
    assert.isUndefined(inFlight.end(item.key)?.state)
    assert.strictEqual(inFlight.size, 0)
  })
})
