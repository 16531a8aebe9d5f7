/**
 * Directories of one source that could not be read: each is looked at again, with pauses that grow, until it can be. No
 * event tells that files can be opened again, or that a disk answers again.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { UNREADABLE_DIRECTORIES } from "../domain/Limits.ts"
import type { RelativePath } from "../domain/Path.ts"
import type { UnreadableDirectory } from "../domain/Telemetry.ts"
import { backoff } from "./breaker.ts"
import { makePulse } from "./pulse.ts"

interface Known {
  reason: string
  attempts: number
  /** Undefined until the next try is set, and while it is under way. */
  nextTry: number | undefined
}

/** `look`: asks for a scan of the directory. `ceiling`: the longest pause, in milliseconds. */
export const makeUnreadable = Effect.fnUntraced(function* (look: (directory: RelativePath) => void, ceiling: number) {
  const clock = yield* Clock.Clock
  const known = new Map<RelativePath, Known>()
  const pulse = makePulse()

  const run = Effect.gen(function* () {
    for (;;) {
      const now = clock.currentTimeMillisUnsafe()
      let nextAt = Number.POSITIVE_INFINITY
      for (const [directory, entry] of known) {
        if (entry.nextTry === undefined) entry.nextTry = now + (yield* backoff(entry.attempts, ceiling))
        else if (entry.nextTry <= now) {
          // Should the scan come to nothing, there is another.
          entry.nextTry = now + ceiling
          look(directory)
        }
        nextAt = Math.min(nextAt, entry.nextTry)
      }
      yield* nextAt === Number.POSITIVE_INFINITY
        ? pulse.wait
        : Effect.raceFirst(Effect.sleep(Math.max(1, nextAt - now)), pulse.wait)
    }
  })

  return {
    /** A directory could not be read. Returns whether that is news. */
    add: (directory: RelativePath, reason: string): boolean => {
      const before = known.get(directory)
      if (before === undefined && known.size >= UNREADABLE_DIRECTORIES) return false
      known.set(directory, { reason, attempts: (before?.attempts ?? 0) + 1, nextTry: undefined })
      pulse.wake()
      return before === undefined
    },
    /** It could be read, or is gone. */
    remove: (directory: RelativePath): boolean => known.delete(directory),
    has: (directory: RelativePath): boolean => known.has(directory),
    list: (): ReadonlyArray<UnreadableDirectory> =>
      Array.from(known, ([directory, { nextTry, reason }]) => ({ directory, reason, nextTry })),
    run: run as Effect.Effect<never>,
  }
})
