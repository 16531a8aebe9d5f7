import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Random } from "effect"
import { TestClock } from "effect/testing"
import { RETRY_FIRST, SERVER_RETRY_MAX } from "../../src/domain/Limits.ts"
import { backoff, makeBreaker } from "../../src/streams/breaker.ts"

const passes = (breaker: { readonly pass: Effect.Effect<void> }) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(breaker.pass)
    for (let i = 0; i < 20; i++) yield* Effect.yieldNow
    const done = fiber.pollUnsafe() !== undefined
    yield* Fiber.interrupt(fiber)
    return done
  })

describe("backoff", () => {
  it.effect("doubles up to its ceiling, spread by a fifth", () =>
    Effect.gen(function* () {
      for (const [attempts, plain] of [
        [1, 1000],
        [2, 2000],
        [4, 8000],
        [40, 30_000],
      ] as const) {
        const wait = yield* backoff(attempts, 30_000)
        assert.isAtLeast(wait, plain * 0.8)
        assert.isAtMost(wait, plain * 1.2)
      }
    }).pipe(Random.withSeed("backoff")),
  )
})

describe("breaker", () => {
  it.effect("lets one probe through when it is time, and everything once that succeeded", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker(8)
      assert.strictEqual(breaker.limit(), 8)
      const down = yield* breaker.failed("refused")
      assert.isTrue(down?.isNews)
      assert.isUndefined(yield* breaker.failed("refused"))
      assert.isFalse(yield* passes(breaker))
      yield* TestClock.adjust(RETRY_FIRST * 2)
      assert.isTrue(yield* passes(breaker))
      assert.strictEqual(breaker.limit(), 1)
      assert.isFalse(yield* passes(breaker))
      assert.isTrue(breaker.succeeded())
      assert.isTrue(yield* passes(breaker))
      assert.strictEqual(breaker.limit(), 8)
    }),
  )

  it.effect("a probe that got to the server only after another took its turn is followed by a longer wait", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker(8)
      yield* breaker.failed("refused")
      yield* TestClock.adjust(RETRY_FIRST * 2)
      assert.isTrue(yield* passes(breaker))
      breaker.unproven()
      const again = yield* breaker.failed("refused")
      assert.isFalse(again?.isNews)
      assert.isFalse(yield* passes(breaker))
      yield* TestClock.adjust(RETRY_FIRST)
      assert.isFalse(yield* passes(breaker))
      yield* TestClock.adjust(RETRY_FIRST * 2)
      assert.isTrue(yield* passes(breaker))
    }),
  )

  it.effect("a probe that is answered with a wait is followed by that wait", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker(8)
      yield* breaker.failed("refused")
      yield* TestClock.adjust(RETRY_FIRST * 2)
      assert.isTrue(yield* passes(breaker))
      breaker.unproven()
      yield* breaker.throttled(5_000)
      yield* TestClock.adjust(4_999)
      assert.isFalse(yield* passes(breaker))
      yield* TestClock.adjust(1)
      assert.isTrue(yield* passes(breaker))
    }),
  )

  it.effect("waits longer after each failed probe, up to the ceiling", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker(1)
      let last = 0
      for (let attempt = 1; attempt <= 12; attempt++) {
        const down = yield* breaker.failed("refused")
        const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        const wait = (down?.nextTry ?? 0) - now
        assert.isAtMost(wait, SERVER_RETRY_MAX * 1.2)
        if (attempt < 8) assert.isAbove(wait, last)
        last = wait
        yield* TestClock.adjust(wait)
        yield* breaker.pass
      }
      assert.isAtLeast(last, SERVER_RETRY_MAX * 0.8)
    }),
  )

  it.effect("a probe that never reached the server leaves it down, and the next may try at once", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker(4)
      yield* breaker.failed("refused")
      yield* TestClock.adjust(RETRY_FIRST * 2)
      yield* breaker.pass
      breaker.unproven()
      assert.strictEqual(breaker.state()._tag, "Down")
      assert.isTrue(yield* passes(breaker))
      assert.strictEqual(breaker.state()._tag, "Probing")
    }),
  )

  it.effect("halves what is in flight when the server asks for less, and gives it back slowly", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker(8)
      yield* breaker.throttled(5_000)
      assert.strictEqual(breaker.limit(), 4)
      assert.isFalse(yield* passes(breaker))
      yield* TestClock.adjust(5_000)
      assert.isTrue(yield* passes(breaker))
      for (let i = 0; i < 19; i++) breaker.succeeded()
      assert.strictEqual(breaker.limit(), 4)
      breaker.succeeded()
      assert.strictEqual(breaker.limit(), 5)
    }),
  )
})
