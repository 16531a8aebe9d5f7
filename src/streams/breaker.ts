/**
 * When a server is down its work waits; one piece of work at a time tries whether it is up again. A server that asks for
 * less gets less, and slowly more again.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { RETRY_FIRST, SERVER_RETRY_MAX } from "../domain/Limits.ts"
import { makePulse } from "./pulse.ts"

/** Successes in a row before a server that asked for less is given one more at a time. */
const SUCCESSES_PER_STEP = 20

/** Doubling from `RETRY_FIRST` to `ceiling`, spread by a fifth either way so that failures do not come back together. */
export const backoff = (attempts: number, ceiling: number): Effect.Effect<number> =>
  Effect.map(Random.next, (random) => {
    const plain = Math.min(RETRY_FIRST * 2 ** Math.min(attempts - 1, 30), ceiling)
    return Math.round(plain * (0.8 + random * 0.4))
  })

type State =
  | { readonly _tag: "Up" }
  | { readonly _tag: "Down"; readonly reason: string; readonly nextTry: number; readonly attempts: number }
  | { readonly _tag: "Probing"; readonly reason: string; readonly attempts: number }

/** The breaker of one server. `most` is how much may be in flight when all is well. */
export const makeBreaker = Effect.fnUntraced(function* (most: number) {
  const clock = yield* Clock.Clock
  const pulse = makePulse()
  let state: State = { _tag: "Up" }
  let limit = most
  let successes = 0
  let pausedUntil = 0

  return {
    state: () => state,
    limit: () => (state._tag === "Probing" ? 1 : limit),
    /** Returns when work may be started. After a failure it lets one through at `nextTry` to see how things are. */
    pass: Effect.suspend((): Effect.Effect<void> => {
      if (state._tag === "Up" && pausedUntil === 0) return Effect.void
      return waitToPass()
    }),
    /** The server answered. Returns true when it was down before. */
    succeeded: (): boolean => {
      if (limit < most && ++successes >= SUCCESSES_PER_STEP) {
        successes = 0
        limit++
      }
      if (state._tag === "Up") return false
      state = { _tag: "Up" }
      pulse.wake()
      return true
    },
    /** What was let through did not get as far as the server: the next one may try. */
    unproven: () => {
      if (state._tag !== "Probing") return
      state = { _tag: "Down", reason: state.reason, nextTry: 0, attempts: state.attempts }
      pulse.wake()
    },
    /** The server is out of reach. Returns when it is tried again, or undefined when that was known already. */
    failed: Effect.fnUntraced(function* (reason: string) {
      // One that may be tried at once is waited for again: what was let through before may get there only now.
      if (state._tag === "Down" && state.nextTry > 0) return undefined
      const attempts = state._tag === "Up" ? 1 : state.attempts + 1
      const nextTry = clock.currentTimeMillisUnsafe() + (yield* backoff(attempts, SERVER_RETRY_MAX))
      state = { _tag: "Down", reason, nextTry, attempts }
      pulse.wake()
      return { nextTry, isNews: attempts === 1 }
    }),
    /** The server asks for less. */
    throttled: Effect.fnUntraced(function* (afterMillis: number | undefined) {
      limit = Math.max(1, Math.floor(limit / 2))
      successes = 0
      const wait = afterMillis ?? (yield* backoff(1, SERVER_RETRY_MAX))
      pausedUntil = Math.max(pausedUntil, clock.currentTimeMillisUnsafe() + wait)
    }),
    /** Somebody asks to try at once. */
    retryNow: () => {
      if (state._tag === "Down") state = { ...state, nextTry: 0 }
      pausedUntil = 0
      pulse.wake()
    },
  }

  function waitToPass(): Effect.Effect<void> {
    return Effect.gen(function* () {
      for (;;) {
        const now = clock.currentTimeMillisUnsafe()
        if (state._tag === "Probing") {
          yield* pulse.wait
          continue
        }
        // A server that answers its probe by asking for less is given that time too.
        const until = Math.max(state._tag === "Down" ? state.nextTry : 0, pausedUntil)
        if (until <= now) {
          pausedUntil = 0
          if (state._tag === "Down") state = { _tag: "Probing", reason: state.reason, attempts: state.attempts }
          return
        }
        yield* Effect.raceFirst(Effect.sleep(until - now), pulse.wait)
      }
    })
  }
})

export type Breaker = Effect.Success<ReturnType<typeof makeBreaker>>
