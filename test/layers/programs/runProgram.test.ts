import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { PROGRAM_FILES, PROGRAM_SAID_LINE, PROGRAM_SAID_LINES } from "../../../src/domain/Limits.ts"
import { locateProgram } from "../../../src/layers/programs/locate.ts"
import { inWords, type ProgramLimits, runProgram } from "../../../src/layers/programs/runProgram.ts"
import { temporaryDirectory } from "../disk/temporaryTree.ts"

const linux = process.platform === "linux"
const limits: ProgramLimits = { time: 30_000, memory: 2 ** 30, output: 2 ** 20 }

const node = (directory: string, script: string, some: Partial<Parameters<typeof runProgram>[0]> = {}) => ({
  program: process.execPath,
  parameters: ["-e", script],
  directory,
  nice: 0,
  ...some,
})

/** Waits for a file of a program to say a number. */
const numberIn = (file: string) =>
  Effect.promise(async () => {
    for (const until = Date.now() + 60_000; Date.now() < until;) {
      const number = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0
      if (number > 0) return number
      await new Promise((resume) => setTimeout(resume, 5))
    }
    throw new Error(`nothing in ${file}`)
  })

/** True while a process is there and not only waiting to be buried. */
const runs = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return !linux || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
}

/** A program that starts another, tells the pids of both, and waits for ever. */
const family = (last: string) => `
  const { spawn } = require("node:child_process")
  const { writeFileSync } = require("node:fs")
  const child = spawn(process.execPath, ["-e", ${JSON.stringify(last)}], { stdio: "inherit" })
  writeFileSync("child", String(child.pid))
  writeFileSync("parent", String(process.pid))
  setInterval(() => {}, 1000)
`

describe("a program", () => {
  it.live("ends with its code and its last words, errors before output", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const spoken = yield* runProgram(node(directory, `console.log("out"); process.exit(3)`), limits)
      assert.strictEqual(inWords(spoken), "exit code 3: out")
      const failed = yield* runProgram(node(directory, `console.log("out"); console.error("err")`), limits)
      assert.deepStrictEqual([failed.code, inWords(failed)], [0, "exit code 0: err"])
      const silent = yield* runProgram(node(directory, `process.kill(process.pid, "SIGTERM")`), limits)
      assert.strictEqual(inWords(silent), "signal SIGTERM, without a word")
    }),
  )

  it.live("says a bounded amount, on one line, with nothing in it that acts on a terminal", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const script = `
        for (let line = 0; line < 20000; line++) console.error("line " + line)
        process.stderr.write(Buffer.from([0x1b, 0x5b, 0x33, 0x31, 0x6d, 0xff, 0x0a]))
        console.error("x".repeat(5000))
        process.exitCode = 1
      `
      const said = inWords(yield* runProgram(node(directory, script), limits))
      assert.isBelow(said.length, PROGRAM_SAID_LINES * (PROGRAM_SAID_LINE + 10) + 20)
      assert.include(said, "line 19999 | \\x1b[31m\\xff | xxx")
      assert.isFalse([...said].some((char) => char < " " || (char >= "\ud800" && char <= "\udfff")))
    }),
  )

  it.live("sees four variables of the environment, and works in its own directory", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      process.env["FILE_CONVEYOR_TEST_SECRET"] = "secret"
      const script = `require("node:fs").writeFileSync("seen", JSON.stringify([process.env, process.cwd()]))`
      yield* runProgram(node(directory, script), limits)
      delete process.env["FILE_CONVEYOR_TEST_SECRET"]
      const [environment, cwd] = JSON.parse(readFileSync(`${directory}/seen`, "utf8"))
      assert.includeMembers(["PATH", "HOME", "LANG", "TMPDIR"], Object.keys(environment))
      assert.strictEqual(environment.TMPDIR, directory)
      assert.strictEqual(environment.PATH, process.env["PATH"])
      assert.strictEqual(cwd, directory)
    }),
  )

  it.live("reads and writes files as its standard input and output", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const bytes = Buffer.from([0, 255, 10, 13, 128])
      writeFileSync(`${directory}/in`, bytes)
      const ended = yield* runProgram(
        node(directory, `process.stdin.pipe(process.stdout)`, {
          stdin: `${directory}/in`,
          stdout: `${directory}/out`,
        }),
        limits,
      )
      assert.strictEqual(ended.code, 0)
      assert.deepStrictEqual(readFileSync(`${directory}/out`), bytes)
      const none = yield* runProgram(node(directory, `process.stdin.on("end", () => process.exit(7)).resume()`), limits)
      assert.strictEqual(none.code, 7, "without a file its input is empty")
    }),
  )

  it.live("that can not be started says why", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      writeFileSync(`${directory}/broken`, "#!/no/such/interpreter\n", { mode: 0o755 })
      const broken = yield* Effect.match(
        runProgram({ ...node(directory, ""), program: `${directory}/broken` }, limits),
        {
          onSuccess: inWords,
          onFailure: ({ message }) => message,
        },
      )
      assert.match(broken, /can not be started \(ENOENT\)|^exit code 127: .*broken: No such file or directory$/)
      const gone = yield* Effect.flip(runProgram(node(`${directory}/gone`, ""), limits))
      assert.include(gone.message, "can not be started (ENOENT)")
    }),
  )

  it.live("that takes too long is killed with all that it started", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      // A shell begins at once, so that all of it runs when its time is up, however busy the machine is.
      const stubborn = `trap "" TERM; while :; do sleep 60; done`
      const script = `(${stubborn}) & echo $! > child; echo $$ > parent; ${stubborn}`
      const begun = Date.now()
      const shell = { ...node(directory, ""), program: "/bin/sh", parameters: ["-c", script] }
      const error = yield* Effect.flip(runProgram(shell, { ...limits, time: 1500 }))
      assert.include(error.message, "had not ended after 2 s. Raise timeout")
      assert.isBelow(Date.now() - begun, limits.time)
      for (const name of ["parent", "child"]) {
        assert.isFalse(runs(Number(readFileSync(`${directory}/${name}`, "utf8"))), name)
      }
    }),
  )

  it.live("that is not wanted any more is killed with all that it started", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const fiber = yield* Effect.forkChild(runProgram(node(directory, family("setInterval(() => {}, 1000)")), limits))
      const pids = [yield* numberIn(`${directory}/parent`), yield* numberIn(`${directory}/child`)]
      assert.deepStrictEqual(pids.map(runs), [true, true])
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(pids.map(runs), [false, false])
    }),
  )

  it.live("that ends leaves nothing running, not even what holds its output open", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const script = `
        const child = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" })
        require("node:fs").writeFileSync("child", String(child.pid))
        console.error("bye")
        process.exit(0)
      `
      // Waiting for what it left would never end.
      const ended = yield* runProgram(node(directory, script), limits)
      assert.strictEqual(inWords(ended), "exit code 0: bye")
      assert.isFalse(runs(Number(readFileSync(`${directory}/child`, "utf8"))))
    }),
  )

  it.live.skipIf(!linux)("that uses too much memory is killed, also when a program that it started does", () =>
    Effect.gen(function* () {
      const eat = `const kept = []; setInterval(() => kept.push(Buffer.alloc(20e6, 1)), 10)`
      for (const script of [eat, family(eat)]) {
        const directory = yield* temporaryDirectory
        const error = yield* Effect.flip(runProgram(node(directory, script), { ...limits, memory: 300 * 2 ** 20 }))
        assert.include(error.message, "used more than 300 MiB of memory. Raise memory")
      }
    }),
  )

  it.live.skipIf(!linux)("may reserve far more memory than it uses", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const script = `new WebAssembly.Memory({ initial: 1, maximum: 65536 }); setTimeout(() => {}, 300)`
      const ended = yield* runProgram(node(directory, script), { ...limits, memory: 120 * 2 ** 20 })
      assert.strictEqual(ended.code, 0)
    }),
  )

  it.live("that writes too much is killed, wherever in its directory", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      mkdirSync(`${directory}/deep`)
      writeFileSync(`${directory}/given`, Buffer.alloc(2 ** 20 + 1))
      const fill = `setInterval(() => require("node:fs").appendFileSync("deep/made", Buffer.alloc(1e5)), 5)`
      const error = yield* Effect.flip(runProgram(node(directory, fill), limits))
      assert.include(error.message, "written more than 1 MiB. Raise maxOutput")
      const print = `const more = () => process.stdout.write(Buffer.alloc(1e5), more); more()`
      const printed = yield* Effect.flip(
        runProgram(node(directory, print, { stdout: `${directory}/printed` }), { ...limits, output: 3e6 }),
      )
      assert.include(printed.message, "written more than 3 MiB")
    }),
  )

  it.live("that wrote too much at once before it ended fails as well", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const script = `require("node:fs").writeFileSync("made", Buffer.alloc(2e6))`
      const error = yield* Effect.flip(runProgram(node(directory, script), limits))
      assert.include(error.message, "written more than 1 MiB")
    }),
  )

  it.live("that makes too many files is killed", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const script = `for (let file = 0; ; file++) require("node:fs").writeFileSync(String(file), "")`
      const error = yield* Effect.flip(runProgram(node(directory, script), limits))
      assert.include(error.message, `written more than ${PROGRAM_FILES} files`)
      assert.isAbove(readdirSync(directory).length, PROGRAM_FILES)
    }),
  )

  it.live.skipIf(!linux)("gives way as it was told, and is the first to go when memory runs out", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const hasSessions = existsSync("/proc/self/autogroup")
      const script = `
        const { readFileSync, writeFileSync } = require("node:fs")
        const look = () => {
          const session = ${hasSessions} ? readFileSync("/proc/self/autogroup", "utf8").trim().split(" nice ")[1] : "7"
          if (session !== "7") return setTimeout(look, 20)
          writeFileSync("seen", JSON.stringify([require("node:os").getPriority(), readFileSync("/proc/self/oom_score_adj", "utf8").trim()]))
        }
        look()
      `
      yield* runProgram(node(directory, script, { nice: 7 }), limits)
      assert.deepStrictEqual(JSON.parse(readFileSync(`${directory}/seen`, "utf8")), [7, "500"])
    }),
  )
})

describe("programs are found", () => {
  it.live("by their whole path, or in the directories of PATH, those that can be executed only", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      for (const [name, mode] of [
        ["one/tool", 0o644],
        ["two/tool", 0o755],
        ["one/data", 0o644],
      ] as const) {
        mkdirSync(`${directory}/${name.slice(0, 3)}`, { recursive: true })
        writeFileSync(`${directory}/${name}`, "#!/bin/sh\n")
        chmodSync(`${directory}/${name}`, mode)
      }
      const before = process.env["PATH"]
      yield* Effect.acquireRelease(
        Effect.sync(() => (process.env["PATH"] = `.::two:${directory}/one:${directory}/two`)),
        () => Effect.sync(() => (process.env["PATH"] = before)),
      )
      assert.strictEqual(yield* locateProgram("tool"), `${directory}/two/tool`)
      assert.strictEqual(yield* locateProgram(`${directory}/two/tool`), `${directory}/two/tool`)
      const missing = yield* Effect.flip(locateProgram("no-such-tool"))
      assert.strictEqual(
        missing.message,
        `there is no program "no-such-tool" in the directories of PATH (${directory}/one:${directory}/two). Install it, or write its whole path`,
      )
      assert.include((yield* Effect.flip(locateProgram("data"))).message, "may not be executed by this user")
      assert.include((yield* Effect.flip(locateProgram(directory))).message, "there is no program")
      const told = yield* Effect.flip(locateProgram("/no/such/tool", "Get it from the shop"))
      assert.strictEqual(told.message, 'there is no program "/no/such/tool". Get it from the shop')
    }),
  )
})
