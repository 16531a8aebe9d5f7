import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Exit, Fiber, Queue, Random, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { Source } from "../../../src/domain/Config.ts"
import type { WatcherError } from "../../../src/domain/Errors.ts"
import { isWithin, type RelativePath, root } from "../../../src/domain/Path.ts"
import type { WatchSignal } from "../../../src/domain/Watcher.ts"
import { makeDisk } from "../../../src/layers/memory/disk.ts"
import { makeWatcher } from "../../../src/layers/memory/watcher.ts"
import { testSource } from "../../../src/layers/memory/world.ts"
import { oneOf } from "../../domain/arbitraries.ts"

const at = (path: string) => path as RelativePath
const source: Source = testSource("site", "/site")

const prepare = Effect.fnUntraced(function* (
  options?: { readonly closes?: boolean },
  source: Source = testSource("site", "/site"),
) {
  const disk = yield* makeDisk
  const watcher = yield* makeWatcher(disk, options)
  yield* disk.mkdir("/site/a")
  yield* disk.mkdir("/site/b")
  const session = yield* watcher.service.open(source)
  const signals = yield* Queue.unbounded<WatchSignal>()
  const pulling: Effect.Effect<Fiber.Fiber<void, WatcherError>, never, Scope.Scope> = Effect.forkScoped(
    Stream.runForEach(session.signals, (signal) => Queue.offer(signals, signal)),
  )
  /** The hints that come until nothing more does. */
  const hints = Effect.gen(function* () {
    const told: Array<string> = []
    for (let quiet = 0; quiet < 5; quiet++) {
      yield* Effect.yieldNow
      for (const signal of yield* Queue.clear(signals)) {
        quiet = 0
        if (signal._tag === "Changes") told.push(...signal.changes.map(({ kind, path }) => `${kind} ${path}`))
        else told.push(signal._tag === "Overflowed" ? `Overflowed ${signal.directory}` : signal._tag)
      }
    }
    return told
  })
  return { disk, watcher, session, pulling, hints, signals }
})

describe("Watcher in memory", () => {
  it.effect("tells what happens in watched directories, from the moment they are, and of nothing else", () =>
    Effect.gen(function* () {
      const { disk, hints, pulling, session } = yield* prepare()
      yield* pulling
      yield* disk.write("/site/a/early", "x")
      assert.deepStrictEqual(yield* session.watch([root, at("a"), at("nothing")]), [])
      assert.strictEqual(yield* session.watched, 2)
      yield* disk.write("/site/a/x", "x", { close: false })
      yield* disk.append("/site/a/x", "y")
      yield* disk.write("/site/b/x", "x")
      yield* disk.rename("/site/a/x", "/site/a/y")
      yield* disk.touch("/site/a/y")
      yield* disk.remove("/site/a/y")
      yield* disk.symlink("x", "/site/link")
      assert.deepStrictEqual(yield* hints, [
        "growing a/x",
        "growing a/x",
        "growing a/x",
        "complete a/x",
        "gone a/x",
        "complete a/y",
        "complete a/y",
        "gone a/y",
        "complete link",
      ])
    }),
  )

  it.effect("gives a tree hint for a new, moved or removed directory, and forgets what was watched below", () =>
    Effect.gen(function* () {
      const { disk, hints, pulling, session } = yield* prepare()
      yield* pulling
      yield* session.watch([root, at("a")])
      yield* disk.mkdir("/site/c/d/e")
      assert.deepStrictEqual(yield* hints, ["tree c"])
      yield* disk.rename("/site/a", "/site/c/a")
      assert.deepStrictEqual(yield* hints, ["tree a"])
      assert.strictEqual(yield* session.watched, 1)
      yield* disk.write("/site/c/a/x", "x")
      assert.deepStrictEqual(yield* hints, [], "nobody watches it where it is now")
      yield* session.watch([at("c/a")])
      yield* disk.write("/site/c/a/x", "y")
      assert.deepStrictEqual(yield* hints, ["growing c/a/x", "complete c/a/x"])
      yield* disk.rmdir("/site/c", { recursive: true })
      assert.deepStrictEqual(yield* hints, ["gone c/a/x", "tree c"])
      assert.strictEqual(yield* session.watched, 1)
    }),
  )

  it.effect("says that a file is complete only once its writer has closed it, wherever it is by then", () =>
    Effect.gen(function* () {
      const { disk, hints, pulling, session } = yield* prepare()
      yield* pulling
      yield* session.watch([root])
      yield* disk.write("/site/x", "x", { close: false })
      yield* disk.touch("/site/x")
      yield* disk.rename("/site/x", "/site/y")
      assert.deepStrictEqual(yield* hints, ["growing x", "growing x", "growing x", "gone x", "growing y"])
      yield* disk.close("/site/y")
      assert.deepStrictEqual(yield* hints, ["complete y"])
    }),
  )

  it.effect("leaves ignored directories alone, not files of their name", () =>
    Effect.gen(function* () {
      const source = testSource("site", "/site", { ignoredDirs: new Set([".git", "CVS"]) })
      const { disk, hints, pulling, session } = yield* prepare({}, source)
      yield* pulling
      yield* session.watch([root, at("a")])
      yield* disk.write("/site/.git/config", "x")
      yield* disk.rename("/site/.git", "/site/a/CVS")
      yield* disk.rmdir("/site/a/CVS", { recursive: true })
      assert.deepStrictEqual(yield* hints, [])
      yield* disk.symlink("x", "/site/CVS")
      assert.deepStrictEqual(yield* hints, ["complete CVS"])
    }),
  )

  it.effect("does not take a directory for the one it replaced", () =>
    Effect.gen(function* () {
      const { disk, hints, pulling, session } = yield* prepare()
      yield* pulling
      yield* session.watch([root, at("a"), at("b")])
      yield* disk.rename("/site/b", "/site/a")
      yield* hints
      yield* disk.write("/site/a/x", "x")
      assert.deepStrictEqual(yield* hints, [])
      assert.strictEqual(yield* session.watched, 1)
    }),
  )

  it.effect("without knowing of closed files tells only that they may grow", () =>
    Effect.gen(function* () {
      const { disk, hints, pulling, session } = yield* prepare({ closes: false })
      yield* pulling
      assert.isFalse(session.capabilities.closes)
      yield* session.watch([root])
      yield* disk.write("/site/x", "x")
      assert.deepStrictEqual(new Set(yield* hints), new Set(["growing x"]))
    }),
  )

  it.effect("holds a bounded number of hints while nobody pulls, and says what it lost", () =>
    Effect.gen(function* () {
      const { disk, hints, pulling, session, watcher } = yield* prepare()
      yield* watcher.setFaults({ queue: 4 })
      yield* session.watch([root])
      yield* disk.write("/site/x", "x")
      yield* disk.write("/site/y", "x")
      yield* pulling
      assert.strictEqual((yield* hints)[0], "Overflowed ")
      yield* disk.write("/site/z", "x")
      assert.deepStrictEqual(yield* hints, ["growing z", "growing z", "complete z"])
    }),
  )

  it.effect("overflows on demand, for a directory or for all", () =>
    Effect.gen(function* () {
      const { disk, hints, pulling, session, watcher } = yield* prepare()
      yield* session.watch([root, at("a")])
      yield* disk.write("/site/a/x", "x")
      yield* disk.write("/site/y", "x")
      yield* watcher.overflow("/site/a")
      yield* pulling
      assert.deepStrictEqual(yield* hints, ["Overflowed a", "growing y", "growing y", "complete y"])
      yield* watcher.overflow("/")
      assert.deepStrictEqual(yield* hints, ["Overflowed "])
      yield* watcher.overflow("/elsewhere")
      assert.deepStrictEqual(yield* hints, [])
    }),
  )

  it.effect("says which directories it can not watch, and when there are no more watches", () =>
    Effect.gen(function* () {
      const { session, watcher } = yield* prepare()
      yield* watcher.setFaults({ blind: new Set(["/site/a"]), watches: 1 })
      const spots = yield* session.watch([root, at("a"), at("b")])
      assert.deepStrictEqual(
        spots.map(({ directory, exhausted }) => `${directory} ${exhausted}`),
        ["a false", "b true"],
      )
      yield* watcher.setFaults({ blind: new Set(), watches: 9 })
      assert.deepStrictEqual(yield* session.watch([root, at("a"), at("b")]), [])
      assert.strictEqual(yield* session.watched, 3)
    }),
  )

  it.effect("tells that the root is gone, and ends", () =>
    Effect.gen(function* () {
      const { disk, hints, pulling, session } = yield* prepare()
      const fiber = yield* pulling
      yield* session.watch([root])
      yield* disk.rename("/site", "/away")
      assert.deepStrictEqual(yield* hints, ["RootLost"])
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(fiber)))
      const { watcher } = yield* prepare()
      const missing = yield* Effect.flip(Effect.scoped(watcher.service.open(testSource("x", "/missing"))))
      assert.strictEqual(missing._tag, "WatcherError")
    }),
  )

  it.effect("dies when it is told to, and is of no more use then", () =>
    Effect.gen(function* () {
      const { pulling, session, watcher } = yield* prepare()
      const fiber = yield* pulling
      yield* watcher.kill(source, "EBADF")
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      assert.strictEqual((yield* Effect.flip(session.watch([root]))).detail, "EBADF")
    }),
  )

  it.effect("gives everything back when its Scope closes", () =>
    Effect.gen(function* () {
      const { disk, watcher } = yield* prepare()
      const before = yield* watcher.sessions
      const outside = yield* Effect.scope
      const pulling = yield* Effect.scoped(
        Effect.gen(function* () {
          const session = yield* watcher.service.open(source)
          yield* session.watch([root])
          assert.strictEqual(yield* watcher.sessions, before + 1)
          return yield* Effect.forkIn(Stream.runDrain(session.signals), outside)
        }),
      )
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(pulling)), "whoever pulls is told that it is over")
      assert.strictEqual(yield* watcher.sessions, before)
      yield* disk.write("/site/x", "x")
    }),
  )

  it.effect("comes late by no more than it is told", () =>
    Effect.gen(function* () {
      const { disk, hints, pulling, session, watcher } = yield* prepare()
      yield* pulling
      yield* session.watch([root])
      yield* watcher.setFaults({ delay: 1_000 })
      yield* disk.write("/site/x", "x").pipe(Random.withSeed("1"))
      assert.deepStrictEqual(yield* hints, [])
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual((yield* hints).sort(), ["complete x", "growing x", "growing x"])
    }),
  )

  it.effect("drops, doubles and reorders, the same for the same seed", () => {
    const run = (faults: { readonly drop?: number; readonly double?: number; readonly reorder?: number }) =>
      Effect.gen(function* () {
        const { disk, hints, pulling, session, watcher } = yield* prepare()
        yield* session.watch([root])
        yield* watcher.setFaults(faults)
        for (let file = 0; file < 200; file++) yield* disk.mkdir(`/site/${file}`)
        yield* pulling
        return yield* hints
      }).pipe(Effect.scoped, Random.withSeed("1"))
    return Effect.gen(function* () {
      const whole = yield* run({})
      assert.strictEqual(whole.length, 200)
      const fewer = yield* run({ drop: 0.5 })
      assert.isBelow(fewer.length, 150)
      assert.isAbove(fewer.length, 50)
      assert.isAbove((yield* run({ double: 0.5 })).length, 250)
      const reordered = yield* run({ reorder: 0.5 })
      assert.notDeepEqual(reordered, whole)
      assert.deepStrictEqual(reordered.toSorted(), whole.toSorted())
      assert.deepStrictEqual(
        yield* run({ drop: 0.5, double: 0.5, reorder: 0.5 }),
        yield* run({ drop: 0.5, double: 0.5, reorder: 0.5 }),
      )
    })
  })

  const operation = Arbitrary.all([
    oneOf(["write", "rename", "remove", "rmdir", "mkdir"] as const),
    oneOf(["/site/a", "/site/b/f", "/site/a/c", "/site/a/c/g", "/site/h"]),
    oneOf(["/site/a", "/site/b/c", "/site/d", "/site/a/i", "/out"]),
  ])

  it.effect.prop(
    "with every directory watched as its hint comes, tells of every name that changes",
    [Arbitrary.array(operation, { maxLength: 20 })],
    ([operations]) =>
      Effect.gen(function* () {
        const { disk, hints, pulling, session } = yield* prepare()
        yield* pulling
        const directories = (): ReadonlyArray<RelativePath> => {
          const found: Array<RelativePath> = []
          const visit = (path: string): void => {
            const node = disk.at(path === "" ? "/site" : `/site/${path}`)
            if (node?.kind !== "directory") return
            found.push(at(path))
            for (const name of node.entries.keys()) visit(path === "" ? name : `${path}/${name}`)
          }
          visit("")
          return found
        }
        const look = () =>
          Effect.map(disk.files("/site"), (files) => new Map(Array.from(files, ([path, bytes]) => [path, `${bytes}`])))
        for (const [index, [kind, path, other]] of operations.entries()) {
          yield* session.watch(directories())
          const before = yield* look()
          yield* Effect.ignore(
            {
              write: disk.write(path, `${index}`),
              rename: disk.rename(path, other),
              remove: disk.remove(path),
              rmdir: disk.rmdir(path, { recursive: true }),
              mkdir: disk.mkdir(path),
            }[kind],
          )
          const after = yield* look()
          const told = (yield* hints).map((hint) => hint.split(" ") as [string, string])
          for (const name of new Set([...before.keys(), ...after.keys()])) {
            if (before.get(name) === after.get(name)) continue
            const covered = told.some(([hint, where]) => where === name || (hint === "tree" && isWithin(where, name)))
            assert.isTrue(covered, `${kind} ${path} ${other}: nothing about ${name}`)
          }
        }
      }).pipe(Effect.scoped),
  )
})
