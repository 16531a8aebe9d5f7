/**
 * Work that many ask for at once and that is done once.
 *
 * @since 1.0.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * Whoever asks while it runs gets its outcome, good or bad; who asks later runs it again. Who stops waiting does not stop
 * it: it ends with the Scope.
 */
export const shared = <A, E>(work: Effect.Effect<A, E>, scope: Scope.Scope): Effect.Effect<A, E> => {
  let running: Deferred.Deferred<A, E> | undefined
  return Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      if (running !== undefined) return restore(Deferred.await(running))
      const outcome = Deferred.makeUnsafe<A, E>()
      running = outcome
      const whole = Effect.onExit(work, (exit) => {
        running = undefined
        return Deferred.done(outcome, exit)
      })
      return Effect.andThen(Effect.forkIn(whole, scope), restore(Deferred.await(outcome)))
    }),
  )
}
