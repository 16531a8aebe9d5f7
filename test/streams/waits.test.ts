/** Who waits for whom. */
import { assert, describe, it } from "@effect/vitest"
import { WAITED_FOR, WAITING_REFERRERS } from "../../src/domain/Limits.ts"
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

  /** Waits for `others`; undefined: it is to wait. */
  const waiting = (waits: Waits, name: string, others: ReadonlyArray<string>) => {
    const ask = waits.begin(item(name))
    for (const other of others.map(item)) {
      waits.refer(ask, other)
      ask.awaited.set(fileKey(other), other)
    }
    return waits.wait(ask)
  }

  it("past a number of files that wait their sources are remembered, and given when nobody waits any more", () => {
    const waits = new Waits()
    for (let file = 0; file < WAITING_REFERRERS + 3; file++)
      assert.isUndefined(waiting(waits, `${file}.css`, ["x.png"]))
    assert.strictEqual(waits.size, WAITING_REFERRERS)
    assert.isFalse(waits.isWaiting(item(`${WAITING_REFERRERS}.css`)))
    assert.deepStrictEqual(
      waits.giveUp(() => true),
      { items: [], sources: [] },
    )
    assert.strictEqual(waits.ended(item("x.png")).length, WAITING_REFERRERS)
    assert.isFalse(waits.isEmpty)
    assert.deepStrictEqual(
      waits.giveUp(() => true),
      { items: [], sources: ["site" as SourceName] },
    )
    assert.isTrue(waits.isEmpty)
    assert.deepStrictEqual(
      waits.giveUp(() => true),
      { items: [], sources: [] },
    )
  })

  it("the same past a number of files that they wait for", () => {
    const waits = new Waits()
    const images = Array.from({ length: 1_000 }, (_, image) => `${image}.png`)
    for (let file = 0; file < WAITED_FOR / images.length + 1; file++) waiting(waits, `${file}.css`, images)
    assert.strictEqual(waits.size, WAITED_FOR / images.length)
    const ready = images.flatMap((image) => waits.ended(item(image)))
    assert.strictEqual(ready.length, WAITED_FOR / images.length)
    assert.deepStrictEqual(waits.giveUp(() => true).sources, ["site" as SourceName])
    // What they waited for counts no more.
    waiting(waits, "again.css", images)
    assert.strictEqual(waits.size, 1)
  })
})
