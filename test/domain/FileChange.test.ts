import { assert, describe, it } from "@effect/vitest"
import { type ChangeKind, merge } from "../../src/domain/FileChange.ts"

const kinds: ReadonlyArray<ChangeKind> = ["complete", "growing", "gone", "listing", "tree"]
const isFile = (kind: ChangeKind): boolean => kind !== "listing" && kind !== "tree"

/** Rows: the earlier hint; columns: the later one, in the order of `kinds`. */
const table: Record<ChangeKind, ReadonlyArray<ChangeKind>> = {
  complete: ["complete", "growing", "gone", "tree", "tree"],
  growing: ["complete", "growing", "gone", "tree", "tree"],
  gone: ["complete", "growing", "gone", "tree", "tree"],
  listing: ["tree", "tree", "tree", "listing", "tree"],
  tree: ["tree", "tree", "tree", "tree", "tree"],
}

/** The look that a hint asks for, as a set: a tree takes in the name itself and everything below it. */
const looks = (kind: ChangeKind): ReadonlySet<string> =>
  new Set(kind === "tree" ? ["name", "entries", "below"] : kind === "listing" ? ["entries"] : ["name"])

describe("FileChange.merge", () => {
  for (const earlier of kinds) {
    for (const [index, later] of kinds.entries()) {
      it(`${earlier}, then ${later}`, () => {
        const merged = merge(earlier, later)
        assert.strictEqual(merged, table[earlier][index])
        for (const look of [...looks(earlier), ...looks(later)]) assert.isTrue(looks(merged).has(look), look)
        if (isFile(earlier) && isFile(later)) assert.strictEqual(merged, later, "what the disk says now")
      })
    }
  }

  it("gives the same however the hints are grouped", () => {
    for (const a of kinds) {
      for (const b of kinds) {
        for (const c of kinds) {
          assert.strictEqual(merge(merge(a, b), c), merge(a, merge(b, c)), `${a}, ${b}, ${c}`)
        }
      }
    }
  })

  it("gives the same when a hint is told twice", () => {
    for (const kind of kinds) assert.strictEqual(merge(kind, kind), kind)
  })
})
