/** The native monitor of Linux: the contract, and what it promises beyond. */
import * as fs from "node:fs"
import type { Worker } from "node:worker_threads"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { Watcher } from "../../../src/domain/Watcher.ts"
import { layerInotify } from "../../../src/layers/watchers/inotify.ts"
import { watcherContract } from "../../contract/watcher.ts"
import { asPath, makeListener, makePlace, makeSource } from "../../contract/watcherDriver.ts"

watcherContract("inotify", layerInotify, { namesFiles: true, burst: { files: 20_000, overflows: true } })

const live = (title: string, body: Effect.Effect<void, unknown, Watcher | Scope.Scope>) =>
  it.live(title, () => Effect.provide(body, layerInotify), 120_000)

/** Threads that are started while this runs, and how many of them have ended. */
const countThreads = Effect.acquireRelease(
  Effect.sync(() => {
    const workers: Array<Worker> = []
    const count = { workers, ended: 0 }
    const listener = (worker: Worker) => {
      workers.push(worker)
      worker.once("exit", () => count.ended++)
    }
    process.on("worker", listener)
    return { count, listener }
  }),
  ({ listener }) => Effect.sync(() => process.off("worker", listener)),
).pipe(Effect.map(({ count }) => count))

describe("inotify", () => {
  live(
    "gives each change the hint it deserves",
    Effect.gen(function* () {
      const { outside, root } = yield* makePlace
      const driver = yield* makeListener(makeSource(root))
      const hintsOf = Effect.fnUntraced(function* (path: string, act: () => void) {
        yield* driver.synchronized
        const from = driver.heard.length
        act()
        yield* driver.synchronized
        const kinds = driver.heard.slice(from).filter((change) => change.path === path)
        return kinds.map(({ kind }) => kind).at(-1)
      })
      const file = driver.path("file")
      assert.strictEqual(yield* hintsOf("file", () => fs.writeFileSync(file, "one")), "complete")
      assert.strictEqual(yield* hintsOf("file", () => fs.utimesSync(file, 1, 1)), "complete")
      assert.strictEqual(yield* hintsOf("file", () => fs.chmodSync(file, 0o600)), "complete")
      assert.strictEqual(yield* hintsOf("hard", () => fs.linkSync(file, driver.path("hard"))), "complete")
      assert.strictEqual(yield* hintsOf("soft", () => fs.symlinkSync("file", driver.path("soft"))), "complete")
      assert.strictEqual(yield* hintsOf("file", () => fs.renameSync(file, `${outside}/file`)), "gone")
      assert.strictEqual(yield* hintsOf("file", () => fs.renameSync(`${outside}/file`, file)), "complete")
      assert.strictEqual(yield* hintsOf("file", () => fs.unlinkSync(file)), "gone")
      assert.strictEqual(yield* hintsOf("made", () => fs.mkdirSync(driver.path("made"))), "tree")
      assert.strictEqual(yield* hintsOf("made", () => fs.chmodSync(driver.path("made"), 0o700)), "listing")
      assert.strictEqual(yield* hintsOf("made", () => fs.rmdirSync(driver.path("made"))), "tree")
    }),
  )

  live(
    "tells of a file that is written without end now and then, and of its last change",
    Effect.gen(function* () {
      const { root } = yield* makePlace
      const driver = yield* makeListener(makeSource(root))
      const descriptor = fs.openSync(driver.path("log"), "w")
      const start = Date.now()
      while (Date.now() - start < 1_000) {
        for (let line = 0; line < 50; line++) fs.writeSync(descriptor, "line\n")
        yield* Effect.yieldNow
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      yield* driver.synchronized
      const during = driver.heard.filter(({ path }) => path === "log").length
      assert.isBelow(during, 60, "one every 50 ms")
      assert.isAbove(during, 1)
      const told = () => driver.heard.filter(({ path }) => path === "log").length
      for (const line of ["the last line\n", "no, this one\n", "or this\n"]) {
        const before = told()
        fs.writeSync(descriptor, line)
        yield* driver.until(line, () => told() > before)
      }
      fs.closeSync(descriptor)
      yield* driver.until("its end", () => driver.heard.at(-1)?.kind === "complete")
    }),
  )

  live(
    "follows links to directories where the source does, and tells of both paths",
    Effect.gen(function* () {
      const { root } = yield* makePlace
      for (const release of ["1", "2"]) {
        fs.mkdirSync(`${root}/releases/${release}/css`, { recursive: true })
        fs.writeFileSync(`${root}/releases/${release}/css/a.css`, `release ${release}`)
      }
      fs.symlinkSync("releases/1", `${root}/current`)
      const driver = yield* makeListener(makeSource(root, { symlinks: "follow" }))
      fs.writeFileSync(driver.path("releases/1/css/b.css"), "b")
      yield* driver.converged
      for (const path of ["releases/1/css/b.css", "current/css/b.css"]) {
        yield* driver.until(path, () => driver.heard.some((change) => change.path === path))
      }
      // As deployments do it: the link changes in one step.
      fs.symlinkSync("releases/2", driver.path("next"))
      fs.renameSync(driver.path("next"), driver.path("current"))
      yield* driver.converged
      yield* driver.synchronized
      const switched = driver.heard.length
      fs.appendFileSync(driver.path("releases/2/css/a.css"), " changed")
      fs.appendFileSync(driver.path("releases/1/css/a.css"), " changed as well")
      yield* driver.converged
      yield* driver.synchronized
      const paths = new Set(driver.heard.slice(switched).map(({ path }) => path))
      assert.isTrue(paths.has(asPath("current/css/a.css")) && paths.has(asPath("releases/1/css/a.css")))
      fs.unlinkSync(driver.path("current"))
      yield* driver.converged
      fs.appendFileSync(driver.path("releases/2/css/a.css"), " and again")
      yield* driver.converged
    }),
  )

  live(
    "serves all sessions with one thread, which ends with the last of them",
    Effect.gen(function* () {
      const threads = yield* countThreads
      const watcher = yield* Watcher
      const { outside, root } = yield* makePlace
      const [one, other] = [yield* Scope.make(), yield* Scope.make()]
      yield* Scope.provide(watcher.open(makeSource(root)), one)
      const session = yield* Scope.provide(watcher.open(makeSource(outside)), other)
      assert.strictEqual(threads.workers.length, 1)
      yield* Scope.close(one, Exit.void)
      assert.strictEqual(threads.ended, 0)
      assert.deepStrictEqual(yield* session.watch([asPath("")]), [])
      yield* Scope.close(other, Exit.void)
      assert.strictEqual(threads.ended, 1)
      yield* Effect.scoped(watcher.open(makeSource(root)))
      assert.strictEqual(threads.ended, 2)
    }),
  )

  live(
    "fails its sessions when the thread dies, and can be opened again",
    Effect.gen(function* () {
      const threads = yield* countThreads
      const watcher = yield* Watcher
      const { root } = yield* makePlace
      const driver = yield* makeListener(makeSource(root))
      const other = yield* watcher.open(makeSource(root))
      const pulling = yield* Effect.forkChild(Effect.flip(Fiber.join(yield* driver.listen)))
      yield* Effect.promise(() => threads.workers[0]?.terminate() ?? Promise.resolve(0))
      assert.strictEqual((yield* Fiber.join(pulling))._tag, "WatcherError")
      assert.strictEqual((yield* Effect.flip(other.watch([asPath("")])))._tag, "WatcherError")
      const again = yield* makeListener(makeSource(root))
      fs.writeFileSync(again.path("file"), "file")
      yield* again.converged
    }),
  )
})
