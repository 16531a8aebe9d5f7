/** Poison fails one file, and nothing else. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Stream } from "effect"
import type { RelativePath, ServerName, SourceName } from "../../../src/domain/Path.ts"
import { type ProcessorJob, Workspace } from "../../../src/domain/Processor.ts"
import { SourceFiles } from "../../../src/domain/SourceFiles.ts"
import { DiskContent } from "../../../src/layers/disk/DiskContent.ts"
import { PROCESSOR_NICE, PROCESSOR_SESSION_NICE } from "../../../src/domain/Limits.ts"
import { layerDiskWorkers } from "../../../src/layers/disk/DiskWorkers.ts"
import { makeHost } from "../../../src/layers/processors/isolation/host.ts"
import { layerWorkspace } from "../../../src/layers/processors/workspace.ts"
import { layerLocal } from "../../../src/layers/sourceFiles/local.ts"
import { everythingBelow, sourceAt, temporaryDirectory, until, write } from "../disk/temporaryTree.ts"

const configFile = fileURLToPath(new URL("../../fixtures/config.xml", import.meta.url))
const MIB = 1_048_576

interface Options {
  readonly size?: number
  readonly memory?: number
}

const world = Effect.fnUntraced(function* (options: Options = {}) {
  const top = yield* temporaryDirectory
  const context = yield* Layer.build(
    Layer.merge(layerWorkspace({ directory: `${top}/work` }), layerLocal).pipe(Layer.provide(layerDiskWorkers())),
  )
  const files = Context.get(context, SourceFiles)
  const workspace = Context.get(context, Workspace)
  const host = yield* makeHost({ configFile, size: options.size ?? 2, memory: options.memory ?? 512 * MIB })
  const source = sourceAt(`${top}/site`)
  const warnings: Array<string> = []

  const run = Effect.fnUntraced(function* (
    name: string,
    bytes: string | Uint8Array,
    path = "a file.txt",
    timeLimit = 60_000,
  ) {
    write(`${top}/site/${path}`, bytes)
    const relative = path as RelativePath
    const state = yield* Effect.orDie(files.stat(source, relative))
    if (state === undefined) return yield* Effect.die("the file is not there")
    const place = yield* workspace.open
    const content = files.content(source, relative, state)
    if (!(content instanceof DiskContent)) return yield* Effect.die("not on disk")
    const job: ProcessorJob = {
      source: "site" as SourceName,
      path: relative,
      state,
      baseName: path,
      content,
      server: "cdn" as ServerName,
      read: Effect.die("the process reads by itself"),
      hash: () => Effect.die("the process hashes by itself"),
      write: () => Effect.die("the process writes by itself"),
      directory: place.directory,
      adopt: place.adopt,
      warn: (message) => Effect.sync(() => void warnings.push(message)),
    }
    const use = { name: `./poison.mjs#${name}`, settings: {} }
    const { processed, usedState } = yield* host.run(use, job, content, timeLimit)
    const read = yield* Effect.map(Stream.runCollect(processed.content.bytes), (pieces) => Buffer.concat(pieces))
    return { ...processed, usedState, text: read.toString(), isSame: processed.content === content }
  }, Effect.scoped)

  const failure = (word: string, name = "Poison", timeLimit?: number) =>
    Effect.map(Effect.flip(run(name, word, undefined, timeLimit)), (error) => error.message)
  return { top, host, run, failure, warnings }
})

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe("a processor in a process of its own", () => {
  it.live("gets the whole job, without the daemon's secrets", () =>
    Effect.gen(function* () {
      process.env["POISON_SECRET"] = "hunter2"
      const { run, warnings } = yield* world()
      const made = yield* run("Witness", "hello")
      delete process.env["POISON_SECRET"]
      const [pid, parent, title, variables, server] = made.text.split("\n")
      assert.notStrictEqual(pid, String(process.pid))
      assert.strictEqual(parent, String(process.pid))
      assert.match(title ?? "", /^file-conveyor processor: .*Witness$/)
      assert.include(variables, "PATH")
      assert.notInclude(variables, "POISON_SECRET")
      assert.strictEqual(server, "cdn")
      assert.strictEqual(made.baseName, "2cf24dba-a file.txt")
      assert.deepStrictEqual(made.headers, { "content-encoding": "x" })
      assert.strictEqual(made.uniqueName, true)
      assert.isFalse(made.usedState)
      assert.deepStrictEqual(warnings, ["seen"])
    }),
  )

  it.live.skipIf(process.platform !== "linux")(
    "is less urgent than the daemon, every thread of it, and its session",
    () =>
      Effect.gen(function* () {
        const { run } = yield* world()
        const [pid = ""] = (yield* run("Witness", "hello")).text.split("\n")
        const niceOf = (task: string) =>
          readFileSync(`/proc/${pid}/task/${task}/stat`, "utf8").split(") ")[1]?.split(" ")[16]
        const threads = readdirSync(`/proc/${pid}/task`)
        assert.isAbove(threads.length, 1)
        for (const thread of threads) assert.strictEqual(niceOf(thread), String(PROCESSOR_NICE))
        if (!existsSync(`/proc/${pid}/autogroup`)) return
        const session = () => readFileSync(`/proc/${pid}/autogroup`, "utf8")
        yield* until(() => session().endsWith(` nice ${PROCESSOR_SESSION_NICE}\n`))
      }),
  )

  it.live("takes names that are not UTF-8, and empty files", () =>
    Effect.gen(function* () {
      const { run } = yield* world()
      assert.strictEqual((yield* run("Poison", "x", "a\uDCFF.txt")).text, "x!")
      assert.strictEqual((yield* run("Poison", "")).text, "!")
    }),
  )

  const crashes: ReadonlyArray<readonly [word: string, says: RegExp]> = [
    ["exit", /ended its process \(exit code 0\)/],
    ["abort", /crashed \(SIGABRT\)/],
    ["segfault", /crashed \(SIGSEGV\)/],
    ["later", /exit code 1\): Error: too late/],
  ]
  it.live("that ends its process or crashes fails its file alone", () =>
    Effect.gen(function* () {
      const { failure, run } = yield* world()
      for (const [word, says] of crashes) {
        const other = yield* Effect.forkChild(run("Poison", word.toUpperCase(), "other.txt"))
        const message = yield* failure(word)
        assert.match(message, says)
        assert.include(message, "#Poison on a file.txt: ")
        assert.strictEqual((yield* Fiber.join(other)).text, `${word.toUpperCase()}!`)
      }
      assert.strictEqual((yield* run("Poison", "next")).text, "next!")
    }),
  )

  const mistakes: ReadonlyArray<readonly [word: string, says: RegExp]> = [
    ["throw", /threw no such luck/],
    ["fail", /just text/],
    ["nothing", /returned no processed file/],
    ["no content", /returned no content/],
    ["no name", /returned no base name/],
    ["headers", /returned headers that are not text/],
  ]
  it.live("that throws or returns garbage says so, and its process goes on", () =>
    Effect.gen(function* () {
      const { failure, host, run } = yield* world({ size: 1 })
      const { text } = yield* run("Witness", "")
      for (const [word, says] of mistakes) assert.match(yield* failure(word), says)
      assert.match(yield* failure("x", "NoEffect"), /returned no Effect/)
      assert.strictEqual((yield* run("Witness", "")).text.split("\n")[0], text.split("\n")[0])
      assert.strictEqual(yield* host.processes, 1)
    }),
  )

  it.live("that loops for ever is stopped at its limit; one beside it is not", () =>
    Effect.gen(function* () {
      const { failure, run } = yield* world()
      assert.strictEqual((yield* run("Poison", "warm")).text, "warm!")
      const [message, other] = yield* Effect.all(
        [failure("loop", "Poison", 700), run("Poison", "other", "other.txt")],
        { concurrency: 2 },
      )
      assert.match(message, /#Poison on a file.txt: took longer than 0.7 s and was stopped \(see <processorTimeout>\)/)
      assert.strictEqual(other.text, "other!")
      assert.match(yield* failure("never", "Poison", 700), /took longer/)
      assert.strictEqual((yield* run("Poison", "next")).text, "next!")
    }),
  )

  it.live("that eats memory is stopped, objects and buffers alike", () =>
    Effect.gen(function* () {
      const { failure, run } = yield* world({ size: 1, memory: 200 * MIB })
      const says = /needed more than 200 MiB of memory and was stopped \(see <processorMemory>\)/
      assert.match(yield* failure("heap"), says)
      assert.match(yield* failure("buffers"), says)
      assert.strictEqual((yield* run("Poison", "next")).text, "next!")
    }),
  )

  it.live("does not make the next file pay for what it does afterwards", () =>
    Effect.gen(function* () {
      const { run } = yield* world({ size: 1 })
      assert.strictEqual((yield* run("Poison", "ends afterwards")).text, "ends afterwards!")
      for (const word of ["one", "two", "three"]) assert.strictEqual((yield* run("Poison", word)).text, `${word}!`)
      assert.strictEqual((yield* run("Poison", "hangs afterwards")).text, "hangs afterwards!")
      assert.strictEqual((yield* run("Poison", "four")).text, "four!")
    }),
  )

  it.live("ends with everything that it started when nobody waits any more", () =>
    Effect.gen(function* () {
      const before = process.env["HOME"]
      const { run, top } = yield* world()
      process.env["HOME"] = top
      const fiber = yield* Effect.forkChild(run("Poison", "program"))
      const note = `${top}/program`
      yield* until(() => existsSync(note) && readFileSync(note, "utf8") !== "")
      process.env["HOME"] = before
      const program = Number(readFileSync(note, "utf8"))
      assert.isTrue(isAlive(program))
      yield* Fiber.interrupt(fiber)
      yield* until(() => !isAlive(program))
      assert.deepStrictEqual(
        everythingBelow(`${top}/work`).filter((path) => path.includes("job-")),
        [],
      )
      assert.strictEqual((yield* run("Poison", "next")).text, "next!")
    }),
  )

  it.live("that is interrupted ends in good order where it can, and its process goes on", () =>
    Effect.gen(function* () {
      const { host, run, top } = yield* world({ size: 1 })
      const pidOf = Effect.map(run("Witness", ""), ({ text }) => text.split("\n")[0])
      const pid = yield* pidOf
      const note = `${top}/begun`
      const fiber = yield* Effect.forkChild(run("Poison", `tidy ${note}`))
      yield* until(() => existsSync(note))
      yield* Fiber.interrupt(fiber)
      assert.isFalse(existsSync(note), "its finalizer has run")
      assert.strictEqual(yield* pidOf, pid)
      assert.strictEqual(yield* host.processes, 1)
    }),
  )

  it.live("that is interrupted before it was heard to begin goes on, too", () =>
    Effect.gen(function* () {
      const { run } = yield* world({ size: 1 })
      const pidOf = Effect.map(run("Witness", ""), ({ text }) => text.split("\n")[0])
      const pid = yield* pidOf
      for (let turn = 0; turn < 5; turn++) {
        const fiber = yield* Effect.forkChild(run("Poison", "next"))
        // Five moments in which the word of it may or may not have come back.
        yield* Effect.sleep(turn)
        yield* Fiber.interrupt(fiber)
      }
      assert.strictEqual(yield* pidOf, pid)
    }),
  )

  it.live("is there only while there is work, and never after the Scope", () =>
    Effect.gen(function* () {
      const pids = yield* Effect.scoped(
        Effect.gen(function* () {
          const { host, run } = yield* world({ size: 2 })
          assert.strictEqual(yield* host.processes, 0)
          const words = ["1", "2", "3", "4", "5", "6"]
          const made = yield* Effect.forEach(words, (word) => run("Witness", word, `${word}.txt`), { concurrency: 6 })
          assert.isAtMost(yield* host.processes, 2)
          return made.map(({ text }) => Number(text.split("\n")[0]))
        }),
      )
      assert.isAtMost(new Set(pids).size, 2)
      for (const pid of pids) assert.isFalse(isAlive(pid))
    }),
  )
}, 60_000)
