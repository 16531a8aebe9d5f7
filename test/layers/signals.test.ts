import process from "node:process"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue, Stream } from "effect"
import { type Signal, signals } from "../../src/layers/signals.ts"

describe("signals", () => {
  it.live("gives the signals of the process while it runs, and lets go of them afterwards", () =>
    Effect.gen(function* () {
      const listeners = () => (["SIGTERM", "SIGINT", "SIGHUP"] as const).map((signal) => process.listenerCount(signal))
      const before = listeners()
      const seen = yield* Queue.bounded<Signal>(4)
      const reading = yield* signals.pipe(
        Stream.runForEach((signal) => Queue.offer(seen, signal)),
        Effect.forkChild({ startImmediately: true }),
      )
      assert.deepStrictEqual(
        listeners(),
        before.map((number) => number + 1),
      )
      for (const signal of ["SIGHUP", "SIGTERM", "SIGHUP", "SIGINT"] as const) {
        process.kill(process.pid, signal)
        assert.strictEqual(yield* Queue.take(seen), signal)
      }
      yield* Fiber.interrupt(reading)
      assert.deepStrictEqual(listeners(), before)
    }),
  )
})
