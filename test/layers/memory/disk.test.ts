import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import { makeDisk, type MemoryDisk } from "../../../src/layers/memory/disk.ts"
import { integer, oneOf } from "../../domain/arbitraries.ts"

const decoder = new TextDecoder()
const textsIn = (disk: MemoryDisk, directory: string) =>
  Effect.map(disk.files(directory), (files) =>
    Object.fromEntries(Array.from(files, ([path, bytes]) => [path, decoder.decode(bytes)])),
  )
const told = Effect.fnUntraced(function* (disk: MemoryDisk, from = 0) {
  const events = yield* disk.events
  return events
    .slice(from)
    .map((event) => (event._tag === "Moved" ? `Moved ${event.from} ${event.to}` : `${event._tag} ${event.path}`))
})

describe("MemoryDisk", () => {
  it.effect("writes, grows, cuts, moves and removes files, and tells each step", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk
      yield* disk.write("/a/b.txt", "one")
      yield* disk.append("/a/b.txt", " two", { close: false })
      yield* disk.close("/a/b.txt")
      assert.deepStrictEqual(yield* textsIn(disk, "/"), { "a/b.txt": "one two" })
      yield* disk.truncate("/a/b.txt", 2)
      yield* disk.rename("/a/b.txt", "/c/d.txt")
      assert.deepStrictEqual(yield* textsIn(disk, "/"), { "c/d.txt": "on" })
      yield* disk.remove("/c/d.txt")
      yield* disk.rmdir("/c")
      assert.deepStrictEqual(yield* told(disk), [
        "Created /a",
        "Created /a/b.txt",
        "Modified /a/b.txt",
        "Closed /a/b.txt",
        "Modified /a/b.txt",
        "Closed /a/b.txt",
        "Modified /a/b.txt",
        "Created /c",
        "Moved /a/b.txt /c/d.txt",
        "Removed /c/d.txt",
        "Removed /c",
      ])
    }),
  )

  it.effect("refuses what a disk refuses", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk
      yield* disk.write("/d/f", "x")
      yield* disk.fifo("/d/pipe")
      const codes = yield* Effect.forEach(
        [
          disk.remove("/nothing"),
          disk.remove("/d"),
          disk.rmdir("/d"),
          disk.rmdir("/d/f"),
          disk.write("/d", "x"),
          disk.write("/d/f/x", "x"),
          disk.write("/d/pipe", "x"),
          disk.rename("/d", "/d/e"),
          disk.rename("/nothing", "/x"),
          disk.symlink("x", "/d/f"),
          disk.read("/d"),
          disk.read("/nothing"),
        ],
        (operation) => Effect.map(Effect.flip(operation), (error) => error.code),
      )
      assert.deepStrictEqual(codes, [
        "ENOENT",
        "EISDIR",
        "ENOTEMPTY",
        "ENOTDIR",
        "EISDIR",
        "ENOTDIR",
        "EINVAL",
        "EINVAL",
        "ENOENT",
        "EEXIST",
        "EISDIR",
        "ENOENT",
      ])
      assert.deepStrictEqual(yield* textsIn(disk, "/"), { "d/f": "x" })
    }),
  )

  it.effect("takes its time from the clock, and gives every version another", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk
      const mtime = () => {
        const node = disk.at("/f")
        return node?.kind === "file" ? node.mtimeNs : undefined
      }
      yield* TestClock.setTime(5_000)
      yield* disk.write("/f", "a")
      const first = mtime() ?? 0n
      assert.strictEqual(first / 1_000_000n, 5_000n)
      yield* disk.write("/f", "a")
      assert.isAbove(Number((mtime() ?? 0n) - first), 0)
      yield* disk.touch("/f", 42n)
      assert.strictEqual(mtime(), 42n)
    }),
  )

  it.effect("keeps the inode through writing and moving, and gives a new file a new one", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk
      yield* disk.write("/a", "1")
      const inode = disk.at("/a")?.inode
      yield* disk.write("/a", "2")
      yield* disk.rename("/a", "/b")
      assert.strictEqual(disk.at("/b")?.inode, inode)
      yield* disk.write("/a", "3")
      assert.notStrictEqual(disk.at("/a")?.inode, inode)
    }),
  )

  it.effect("follows links as POSIX does, and not in circles", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk
      yield* disk.write("/a/real.txt", "x")
      yield* disk.symlink("../a", "/b/dir")
      yield* disk.symlink("/b/dir/real.txt", "/link")
      yield* disk.symlink("loop", "/loop")
      yield* disk.symlink("nowhere", "/broken")
      assert.strictEqual(disk.follow("/link")?.path, "/a/real.txt")
      assert.strictEqual(disk.follow("/b/dir/../b")?.path, "/b", "the parent of where the link leads")
      assert.isUndefined(disk.follow("/loop"))
      assert.isUndefined(disk.follow("/broken"))
      assert.isUndefined(disk.at("/b/dir/real.txt"), "no link is followed on the way")
    }),
  )

  const operation = Arbitrary.all([
    oneOf(["write", "append", "rename", "remove", "rmdir", "mkdir", "symlink"] as const),
    oneOf(["/a", "/b", "/a/c", "/a/d", "/b/c", "/b/c/e"]),
    oneOf(["/a", "/b", "/a/c", "/a/d", "/b/c", "/x/y"]),
    integer(0, 9),
  ])

  it.effect.prop("replays the same from the same", [Arbitrary.array(operation, { maxLength: 30 })], ([operations]) => {
    const run = Effect.gen(function* () {
      const disk = yield* makeDisk
      yield* disk.setFaults({ latency: 5 })
      for (const [kind, path, other, value] of operations) {
        const doing = {
          write: disk.write(path, `${value}`),
          append: disk.append(path, `${value}`),
          rename: disk.rename(path, other),
          remove: disk.remove(path),
          rmdir: disk.rmdir(path, { recursive: value < 5 }),
          mkdir: disk.mkdir(path),
          symlink: disk.symlink(other, path),
        }[kind]
        yield* Effect.ignore(doing)
      }
      return { texts: yield* textsIn(disk, "/"), events: yield* disk.events }
    })
    return Effect.gen(function* () {
      const first = yield* Random.withSeed(run, "1")
      const second = yield* Random.withSeed(run, "1")
      assert.deepStrictEqual(second, first)
    })
  })

  it.effect.prop(
    "its events alone tell what is there",
    [Arbitrary.array(operation, { maxLength: 30 })],
    ([operations]) =>
      Effect.gen(function* () {
        const disk = yield* makeDisk
        for (const [kind, path, other, value] of operations) {
          const doing = {
            write: disk.write(path, `${value}`),
            append: disk.append(path, `${value}`),
            rename: disk.rename(path, other),
            remove: disk.remove(path),
            rmdir: disk.rmdir(path, { recursive: value < 5 }),
            mkdir: disk.mkdir(path),
            symlink: disk.symlink(other, path),
          }[kind]
          yield* Effect.ignore(doing)
        }
        const names = new Set<string>()
        for (const event of yield* disk.events) {
          if (event._tag === "Created") names.add(event.path)
          if (event._tag === "Removed") names.delete(event.path)
          if (event._tag !== "Moved") continue
          for (const name of Array.from(names)) {
            if (name === event.to || name.startsWith(`${event.to}/`)) names.delete(name)
          }
          for (const name of Array.from(names)) {
            if (name !== event.from && !name.startsWith(`${event.from}/`)) continue
            names.delete(name)
            names.add(event.to + name.slice(event.from.length))
          }
        }
        const there: Array<string> = []
        const visit = (path: string): void => {
          const node = disk.at(path === "" ? "/" : path)
          if (path !== "") there.push(path)
          if (node?.kind === "directory") for (const name of node.entries.keys()) visit(`${path}/${name}`)
        }
        visit("")
        assert.deepStrictEqual(Array.from(names).sort(), there.sort())
      }),
  )
})
