import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { Source } from "../../../src/domain/Config.ts"
import { MEMORY_CHUNK } from "../../../src/domain/Limits.ts"
import type { FileState } from "../../../src/domain/FileState.ts"
import { type RelativePath, root } from "../../../src/domain/Path.ts"
import { makeDisk } from "../../../src/layers/memory/disk.ts"
import { makeSourceFiles } from "../../../src/layers/memory/sourceFiles.ts"
import { testSource } from "../../../src/layers/memory/world.ts"

const at = (path: string) => path as RelativePath

const prepare = Effect.fnUntraced(function* (settings?: Partial<Source>) {
  const disk = yield* makeDisk
  const source = testSource("site", "/site", { ignoredDirs: new Set([".git"]), ...settings })
  yield* disk.write("/site/a.css", "body{}")
  yield* disk.write("/site/sub/b.css", "p{}")
  yield* disk.write("/site/.git/config", "secret")
  yield* disk.write("/outside/x", "secret")
  yield* disk.symlink("a.css", "/site/link.css")
  yield* disk.symlink("/outside/x", "/site/out.css")
  yield* disk.symlink("sub", "/site/dir")
  yield* disk.symlink(".git/config", "/site/ignored.css")
  yield* disk.symlink("nowhere", "/site/broken.css")
  yield* disk.fifo("/site/pipe")
  const files = makeSourceFiles(disk)
  const stat = (path: string) => files.stat(source, at(path))
  const stateOf = (path: string) => Effect.map(stat(path), (state) => state as FileState)
  return { disk, source, files, stat, stateOf }
})

describe("SourceFiles in memory", () => {
  it.effect("stat tells files and delivered links, and nothing of anything else", () =>
    Effect.gen(function* () {
      const { disk, stat } = yield* prepare()
      const node = disk.at("/site/a.css")
      assert.strictEqual((yield* stat("a.css"))?.size, 6)
      assert.strictEqual((yield* stat("link.css"))?.inode, node?.inode)
      for (const path of [
        "",
        "sub",
        "nothing",
        "pipe",
        "out.css",
        "dir",
        "dir/b.css",
        "ignored.css",
        "broken.css",
        ".git/config",
      ]) {
        assert.isUndefined(yield* stat(path), path)
      }
    }),
  )

  it.effect("list gives every entry once, links with where they lead, and never enters ignored directories", () =>
    Effect.gen(function* () {
      const { files, source } = yield* prepare()
      const [top, sub, missing, file, linked, ignored] = yield* files.list(
        source,
        ["", "sub", "nothing", "a.css", "dir", ".git"].map(at),
      )
      assert.deepStrictEqual(top?.entries?.map(({ kind, name }) => `${kind} ${name}`).sort(), [
        "directory sub",
        "file a.css",
        "file link.css",
        "other pipe",
        "skipped broken.css",
        "skipped dir",
        "skipped ignored.css",
        "skipped out.css",
      ])
      assert.deepStrictEqual(top?.links, [{ link: at("link.css"), target: at("a.css") }])
      assert.deepStrictEqual(
        sub?.entries?.map(({ name }) => name),
        ["b.css"],
      )
      for (const none of [missing, file, linked, ignored]) assert.isUndefined(none?.entries, none?.directory)
    }),
  )

  it.effect("skips all links where it is asked to", () =>
    Effect.gen(function* () {
      const { files, source, stat } = yield* prepare({ symlinks: "skip" })
      assert.isUndefined(yield* stat("link.css"))
      const [top] = yield* files.list(source, [root])
      assert.deepStrictEqual(top?.links, [])
      assert.strictEqual(top?.entries?.find(({ name }) => name === "link.css")?.kind, "skipped")
    }),
  )

  it.effect("content is read anew each time, and only of the version that was meant", () =>
    Effect.gen(function* () {
      const { disk, files, source, stateOf } = yield* prepare()
      const content = files.content(source, at("a.css"), yield* stateOf("a.css"))
      for (const _ of [1, 2]) {
        assert.deepStrictEqual(yield* Stream.mkUint8Array(content.bytes), new TextEncoder().encode("body{}"))
      }
      yield* disk.write("/site/a.css", "BODY{}")
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(content.bytes))).reason, "Changed")
      yield* disk.remove("/site/a.css")
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(content.bytes))).reason, "Vanished")
    }),
  )

  it.effect("content that changes while it is read fails at its end at the latest", () =>
    Effect.gen(function* () {
      const { disk, files, source, stateOf } = yield* prepare()
      for (const change of [
        disk.append("/site/big", "x"),
        disk.truncate("/site/big", 10),
        disk.touch("/site/big"),
        disk.write("/site/big", new Uint8Array(3 * MEMORY_CHUNK).fill(2)),
      ]) {
        yield* disk.write("/site/big", new Uint8Array(3 * MEMORY_CHUNK).fill(1))
        const content = files.content(source, at("big"), yield* stateOf("big"))
        let chunks = 0
        const error = yield* Effect.flip(
          Stream.runForEach(content.bytes, () => (chunks++ === 0 ? change : Effect.void)),
        )
        assert.strictEqual(error._tag === "SourceError" ? error.reason : error.code, "Changed")
      }
    }),
  )

  it.effect("an opened file is read to its end even when its name goes away", () =>
    Effect.gen(function* () {
      const { disk, files, source, stateOf } = yield* prepare()
      yield* disk.write("/site/big", new Uint8Array(3 * MEMORY_CHUNK))
      const content = files.content(source, at("big"), yield* stateOf("big"))
      let bytes = 0
      yield* Stream.runForEach(content.bytes, (chunk) => {
        const first = bytes === 0
        bytes += chunk.length
        return first ? disk.remove("/site/big") : Effect.void
      })
      assert.strictEqual(bytes, 3 * MEMORY_CHUNK)
    }),
  )

  it.effect("remove deletes this version and no other; of a link, the link", () =>
    Effect.gen(function* () {
      const { disk, files, source, stateOf } = yield* prepare()
      const old = yield* stateOf("a.css")
      yield* files.remove(source, at("link.css"), old)
      assert.isUndefined(disk.at("/site/link.css"))
      assert.isDefined(disk.at("/site/a.css"))
      yield* disk.touch("/site/a.css")
      assert.strictEqual((yield* Effect.flip(files.remove(source, at("a.css"), old))).reason, "Changed")
      yield* files.remove(source, at("a.css"), yield* stateOf("a.css"))
      assert.isUndefined(disk.at("/site/a.css"))
      yield* files.remove(source, at("a.css"), old)
      assert.strictEqual((yield* Effect.flip(files.remove(source, at("sub"), old))).reason, "Changed")
      assert.isDefined(disk.at("/site/sub"))
    }),
  )

  it.effect("says what may not be read, and that the disk failed", () =>
    Effect.gen(function* () {
      const { disk, files, source, stat, stateOf } = yield* prepare()
      const state = yield* stateOf("a.css")
      yield* disk.setFaults({ unreadable: new Set(["/site/sub", "/site/a.css"]), broken: new Set(["/site/link.css"]) })
      assert.strictEqual((yield* Effect.flip(stat("sub/b.css"))).reason, "Unreadable")
      assert.strictEqual((yield* Effect.flip(stat("link.css"))).reason, "Failed")
      assert.deepStrictEqual(yield* stat("a.css"), state, "the directory tells its size")
      const content = files.content(source, at("a.css"), state)
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(content.bytes))).reason, "Unreadable")
      const [sub] = yield* files.list(source, [at("sub")])
      assert.strictEqual(sub?.unreadable, "EACCES")
      assert.isDefined(sub?.entries, "it exists")
    }),
  )

  it.effect("knows the root by its identity", () =>
    Effect.gen(function* () {
      const { disk, files, source } = yield* prepare()
      const before = yield* files.identity(source)
      yield* disk.rename("/site", "/away")
      assert.isUndefined(yield* files.identity(source))
      yield* disk.mkdir("/site")
      assert.notStrictEqual(yield* files.identity(source), before)
      yield* disk.rmdir("/site")
      yield* disk.rename("/away", "/site")
      assert.strictEqual(yield* files.identity(source), before)
    }),
  )

  it.effect("a look takes as long as the disk does", () =>
    Effect.gen(function* () {
      const { disk, stat } = yield* prepare()
      yield* disk.setFaults({ latency: 1_000 })
      const fiber = yield* Effect.forkChild(stat("a.css"), { startImmediately: true })
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1_000)
      assert.strictEqual((yield* Fiber.join(fiber))?.size, 6)
    }),
  )
})
