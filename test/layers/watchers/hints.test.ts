/** What waits to be pulled. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope, Stream } from "effect"
import { WATCH_PATHS } from "../../../src/domain/Limits.ts"
import type { RelativePath } from "../../../src/domain/Path.ts"
import { makeHints } from "../../../src/layers/watchers/hints.ts"

const path = (text: string | number) => String(text) as RelativePath

describe("hints", () => {
  it.effect("merges what is told of one path, oldest path first", () =>
    Effect.gen(function* () {
      const hints = yield* makeHints("/root")
      hints.add(path("a"), "growing")
      hints.add(path("b"), "gone")
      hints.add(path("a"), "complete")
      assert.isTrue(hints.has(path("a")))
      const signals = yield* Stream.runCollect(Stream.take(hints.signals, 1))
      assert.deepStrictEqual(Array.from(signals), [
        {
          _tag: "Changes",
          changes: [
            { path: path("a"), kind: "complete" },
            { path: path("b"), kind: "gone" },
          ],
        },
      ])
      assert.isFalse(hints.has(path("a")))
    }),
  )

  it.effect("holds so many paths and no more: what does not fit was lost", () =>
    Effect.gen(function* () {
      const hints = yield* makeHints("/root")
      for (let n = 0; n < WATCH_PATHS; n++) hints.add(path(n), "growing")
      hints.add(path(0), "complete")
      assert.isTrue(hints.has(path(0)), "a known path fits")
      hints.add(path("more"), "growing")
      for (let n = 0; n < WATCH_PATHS; n++) hints.add(path(`x${n}`), "growing")
      assert.isFalse(hints.has(path("x1")))
      const [first] = yield* Stream.runCollect(Stream.take(hints.signals, 1))
      assert.deepStrictEqual(first, { _tag: "Overflowed", directory: path("") })
      hints.add(path("after"), "growing")
      const [second] = yield* Stream.runCollect(Stream.take(hints.signals, 1))
      assert.deepStrictEqual(second, { _tag: "Changes", changes: [{ path: path("after"), kind: "growing" }] })
    }),
  )

  it.effect("ends after the root was lost", () =>
    Effect.gen(function* () {
      const hints = yield* makeHints("/root")
      hints.add(path("a"), "gone")
      hints.rootLost()
      const signals = yield* Stream.runCollect(hints.signals)
      assert.deepStrictEqual(
        Array.from(signals, ({ _tag }) => _tag),
        ["Changes", "RootLost"],
      )
    }),
  )

  it.effect("fails when the monitor is dead, and ends with its Scope", () =>
    Effect.gen(function* () {
      const dead = yield* makeHints("/root")
      dead.fail("out of order")
      const error = yield* Effect.flip(Stream.runDrain(dead.signals))
      assert.strictEqual(error.message, "watching /root: out of order")
      const scope = yield* Scope.make()
      const closed = yield* Scope.provide(makeHints("/root"), scope)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(Array.from(yield* Stream.runCollect(closed.signals)), [])
    }),
  )
})
