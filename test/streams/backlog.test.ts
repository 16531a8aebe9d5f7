import * as v8 from "node:v8"
import * as vm from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import { type RelativePath, root, type SourceName } from "../../src/domain/Path.ts"
import { Backlog, directory, type Item, ItemQueue, listed, urgent } from "../../src/streams/backlog.ts"

const source = "site" as SourceName
const path = (text: string) => text as RelativePath
const takeAll = (backlog: Backlog) => {
  const items = []
  for (let item = backlog.take(); item !== undefined; item = backlog.take()) items.push(`${item.kind} ${item.path}`)
  return items
}

describe("Backlog", () => {
  it("gives each path once, urgent ones first, each kind oldest first", () => {
    const backlog = new Backlog()
    backlog.add(listed(source, path("b"), undefined))
    backlog.add(listed(source, path("a"), undefined))
    backlog.add(urgent(source, path("z")))
    backlog.add(listed(source, path("b"), undefined))
    assert.deepStrictEqual(takeAll(backlog), ["path z", "path a", "path b"])
  })

  it("makes a listed path urgent when somebody asks for it", () => {
    const backlog = new Backlog()
    backlog.add(listed(source, path("a"), undefined))
    backlog.add(listed(source, path("b"), undefined))
    backlog.add(urgent(source, path("b")))
    assert.deepStrictEqual(takeAll(backlog), ["path b", "path a"])
  })

  it("past its bound remembers directories, then whole trees, and forgets nothing", () => {
    const backlog = new Backlog({ paths: 2, directories: 2 })
    for (const name of ["a/1", "a/2", "b/1", "b/2", "c/1"]) backlog.add(listed(source, path(name), undefined))
    assert.isTrue(backlog.isCollapsed)
    assert.strictEqual(backlog.size, 4)
    backlog.add(listed(source, path("d/1"), undefined))
    assert.deepStrictEqual(takeAll(backlog), ["path a/1", "path a/2", `tree ${root}`])
  })

  it("a tree collapse of one source leaves the other's directories alone", () => {
    const other = "other" as SourceName
    const backlog = new Backlog({ paths: 1, directories: 2 })
    backlog.add(directory(other, path("x"), "listing"))
    backlog.add(directory(source, path("a"), "listing"))
    backlog.add(directory(source, path("b"), "listing"))
    assert.deepStrictEqual(takeAll(backlog), ["listing x", `tree ${root}`])
  })

  it("a state that was seen is dropped when there is a later reason to look", () => {
    const backlog = new Backlog()
    backlog.add(listed(source, path("a"), { size: 1, mtimeNs: 1n, inode: 1n, mode: 0o644 }))
    backlog.add(urgent(source, path("a")))
    assert.isUndefined(backlog.take()?.state)
  })

  it("keeps nothing of what went through it", () => {
    v8.setFlagsFromString("--expose-gc")
    const collect = vm.runInNewContext("gc") as () => void
    const used = () => {
      collect()
      return process.memoryUsage().heapUsed
    }
    const ways: Record<string, (queue: ItemQueue, item: Item) => void> = {
      drained: (queue) => void queue.drain(),
      deleted: (queue, { key }) => void queue.delete(key),
      taken: (queue) => void queue.take(),
    }
    for (const [way, leave] of Object.entries(ways)) {
      const queue = new ItemQueue()
      const before = used()
      for (let at = 0; at < 50_000; at++) {
        const item = urgent(source, path(`a${at}`))
        queue.set(item)
        leave(queue, item)
      }
      assert.isBelow(used() - before, 2_000_000, `${way} items`)
      assert.strictEqual(queue.size, 0)
    }
  })
})
