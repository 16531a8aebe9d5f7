/**
 * Places on one server that are worked on: a replace and a removal of one place never overlap.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { RemotePath } from "../domain/Path.ts"

export interface Places {
  /** Takes a place where nobody is; false where somebody is. Whoever took it leaves it. */
  readonly take: (place: RemotePath) => boolean
  readonly leave: (place: RemotePath) => void
  /** Does something at a place once nobody else does. */
  readonly at: <A, E, R>(place: RemotePath, use: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const makePlaces = (): Places => {
  const busy = new Map<RemotePath, Latch.Latch | undefined>()
  const leave = (place: RemotePath) => {
    busy.get(place)?.openUnsafe()
    busy.delete(place)
  }
  const take = (place: RemotePath): boolean => {
    if (busy.has(place)) return false
    busy.set(place, undefined)
    return true
  }
  const at: Places["at"] = (place, use) =>
    Effect.suspend(() => {
      if (take(place))
        return Effect.ensuring(
          use,
          Effect.sync(() => leave(place)),
        )
      const left = busy.get(place) ?? Latch.makeUnsafe(false)
      busy.set(place, left)
      return Effect.andThen(left.await, at(place, use))
    })
  return { take, leave, at }
}
