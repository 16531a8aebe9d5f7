import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs"
import { pathToFileURL } from "node:url"
import path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { DISK_QUEUE } from "../../../src/domain/Limits.ts"
import { DiskWorkers, layerDiskWorkers } from "../../../src/layers/disk/DiskWorkers.ts"
import { Pool } from "../../../src/layers/disk/pool.ts"
import type { Outcome } from "../../../src/layers/disk/thread.ts"
import { workerEntry } from "../../../src/layers/workerEntry.ts"
import { temporaryDirectory, until, write } from "./temporaryTree.ts"

const started = Math.round(performance.timeOrigin)
const entry = workerEntry("layers/disk/DiskWorkers")
const real = new URL("./disk.worker.js", entry)

/** A worker that speaks the protocol as `body` says; `port` and `flags` are at hand, `requests` is what came. */
const workerSaying = (directory: string, body: string): URL => {
  const file = path.join(directory, "worker.mjs")
  writeFileSync(
    file,
    `import { parentPort as port, workerData } from "node:worker_threads"
     import { appendFileSync, existsSync } from "node:fs"
     const flags = new Int32Array(workerData.flags)
     const log = (line) => appendFileSync(${JSON.stringify(path.join(directory, "log"))}, line + "\\n")
     const had = []
     port.on("message", (requests) => { ${body} })`,
  )
  return pathToFileURL(file)
}
const logged = (directory: string) =>
  existsSync(`${directory}/log`) ? readFileSync(`${directory}/log`, "utf8").split("\n").slice(0, -1) : []

const poolOf = (entry: URL, size: number, rest: { readonly stuck?: number } = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => new Pool({ entry, size, started, ...rest })),
    (pool) => Effect.promise(() => pool.close()),
  )

const identity = (location: string) => Effect.flatMap(DiskWorkers, (disk) => disk.run("identity", { location }))

describe("disk workers", () => {
  it.live("start with the first request, and end with the Scope", () =>
    Effect.gen(function* () {
      const pool = yield* poolOf(real, 2)
      assert.strictEqual(pool.threads, 0)
      const outcome = yield* Effect.callback<Outcome>((resume) => {
        pool.submit("identity", { location: "/" }, 0, (outcome) => resume(Effect.succeed(outcome)))
      })
      assert.isTrue(outcome.ok)
      assert.strictEqual(pool.threads, 1)
      yield* Effect.promise(() => pool.close())
      assert.strictEqual(pool.threads, 0)
      const late = yield* Effect.callback<Outcome>((resume) => {
        pool.submit("identity", { location: "/" }, 0, (outcome) => resume(Effect.succeed(outcome)))
      })
      assert.deepInclude(late, { ok: false })
    }),
  )

  it.live("get what was asked in one tick in one message each, and another thread starts when one is busy", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const echo = `log(String(requests.length)); port.postMessage(requests.map(([slot]) => [slot, true, 1]))`
      const pool = yield* poolOf(workerSaying(directory, echo), 2)
      let answered = 0
      const ask = (count: number) => {
        for (let at = 0; at < count; at++) pool.submit("identity", { location: "/" }, 0, () => (answered += 1))
      }
      ask(3)
      yield* until(() => answered === 3)
      assert.strictEqual(pool.threads, 1)
      assert.deepStrictEqual(logged(directory), ["3"])
      ask(40)
      yield* until(() => answered === 43)
      assert.strictEqual(pool.threads, 2)
      assert.strictEqual(logged(directory).length, 3)
    }),
  )

  it.live("answer a thousand requests at once, each its own", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      for (let at = 0; at < 50; at++) write(`${directory}/${at}`, "x".repeat(at))
      const disk = yield* DiskWorkers
      const sizes = yield* Effect.forEach(
        Array.from({ length: 1000 }, (_, at) => at % 50),
        (at) => disk.run("statRemote", { root: directory, at: `${at}` }),
        { concurrency: "unbounded" },
      )
      for (const [at, size] of sizes.entries()) assert.strictEqual(size, at % 50)
    }).pipe(Effect.provide(layerDiskWorkers({ size: 2 }))),
  )

  it.live("that crash fail what they had, and are replaced", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      // It ends only once it has both requests, so that it is this one that had the other.
      const crash = `
        for (const request of requests) {
          const [slot, , { location }] = request
          if (location === "/") port.postMessage([[slot, true, "fine"]])
          else had.push(location)
        }
        if (had.length < 2) return
        if (had.includes("crash")) throw new Error("boom")
        process.exit(7)`
      yield* Effect.provide(
        Effect.gen(function* () {
          for (const how of ["crash", "exit"]) {
            assert.strictEqual(yield* identity("/"), "fine")
            const others = yield* Effect.forkChild(Effect.exit(identity("never answered")))
            const error = yield* Effect.flip(identity(how))
            assert.strictEqual(error.code, "Crashed")
            assert.isTrue(Exit.isFailure(yield* Fiber.join(others)))
          }
          assert.strictEqual(yield* identity("/"), "fine")
        }),
        layerDiskWorkers({ entry: workerSaying(directory, crash), size: 1 }),
      )
    }),
  )

  it.live("that have ended already fail what is still sent to them, and what is asked after that is done", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const end = `
        for (const [slot, , { location }] of requests) {
          port.postMessage([[slot, true, location]])
          if (location !== "end") continue
          while (!existsSync(${JSON.stringify(`${directory}/end`)}));
          process.on("exit", () => log("gone"))
          process.exit(7)
        }`
      const pool = yield* poolOf(workerSaying(directory, end), 1)
      const ended: Array<unknown> = []
      const ask = (location: string, then = () => {}) =>
        pool.submit("identity", { location }, 0, (outcome) => {
          ended.push(outcome.ok ? outcome.value : outcome.why.code)
          then()
        })
      ask("end", () => {
        // Nothing that the thread's end tells arrives before this returns, and what is asked here is sent at once.
        write(`${directory}/end`, "")
        while (logged(directory).length === 0);
        ask("sent to nobody")
      })
      yield* until(() => ended.length === 2)
      ask("after that")
      yield* until(() => ended.length === 3)
      assert.deepStrictEqual(ended, ["end", "Crashed", "after that"])
      assert.strictEqual(pool.threads, 1)
    }),
  )

  it.live("that can not even start fail what they were to do", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      // The one fails once it runs, the other at once, as all do where the machine has no more threads to give.
      for (const entry of [pathToFileURL(`${directory}/missing.mjs`), new URL("http://localhost/no-module.mjs")]) {
        const failed = Effect.flip(Effect.all([identity("/"), identity("/")], { concurrency: 2 }))
        const error = yield* Effect.provide(failed, layerDiskWorkers({ entry, size: 1 }))
        assert.strictEqual(error.code, "Crashed")
      }
    }),
  )

  it.live("do not begin what nobody waits for, and are told when nobody waits any more", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const hold = `
        for (const [slot, , { location }] of requests) {
          log(location)
          while (Atomics.load(flags, slot) === 0) Atomics.wait(flags, slot, 0, 1)
          log(location + " was given up")
          port.postMessage([[slot, false, { code: "Cancelled", detail: "" }]])
        }`
      yield* Effect.provide(
        Effect.gen(function* () {
          const held = yield* Effect.forEach(
            Array.from({ length: 33 }, (_, at) => `held ${at}`),
            (location) => Effect.forkChild(identity(location), { startImmediately: true }),
          )
          yield* until(() => logged(directory).length === 1)
          const last = held[32]
          assert.isDefined(last)
          yield* Fiber.interrupt(last)
          assert.deepStrictEqual(logged(directory), ["held 0"])
          yield* Fiber.interruptAll(held)
          assert.strictEqual(logged(directory).length, 64)
          assert.notInclude(logged(directory), "held 32")
        }),
        layerDiskWorkers({ entry: workerSaying(directory, hold), size: 1 }),
      )
    }),
  )

  it.live("that hang are passed by", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const hang = `
        for (const [slot, , { location }] of requests) {
          if (location === "hang") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20_000)
          port.postMessage([[slot, true, "fine"]])
        }`
      const pool = yield* poolOf(workerSaying(directory, hang), 1, { stuck: 250 })
      let answered = 0
      for (let at = 0; at < 32; at++) pool.submit("identity", { location: "hang" }, 0, () => undefined)
      yield* until(() => pool.threads === 1)
      pool.submit("identity", { location: "/" }, 0, () => (answered += 1))
      yield* until(() => answered === 1)
      assert.strictEqual(pool.threads, 2)
    }),
  )

  it.live("refuse more than may wait", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const pool = yield* poolOf(workerSaying(directory, ""), 1)
      const codes: Array<string> = []
      for (let at = 0; at <= DISK_QUEUE; at++) {
        pool.submit("identity", { location: "/" }, 0, (outcome) => codes.push(outcome.ok ? "" : outcome.why.code))
      }
      assert.deepStrictEqual(codes, ["Busy"])
    }),
  )

  it.live("never keep the process alive, nor a file that is half written", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const script = `
        import { Pool } from ${JSON.stringify(new URL("./pool.js", entry).href)}
        const pool = new Pool({ entry: new URL(${JSON.stringify(real.href)}), size: 2, started: 1 })
        const done = new Promise((resolve) => pool.submit("identity", { location: "/" }, 0, resolve))
        const alive = setInterval(() => undefined, 1000)
        console.log((await done).ok)
        clearInterval(alive)`
      const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
        encoding: "utf8",
        timeout: 20_000,
      })
      assert.deepStrictEqual([child.stdout.trim(), child.status], ["true", 0], child.stderr)
      write(`${directory}/big`, "")
      execFileSync("truncate", ["-s", "1G", `${directory}/big`])
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(poolOf(real, 1), scope)
      const state = yield* Effect.callback<Outcome>((resume) => {
        const input = { directory, location: `${directory}/big` }
        pool.submit("adopt", input, 0, (outcome) => resume(Effect.succeed(outcome)))
      })
      const version = state.ok ? (state.value as { readonly size: number }) : undefined
      assert.isDefined(version)
      const from = { location: `${directory}/big`, guard: undefined, version }
      let outcome: Outcome | undefined
      pool.submit("copy", { root: `${directory}/to`, to: "big", from }, version.size, (told) => (outcome = told))
      yield* until(() => existsSync(`${directory}/to`) && readdirSync(`${directory}/to`).length > 0)
      yield* Scope.close(scope, Exit.void)
      assert.deepInclude(outcome, { ok: false })
      assert.deepStrictEqual(readdirSync(`${directory}/to`), [])
    }),
  )
})

/** Runs an operation as a user who may do little; what came of it. */
const asNobody = (operation: string, input: unknown): string => {
  const script = `
    const { perform } = await import(${JSON.stringify(new URL("./operations.js", entry).href)})
    const turn = { real: new Map(), cancelled: () => false, between: () => undefined }
    const input = JSON.parse(${JSON.stringify(JSON.stringify(input))}, (key, at) => (key === "ignoredDirs" ? new Set() : at))
    try {
      const output = perform(${JSON.stringify(operation)}, input, turn) ?? null
      console.log(JSON.stringify(output, (_, at) => (typeof at === "bigint" ? String(at) : at)))
    } catch (error) { console.log(error.code ?? String(error)) }`
  const options = { encoding: "utf8", uid: 65_534, gid: 65_534, cwd: "/" } as const
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], options)
  return child.status === 0 ? child.stdout.trim() : `failed: ${child.stderr}`
}

const mayBeNobody = process.getuid?.() === 0 && asNobody("identity", { location: "/" }).startsWith('"')

describe.skipIf(!mayBeNobody)("a disk that may not be read", () => {
  it.live("is unreadable, which is not the same as empty", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      execFileSync("chmod", ["755", directory])
      write(`${directory}/closed/file`, "x")
      write(`${directory}/names-only/file`, "x")
      write(`${directory}/open/file`, "x")
      mkdirSync(`${directory}/mine`)
      execFileSync("chmod", ["700", `${directory}/closed`])
      execFileSync("chmod", ["744", `${directory}/names-only`])
      const tree = { root: directory, symlinks: "inside", ignoredDirs: {} }
      const listed = JSON.parse(asNobody("list", { tree, directories: ["closed", "names-only", "open", "gone"] })) as {
        readonly counts: Record<string, number>
        readonly notes: ReadonlyArray<string>
      }
      assert.deepStrictEqual(Object.values(listed.counts), [-2, -2, 1, -1])
      assert.deepStrictEqual(listed.notes, ["EACCES", "EACCES"])
      assert.strictEqual(asNobody("stat", { tree, path: "closed/file" }), "EACCES")
      assert.strictEqual(asNobody("remove", { root: directory, at: "open/file" }), "EACCES")
      assert.strictEqual(asNobody("spool", { root: directory, to: "mine/file" }), "EACCES")
    }),
  )
})
