/**
 * What broken uploads left on a server: leftovers of crashed runs are searched for when a directory is used for the first
 * time, those of this run are remembered until they are gone.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { LEFTOVERS_ABANDONED, LEFTOVERS_QUEUE, LEFTOVERS_SEARCHED } from "../../../domain/Limits.ts"

export interface Leftovers<Session> {
  /** A directory is used: searched once, in the background. */
  readonly used: (directory: string) => void
  /** A directory was just made: there can be nothing in it. */
  readonly made: (directory: string) => void
  /** A temporary file of this run may still be there, since its connection broke. */
  readonly abandon: (path: string) => void
  /**
   * Removes what was abandoned. Goes out before anything that is asked of this session later, so a late rename of a
   * broken connection finds nothing to put over a newer file.
   */
  readonly tidy: (session: Session) => void
}

/** What is special to a protocol. */
export interface LeftoverWays<Session, E> {
  /** Removes leftovers of crashed runs from a directory; returns how many. */
  readonly sweep: (directory: string) => Effect.Effect<number, E>
  /** Sends the removal of a path without waiting for it; `lost` is called where the connection broke before the answer. */
  readonly remove: (session: Session, path: string, lost: () => void) => void
}

/** Looks after leftovers until the scope ends. */
export const makeLeftovers = <Session, E>(
  ways: LeftoverWays<Session, E>,
): Effect.Effect<Leftovers<Session>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const searched = new Set<string>()
    const abandoned = new Set<string>()
    const queue = yield* Queue.sliding<string>(LEFTOVERS_QUEUE)

    const sweep = Effect.fnUntraced(function* (directory: string) {
      const removed = yield* ways.sweep(directory)
      if (removed > 0) {
        yield* Effect.logInfo(`removed ${removed} leftovers of interrupted uploads in ${directory || "."}`)
      }
    })
    const worker = Effect.flatMap(Queue.take(queue), (directory) =>
      Effect.catchCause(sweep(directory), (cause) => {
        searched.delete(directory)
        return Effect.logDebug(`could not look for leftovers in ${directory || "."}`, cause)
      }),
    )
    yield* Effect.forkScoped(Effect.forever(worker))

    const remember = (directory: string): void => {
      if (searched.size >= LEFTOVERS_SEARCHED) searched.clear()
      searched.add(directory)
    }
    const abandon = (path: string): void => {
      if (abandoned.size < LEFTOVERS_ABANDONED) abandoned.add(path)
    }

    return {
      used: (directory) => {
        if (searched.has(directory)) return
        remember(directory)
        Queue.offerUnsafe(queue, directory)
      },
      made: remember,
      abandon,
      tidy: (session) => {
        for (const path of abandoned) {
          abandoned.delete(path)
          ways.remove(session, path, () => abandon(path))
        }
      },
    }
  })
