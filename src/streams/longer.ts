/**
 * Files of one lane whose chains take long, as videos do. Meanwhile they take up no place of the lane: what else is due goes
 * on. Bounded: past a limit they are found again when there is room, by looking at their source.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import type { LedgerError } from "../domain/Errors.ts"
import { LONG_FILES } from "../domain/Limits.ts"
import type { SourceName } from "../domain/Path.ts"
import type { Item } from "./backlog.ts"
import type { Ask } from "./waits.ts"

export interface LongerParts {
  /** False: no chain of this server ever takes long. */
  readonly isPossible: boolean
  /** A file leaves its place in the lane. */
  readonly left: (item: Item) => void
  /** A file needs the server again, or is done; files of `sources` were put off and are to be found again. */
  readonly returned: (sources: ReadonlyArray<SourceName>) => void
}

export const makeLonger = ({ isPossible, left, returned }: LongerParts) => {
  const away = new Set<string>()
  const places = new Map<string, Latch.Latch>()
  /** Sources with files that were put off. */
  const putOff = new Set<SourceName>()
  let fibers: FiberSet.FiberSet<void, LedgerError> | undefined

  const back = (key: string) => {
    away.delete(key)
    const sources = away.size * 2 <= LONG_FILES ? [...putOff] : []
    if (sources.length > 0) putOff.clear()
    returned(sources)
  }

  return {
    /** How many are at long work. */
    size: () => away.size,
    has: (key: string) => away.has(key),
    isPuttingOff: () => putOff.size > 0,
    /** To be used around what makes the output of a file and takes long. Undefined: there are too many such files. */
    during: <A, E, R>(ask: Ask, make: Effect.Effect<A, E, R>): Effect.Effect<A | undefined, E, R> =>
      Effect.suspend(() => {
        const { item } = ask
        if (away.size >= LONG_FILES) {
          ask.putOff = true
          putOff.add(item.source)
          return Effect.succeed(undefined)
        }
        away.add(item.key)
        places.get(item.key)?.openUnsafe()
        left(item)
        return Effect.ensuring(
          make,
          Effect.sync(() => back(item.key)),
        )
      }),
    /** Returns when the work on a file is done, or as soon as it takes long: then it goes on by itself. */
    attend: (item: Item, work: Effect.Effect<void, LedgerError>): Effect.Effect<void, LedgerError> =>
      Effect.suspend(() => {
        if (!isPossible || fibers === undefined) return work
        const place = Latch.makeUnsafe(false)
        places.set(item.key, place)
        const ended = Effect.ensuring(
          work,
          Effect.sync(() => places.delete(item.key)),
        )
        return Effect.flatMap(FiberSet.run(fibers, ended), (fiber) =>
          Effect.raceFirst(Effect.asVoid(Fiber.await(fiber)), place.await),
        )
      }),
    /** The lane's run, together with the work that left it: they end together, and fail together. */
    around: <A, E>(run: Effect.Effect<A, E>): Effect.Effect<A, E | LedgerError> =>
      Effect.scoped(
        Effect.gen(function* () {
          const own = yield* FiberSet.make<void, LedgerError>()
          fibers = own
          return yield* Effect.raceFirst(run, Effect.andThen(FiberSet.join(own), Effect.never))
        }),
      ),
  }
}

export type Longer = ReturnType<typeof makeLonger>
