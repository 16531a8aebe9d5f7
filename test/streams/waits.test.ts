/** Who waits for whom. */
import { assert, describe, it } from "@effect/vitest"
import type { RelativePath, SourceName } from "../../src/domain/Path.ts"
import { fileKey } from "../../src/domain/Reference.ts"
import { listed } from "../../src/streams/backlog.ts"
import { Waits } from "../../src/streams/waits.ts"

const item = (path: string) => listed("site" as SourceName, path as RelativePath, undefined)

describe("who waits for whom", () => {
  it("what a file asked for is forgotten when its work ends, so that nobody is taken up for nothing", () => {
    const waits = new Waits()
    const [a, b] = [item("a.css"), item("b.css")]
    const ask = waits.begin(a)
    waits.refer(ask, a)
    waits.refer(ask, b)
    assert.isTrue(waits.waitsFor(a, b))
    assert.deepStrictEqual(waits.ended(a), [])
    assert.isFalse(waits.waitsFor(a, b))
    assert.deepStrictEqual([...waits.referencesOf(a)], [])
    waits.begin(a)
    assert.deepStrictEqual(waits.ended(b), [])
    assert.deepStrictEqual(waits.ended(a), [])
  })

  it("a file that waits is given back when the last of those it waits for ended", () => {
    const waits = new Waits()
    const [a, b, c] = [item("a.css"), item("b.png"), item("c.png")]
    const ask = waits.begin(a)
    for (const file of [b, c]) {
      waits.refer(ask, file)
      ask.awaited.set(fileKey(file), file)
    }
    assert.isUndefined(waits.wait(ask))
    assert.deepStrictEqual(waits.ended(a), [])
    assert.deepStrictEqual(waits.ended(b), [])
    assert.deepStrictEqual(waits.ended(c), [a])
    assert.isTrue(waits.isEmpty)
  })
})
