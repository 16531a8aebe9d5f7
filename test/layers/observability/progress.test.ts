import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Queue, Stream } from "effect"
import { type Progress, progressText, showProgress } from "../../../src/layers/observability/progress.ts"
import { makeStandardError, StandardError } from "../../../src/layers/observability/standardError.ts"
import { FakeStream } from "./fakeStream.ts"

/** What a terminal shows in its last row after everything that was written. */
const lastRow = (text: string): string => {
  let row = ""
  // oxlint-disable-next-line no-control-regex -- a terminal's commands are made of control characters
  for (const [part] of text.matchAll(/\u001b\[\d*[A-Za-z]|[^\u001b]/g)) {
    if (part === "\n" || part === "\r" || part.endsWith("G")) row = ""
    else if (part === "\u001b[2K" || part === "\u001b[0J") row = ""
    else if (!part.startsWith("\u001b")) row += part
  }
  return row
}

describe("progress", () => {
  it("says how far it is, how fast, and how long it takes", () => {
    assert.strictEqual(
      progressText({ done: 1_250, total: 5_000, elapsedMillis: 10_000, eta: 30 }),
      "[######..................] 1,250 of 5,000 files, 125/s, 30 s left",
    )
    assert.strictEqual(
      progressText({ done: 0, total: 0, elapsedMillis: 0, eta: undefined }),
      "[########################] 0 of 0 files, 0.0/s",
    )
    assert.strictEqual(
      progressText({ done: 7, total: 5, elapsedMillis: 1_000, eta: 0 }),
      "[########################] 7 of 5 files, 7.0/s",
    )
  })

  it.live("keeps one line at the bottom of a terminal, log lines above it, and clears it at the end", () =>
    Effect.gen(function* () {
      const terminal = new FakeStream(true)
      const standardError = yield* makeStandardError(terminal.stream, {})
      const values = yield* Queue.bounded<Progress>(1)
      const taken = yield* Deferred.make<void>()
      const stream = Stream.concat(
        Stream.make({ done: 2, total: 8 }),
        Stream.fromEffect(Effect.andThen(Deferred.succeed(taken, undefined), Queue.take(values))),
      )
      const shown = yield* Effect.forkChild(
        showProgress(stream).pipe(Effect.provideService(StandardError, standardError)),
      )
      yield* Deferred.await(taken)
      standardError.writeLine("something happened")
      assert.match(lastRow(terminal.text), /2 of 8 files/)
      assert.include(terminal.text, "\u001b[2Ksomething happened\n")
      yield* Queue.offer(values, { done: 8, total: 8 })
      yield* Fiber.join(shown)
      assert.strictEqual(lastRow(terminal.text), "")
      const before = terminal.text.length
      standardError.writeLine("afterwards")
      assert.strictEqual(terminal.text.slice(before), "afterwards\n")
    }),
  )

  it.live("clears the line when it is interrupted", () =>
    Effect.gen(function* () {
      const terminal = new FakeStream(true)
      const standardError = yield* makeStandardError(terminal.stream, {})
      const started = yield* Deferred.make<void>()
      const stream = Stream.concat(
        Stream.make({ done: 1, total: 2 }),
        Stream.fromEffect(Effect.andThen(Deferred.succeed(started, undefined), Effect.never)),
      )
      const shown = yield* Effect.forkChild(
        showProgress(stream).pipe(Effect.provideService(StandardError, standardError)),
      )
      yield* Deferred.await(started)
      standardError.writeLine("x")
      assert.match(lastRow(terminal.text), /1 of 2/)
      yield* Fiber.interrupt(shown)
      assert.strictEqual(lastRow(terminal.text), "")
    }),
  )

  it.effect("writes nothing where standard error is not a terminal, and still takes the values", () =>
    Effect.gen(function* () {
      const pipe = new FakeStream(false)
      const standardError = yield* makeStandardError(pipe.stream, {})
      let last: Progress | undefined
      const values = Stream.make({ done: 1, total: 2 }, { done: 2, total: 2 }).pipe(
        Stream.tap((value) =>
          Effect.sync(() => {
            last = value
          }),
        ),
      )
      yield* showProgress(values).pipe(Effect.provideService(StandardError, standardError))
      assert.strictEqual(pipe.text, "")
      assert.deepStrictEqual(last, { done: 2, total: 2 })
    }),
  )
})
