/**
 * The heartbeat of the graph: stages say that something changed, and whoever waits for quiet looks again.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

/** A wake-up that is never lost and never queued: any number of `wake` before a `wait` count as one. */
export interface Pulse {
  readonly wake: () => void
  /** Returns once `wake` was called since the last `wait` returned. One waiter at a time. */
  readonly wait: Effect.Effect<void>
}

export const makePulse = (): Pulse => {
  const latch = Latch.makeUnsafe(false)
  return {
    wake: () => {
      latch.openUnsafe()
    },
    wait: Effect.suspend(() => Effect.flatMap(latch.await, () => Effect.sync(() => latch.closeUnsafe()))),
  }
}
