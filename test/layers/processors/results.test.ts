/** Results of processors that are kept: found again, never wrong, never too many, and never in the way. */
import { spawnSync } from "node:child_process"
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Stream } from "effect"
import type { RelativePath } from "../../../src/domain/Path.ts"
import type { ProcessorUse } from "../../../src/domain/Rule.ts"
import { type Content, SourceFiles } from "../../../src/domain/SourceFiles.ts"
import { DiskWorkers, layerDiskWorkers } from "../../../src/layers/disk/DiskWorkers.ts"
import { processors } from "../../../src/layers/processors/layer.ts"
import { type Kept, makeResultFiles, type ResultFiles } from "../../../src/layers/processors/resultFiles.ts"
import { layerWorkspace } from "../../../src/layers/processors/workspace.ts"
import { layerLocal } from "../../../src/layers/sourceFiles/local.ts"
import { makeServers } from "../../../src/testing.ts"
import { makeProcess } from "../../../src/streams/process.ts"
import { booksOf } from "../../../src/streams/shared.ts"
import { testConfig, testRule } from "../../support/conveyor.ts"
import { everythingBelow, temporaryDirectory, write } from "../disk/temporaryTree.ts"

const poison = fileURLToPath(new URL("../../fixtures/poison.mjs", import.meta.url))

interface World {
  readonly top: string
  /** Runs files through a chain, in one life of the daemon; their bytes as text, and base names. */
  readonly life: (
    chain: ReadonlyArray<string>,
    paths: ReadonlyArray<string>,
    bytes?: number,
    headers?: boolean,
  ) => Effect.Effect<ReadonlyArray<readonly [baseName: string, text: string]>>
  /** Suffixes and texts of what came beside the last file. */
  readonly beside: () => ReadonlyArray<readonly [suffix: string, text: string]>
  /** Paths of files that a processor has run on, once for each run. */
  readonly runs: () => ReadonlyArray<string>
  readonly cached: () => ReadonlyArray<string>
}

const world = Effect.map(temporaryDirectory, (top): World => {
  const log = `${top}/log`
  const uses = (chain: ReadonlyArray<string>): ReadonlyArray<ProcessorUse> =>
    chain.map((name) =>
      name.startsWith("command.Run ")
        ? { name: "command.Run", settings: { command: name.slice(12) } }
        : name.includes(".")
          ? { name, settings: {} }
          : { name: `${poison}#${name}`, settings: { log } },
    )
  let beside: ReadonlyArray<readonly [suffix: string, text: string]> = []
  return {
    top,
    beside: () => beside,
    life: (chain, paths, bytes = 1_000_000, headers = false) =>
      Effect.gen(function* () {
        const rule = testRule("all", ["cdn"], { chain: uses(chain) })
        const config = testConfig({
          servers: ["cdn"],
          rules: [rule],
          settings: { processorCache: bytes },
          source: { root: `${top}/site`, scanPath: `${top}/site` },
        })
        const context = yield* Layer.build(
          Layer.mergeAll(
            layerWorkspace({ directory: `${top}/work` }),
            layerLocal,
            (yield* makeServers([{ name: "cdn", capabilities: { headers } }])).layer,
            processors({ ...config, file: `${top}/config.xml` }, { cacheDirectory: `${top}/work/cache` }),
          ).pipe(Layer.provide(layerDiskWorkers())),
        )
        const book = booksOf(config).get(rule.source)
        const [destination] = rule.destinations
        if (book === undefined || destination === undefined) return yield* Effect.die("no rule")
        const files = Context.get(context, SourceFiles)
        const process = yield* Effect.provide(makeProcess(), context)
        const { server } = destination
        return yield* Effect.forEach(
          paths,
          Effect.fnUntraced(function* (name) {
            const path = name as RelativePath
            const state = yield* files.stat(book.source, path)
            if (state === undefined) return yield* Effect.die(`no ${name}`)
            const processed = yield* process({ book, path, state, rule, server })
            const textOf = (content: Content) =>
              Effect.map(Stream.runCollect(content.bytes), (pieces) => Buffer.concat(pieces).toString())
            beside = yield* Effect.forEach(processed.companions, ({ content, suffix }) =>
              Effect.map(textOf(content), (text) => [suffix, text] as const),
            )
            return [processed.baseName, yield* textOf(processed.content)] as const
          }, Effect.scoped),
        )
      }).pipe(Effect.scoped, Effect.orDie),
    runs: () => (existsSync(log) ? readFileSync(log, "utf8").split("\n").slice(0, -1) : []),
    cached: () =>
      existsSync(`${top}/work/cache`) ? everythingBelow(`${top}/work/cache`).filter((path) => !path.endsWith("/")) : [],
  }
})

const bytesFile = (at: World) => `${at.top}/work/cache/${at.cached().find((path) => path.endsWith(".bytes")) ?? ""}`

describe("results that are kept", () => {
  it.live("serve the same content with another time, in the next life of the daemon too", () =>
    Effect.gen(function* () {
      const at = yield* world
      write(`${at.top}/site/a.txt`, "one", 1_600_000_000)
      const chain = ["Counting", "unique_filename.Mtime"]
      const first = yield* at.life(chain, ["a.txt"])
      assert.deepStrictEqual(first, [["a_1600000000.txt", "one processed"]])
      write(`${at.top}/site/a.txt`, "one", 1_600_000_777)
      const second = yield* at.life(chain, ["a.txt", "a.txt"])
      const expected = ["a_1600000777.txt", "one processed"] as const
      assert.deepStrictEqual(second, [expected, expected])
      assert.deepStrictEqual(at.runs(), ["a.txt"])
      assert.strictEqual(statSync(`${at.top}/work/cache`).mode & 0o777, 0o700)
    }),
  )

  it.live("are of one content, one path, one chain and its settings", () =>
    Effect.gen(function* () {
      const at = yield* world
      write(`${at.top}/site/a.txt`, "one")
      write(`${at.top}/site/b/a.txt`, "one")
      yield* at.life(["Counting"], ["a.txt", "b/a.txt"])
      assert.deepStrictEqual(at.runs(), ["a.txt", "b/a.txt"])
      write(`${at.top}/site/a.txt`, "two")
      assert.deepStrictEqual(yield* at.life(["Counting"], ["a.txt"]), [["a.txt", "two processed"]])
      // A step that was added behind reuses those before it, and works on what they made.
      const longer = yield* at.life(["Counting", "Same", "Counting"], ["a.txt", "a.txt"])
      assert.deepStrictEqual(longer[0], ["same-a.txt", "two processed processed"])
      assert.deepStrictEqual(longer[1], longer[0])
      assert.deepStrictEqual(at.runs(), ["a.txt", "b/a.txt", "a.txt", "a.txt", "a.txt"])
    }),
  )

  it.live("come with what is published beside a file, for servers of the same kind only", () =>
    Effect.gen(function* () {
      const at = yield* world
      write(`${at.top}/site/a.txt`, "one")
      const expected: ReturnType<World["beside"]> = [
        [".x", "beside one"],
        [".y", "one"],
      ]
      for (const time of [1_600_000_000, 1_600_000_777]) {
        write(`${at.top}/site/a.txt`, "one", time)
        assert.deepStrictEqual(yield* at.life(["Beside"], ["a.txt"]), [["a.txt", "one"]])
        assert.deepStrictEqual(at.beside(), expected)
      }
      assert.deepStrictEqual(at.runs(), ["a.txt"])
      yield* at.life(["Beside"], ["a.txt"], undefined, true)
      assert.deepStrictEqual(at.beside(), [])
      assert.strictEqual(at.runs().length, 2)
      // What is beside it was evicted, or is damaged: all is made again.
      writeFileSync(bytesFile(at), "beside two")
      yield* at.life(["Beside"], ["a.txt"])
      assert.deepStrictEqual(at.beside(), expected)
      assert.strictEqual(at.runs().length, 3)
      yield* at.life(["Beside"], ["a.txt"])
      assert.deepStrictEqual(at.beside(), expected)
      assert.strictEqual(at.runs().length, 3)
    }),
  )

  it.live("are what compress makes", () =>
    Effect.gen(function* () {
      const at = yield* world
      write(`${at.top}/site/a.txt`, "one ".repeat(1_000))
      yield* at.life(["compress.Gzip"], ["a.txt"])
      const first = at.beside()
      assert.deepStrictEqual(
        first.map(([suffix]) => suffix),
        [".gz"],
      )
      assert.strictEqual(at.cached().filter((path) => path.endsWith(".json")).length, 2)
      yield* at.life(["compress.Gzip"], ["a.txt"])
      assert.deepStrictEqual(at.beside(), first)
      assert.strictEqual(at.cached().length, 3)
    }),
  )

  it.live("are not what a program makes: it may make something else each time", () =>
    Effect.gen(function* () {
      const at = yield* world
      write(`${at.top}/site/a.txt`, "one")
      write(`${at.top}/tool`, `#!/bin/sh\necho run >> ${at.top}/log\ncat\n`)
      chmodSync(`${at.top}/tool`, 0o755)
      yield* at.life([`command.Run ${at.top}/tool`], ["a.txt", "a.txt"])
      assert.deepStrictEqual(at.runs(), ["run", "run"])
      assert.deepStrictEqual(at.cached(), [])
    }),
  )

  it.live("are not of processors that looked at the state, live beside the config, or may not be kept now", () =>
    Effect.gen(function* () {
      const at = yield* world
      write(`${at.top}/site/a.txt`, "one")
      for (const name of ["Looking", "Unkept", "PerServer", "Versioned"]) {
        const before = at.runs().length
        yield* at.life([name], ["a.txt", "a.txt"])
        assert.strictEqual(at.runs().length - before, 2, name)
      }
      assert.deepStrictEqual(at.cached(), [])
      writeFileSync(`${at.top}/log.version`, "1")
      yield* at.life(["Versioned"], ["a.txt", "a.txt"])
      assert.strictEqual(at.runs().length, 9)
      writeFileSync(`${at.top}/log.version`, "2")
      yield* at.life(["Versioned"], ["a.txt", "a.txt"])
      assert.strictEqual(at.runs().length, 10)
      yield* at.life(["Counting"], ["a.txt", "a.txt"], 0)
      assert.strictEqual(at.runs().length, 12)
    }),
  )

  const damages: ReadonlyArray<readonly [what: string, damage: (at: World) => void]> = [
    ["bytes that changed", (at) => writeFileSync(bytesFile(at), "One processed")],
    ["bytes that are fewer", (at) => truncateSync(bytesFile(at), 3)],
    ["bytes that are more", (at) => appendFileSync(bytesFile(at), "!")],
    ["a record that changed", (at) => rewrite(at, (text) => text.replace("a.txt", "b.txt"))],
    ["a record that is cut short", (at) => rewrite(at, (text) => text.slice(0, -5))],
    ["an empty record", (at) => rewrite(at, () => "")],
  ]
  const rewrite = (at: World, change: (text: string) => string) => {
    const file = `${at.top}/work/cache/${at.cached().find((path) => path.endsWith(".json")) ?? ""}`
    writeFileSync(file, change(readFileSync(file, "utf8")))
  }
  it.live("that are damaged are made again", () =>
    Effect.gen(function* () {
      const at = yield* world
      write(`${at.top}/site/a.txt`, "one")
      yield* at.life(["Counting"], ["a.txt"])
      for (const [what, damage] of damages) {
        const before = at.runs().length
        damage(at)
        assert.deepStrictEqual(yield* at.life(["Counting"], ["a.txt", "a.txt"]), [
          ["a.txt", "one processed"],
          ["a.txt", "one processed"],
        ])
        assert.strictEqual(at.runs().length - before, 1, what)
      }
    }),
  )

  it.live("can not be kept: that fails nothing", () =>
    Effect.gen(function* () {
      const at = yield* world
      write(`${at.top}/site/a.txt`, "one")
      mkdirSync(`${at.top}/work`, { mode: 0o700 })
      // A file where the directory should be: nothing can be written, whoever runs this.
      writeFileSync(`${at.top}/work/cache`, "")
      const made = yield* at.life(["Counting"], ["a.txt", "a.txt"])
      assert.deepStrictEqual(made[1], ["a.txt", "one processed"])
      assert.strictEqual(at.runs().length, 2)
    }),
  )
})

const kept = (size: number): Kept => ({ baseName: "x", bytes: { sha256: "", size } })
const keyOf = (index: number) => index.toString(16).padStart(64, "0")

describe("the directory of results", () => {
  const open = Effect.fnUntraced(function* (top: string, bytes: number) {
    const context = yield* Layer.build(layerDiskWorkers())
    const disk = Context.get(context, DiskWorkers)
    return yield* makeResultFiles({ directory: `${top}/cache`, bytes, disk })
  })
  const fill = Effect.fnUntraced(function* (files: ResultFiles, top: string, keys: ReadonlyArray<number>) {
    yield* files.settled
    for (const key of keys) {
      writeFileSync(`${top}/made`, Buffer.alloc(1000, key))
      yield* files.keep(keyOf(key), kept(1000), `${top}/made`)
    }
  })
  const keysOf = (top: string) =>
    readdirSync(`${top}/cache/00`)
      .filter((name) => name.endsWith(".bytes"))
      .map((name) => Number.parseInt(name, 16))
      .sort((a, b) => a - b)

  it.live("never holds more than it may; what was not used for longest goes", () =>
    Effect.gen(function* () {
      const top = yield* temporaryDirectory
      const files = yield* open(top, 3_900)
      yield* fill(files, top, [1, 2, 3])
      assert.isDefined(yield* files.find(keyOf(1)))
      yield* fill(files, top, [4])
      assert.deepStrictEqual(keysOf(top), [1, 3, 4])
      assert.isAtMost(files.totals().bytes, 3_900)
      assert.isAtLeast(files.totals().bytes, 3_000)
      writeFileSync(`${top}/made`, Buffer.alloc(4_000))
      yield* files.keep(keyOf(9), kept(4_000), `${top}/made`)
      assert.deepStrictEqual(keysOf(top), [1, 3, 4])
    }),
  )

  it.live("knows what earlier runs kept and when it was used, and clears away what they left unfinished", () =>
    Effect.gen(function* () {
      const top = yield* temporaryDirectory
      yield* fill(yield* open(top, 100_000), top, [1, 2, 3, 4])
      const day = 86_400
      for (const key of [1, 2, 3, 4]) {
        const usedAt = Date.now() / 1000 - (key === 1 ? 1 : key) * day
        utimesSync(`${top}/cache/00/${keyOf(key)}.json`, usedAt, usedAt)
      }
      for (const left of [".99-1", `${keyOf(7)}.bytes`]) {
        writeFileSync(`${top}/cache/00/${left}`, "")
        utimesSync(`${top}/cache/00/${left}`, 1, 1)
      }
      const files = yield* open(top, 3_900)
      yield* files.settled
      assert.deepStrictEqual(keysOf(top), [1, 2, 3])
      assert.strictEqual(files.totals().results, 3)
      assert.isFalse(existsSync(`${top}/cache/00/.99-1`))
      yield* fill(files, top, [5])
      assert.deepStrictEqual(keysOf(top), [1, 2, 5])
    }),
  )

  it.live("gives way when the disk is full", (context) =>
    Effect.gen(function* () {
      if (process.getuid?.() !== 0 || process.platform !== "linux") return context.skip("needs root on Linux")
      const top = yield* temporaryDirectory
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", top]).status === 0
      if (!mounted) return context.skip("may not mount")
      yield* Effect.addFinalizer(() => Effect.sync(() => spawnSync("umount", ["-l", top])))
      const files = yield* open(top, 100_000)
      yield* fill(files, top, [1, 2, 3, 4])
      writeFileSync(`${top}/made`, Buffer.alloc(1000))
      assert.throws(() => writeFileSync(`${top}/filler`, Buffer.alloc(200_000)), /ENOSPC/)
      const error = yield* Effect.flip(files.keep(keyOf(5), kept(1000), `${top}/made`))
      assert.strictEqual(error.code, "ENOSPC")
      assert.deepStrictEqual(keysOf(top), [2, 3, 4])
      assert.strictEqual(readdirSync(`${top}/cache/00`).filter((name) => name.startsWith(".")).length, 0)
      yield* fill(files, top, [6])
      assert.include(keysOf(top), 6)
    }),
  )
})
