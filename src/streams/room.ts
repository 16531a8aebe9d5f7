/**
 * Holds back whoever lists files for a lane that is full. Files may be listed as fast as they are delivered: it is better to
 * wait for a quick lane than to list them twice. Nobody waits for a slow one.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { BATCH_FILES, LISTING_WAIT } from "../domain/Limits.ts"
import { makePulse } from "./pulse.ts"

export interface RoomOptions {
  readonly isFull: () => boolean
  /** How many files the lane worked off so far. */
  readonly worked: () => number
}

export interface Room {
  /** The lane took something: it may not be full any more. */
  readonly taken: () => void
  /** Returns when the lane is not full, or not quick. One waiter at a time. */
  readonly wait: Effect.Effect<void>
}

export const makeRoom = ({ isFull, worked }: RoomOptions): Room => {
  const drained = makePulse()

  const hasDrained: Effect.Effect<void> = Effect.suspend(() =>
    isFull() ? Effect.andThen(drained.wait, hasDrained) : Effect.void,
  )

  const wait: Effect.Effect<void> = Effect.suspend(() => {
    if (!isFull()) return Effect.void
    const before = worked()
    const isQuick = () => worked() - before >= BATCH_FILES
    return Effect.flatMap(Effect.raceFirst(hasDrained, Effect.sleep(LISTING_WAIT)), () =>
      isQuick() ? wait : Effect.void,
    )
  })

  return {
    taken: () => {
      if (!isFull()) drained.wake()
    },
    wait,
  }
}
