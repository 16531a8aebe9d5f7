/**
 * Waits for writers. A file that may still be written is taken once it held still for a while; the while grows while it
 * keeps changing. What the monitor saw closed passes at once, and what it saw opened only is waited for much longer: a slow
 * upload pauses, too.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { FileState } from "../domain/FileState.ts"
import type { ChangeKind } from "../domain/FileChange.ts"
import {
  SETTLE_DELAY_MAX,
  SETTLE_LOOKS,
  SETTLE_OPEN_DELAY_MAX,
  SETTLE_OPEN_QUIET,
  SETTLE_PATHS,
  SETTLE_QUIET_MAX,
} from "../domain/Limits.ts"
import type { RelativePath, SourceName } from "../domain/Path.ts"
import { fileKey } from "../domain/Reference.ts"
import { SourceFiles } from "../domain/SourceFiles.ts"
import { type Item, urgent } from "./backlog.ts"
import { makePulse } from "./pulse.ts"
import type { Shared } from "./shared.ts"

interface Waiting {
  readonly source: SourceName
  readonly path: RelativePath
  /** Undefined until it was looked at once. */
  state: FileState | undefined
  quiet: number
  lookAt: number
  deadline: number
}

/** How long a file of a source must hold still, in milliseconds. */
export interface SettleTimes {
  /** After a hint that it may still be written. */
  readonly growing: number
  /** After its writer closed it. */
  readonly complete: number
}

/**
 * The wait after each kind of hint. A monitor that sees writers close their files is waited for (a pause in the writing is
 * not its end); elsewhere stillness is all there is to go by.
 */
export const settleTimes = (closes: boolean, configured: number | undefined): SettleTimes => ({
  growing: closes ? SETTLE_OPEN_QUIET : (configured ?? 50),
  complete: closes ? (configured ?? 0) : (configured ?? 50),
})

/** The same as at the last look, a whole quiet time ago. */
const isUnchanged = ({ quiet, state: before }: Waiting, { mtimeNs, size }: FileState): boolean =>
  quiet <= SETTLE_QUIET_MAX && before?.size === size && before.mtimeNs === mtimeNs

/** The stage. `hint` is synchronous; `run` never ends. */
export const makeSettle = Effect.fnUntraced(function* (shared: Shared) {
  const files = yield* SourceFiles
  const clock = yield* Clock.Clock
  const waiting = new Map<string, Waiting>()
  const pulse = makePulse()

  const release = ({ path, source }: Pick<Waiting, "source" | "path">, more: Pick<Item, "restless" | "state"> = {}) => {
    waiting.delete(fileKey({ source, path }))
    shared.enqueueAll({ ...urgent(source, path), ...more })
  }

  const wait = (source: SourceName, path: RelativePath, quiet: number) => {
    const key = fileKey({ source, path })
    const now = clock.currentTimeMillisUnsafe()
    const before = waiting.get(key)
    const deadline = now + (quiet > SETTLE_QUIET_MAX ? SETTLE_OPEN_DELAY_MAX : SETTLE_DELAY_MAX)
    if (before !== undefined) {
      if (quiet > before.quiet) Object.assign(before, { quiet, deadline })
      before.lookAt = Math.min(now + Math.min(before.quiet, SETTLE_QUIET_MAX), Math.max(now, before.deadline))
      before.state = undefined
    } else {
      if (waiting.size >= SETTLE_PATHS) {
        const oldest = waiting.values().next()
        if (oldest.done !== true) release(oldest.value, { restless: true })
      }
      const lookAt = now + Math.min(quiet, SETTLE_QUIET_MAX)
      waiting.set(key, { source, path, state: undefined, quiet, lookAt, deadline })
    }
    pulse.wake()
  }

  const hint = (source: SourceName, path: RelativePath, kind: ChangeKind, times: SettleTimes) => {
    const quiet = kind === "growing" ? times.growing : kind === "complete" ? times.complete : 0
    if (quiet > 0) wait(source, path, quiet)
    else release({ source, path })
  }

  const stateOf = ({ path, source }: Waiting): Effect.Effect<FileState | undefined> => {
    const book = shared.books.get(source)
    if (book === undefined) return Effect.succeed(undefined)
    return Effect.orElseSucceed(files.stat(book.source, path), () => undefined)
  }

  /** Releases what held still or was waited for long enough. */
  const decide = (entry: Waiting, state: FileState | undefined, now: number) => {
    const still =
      state === undefined || isUnchanged(entry, state) || Number(state.mtimeNs / 1_000_000n) + entry.quiet <= now
    if (still) return release(entry, state === undefined ? {} : { state })
    if (now >= entry.deadline) return release(entry, { restless: true })
    if (entry.state !== undefined) entry.quiet = Math.max(entry.quiet, Math.min(entry.quiet * 2, SETTLE_QUIET_MAX))
    entry.state = state
    entry.lookAt = now + Math.min(entry.quiet, SETTLE_QUIET_MAX)
  }

  /** Looks at some at once, and releases them together: their server may take many in one go. */
  const look = Effect.fnUntraced(function* (entries: ReadonlyArray<Waiting>) {
    const due = entries.map((entry) => entry.lookAt)
    const states = yield* Effect.forEach(entries, stateOf, { concurrency: SETTLE_LOOKS })
    const now = clock.currentTimeMillisUnsafe()
    for (const [index, entry] of entries.entries()) {
      // Of what was told meanwhile the look may know nothing.
      if (waiting.get(fileKey(entry)) === entry && entry.lookAt === due[index]) decide(entry, states[index], now)
    }
  })

  const run = Effect.fnUntraced(function* () {
    for (;;) {
      const now = clock.currentTimeMillisUnsafe()
      const due: Array<Waiting> = []
      let nextAt = Number.POSITIVE_INFINITY
      for (const entry of waiting.values()) {
        if (entry.lookAt <= now) due.push(entry)
        else nextAt = Math.min(nextAt, entry.lookAt)
      }
      for (let at = 0; at < due.length; at += SETTLE_LOOKS) yield* look(due.slice(at, at + SETTLE_LOOKS))
      if (due.length > 0) shared.rested()
      else if (nextAt === Number.POSITIVE_INFINITY) yield* pulse.wait
      else yield* Effect.raceFirst(Effect.sleep(nextAt - now), pulse.wait)
    }
  })

  return {
    hint,
    /** Looks again at a file that turned out to be in change, after the shortest wait. */
    again: (source: SourceName, path: RelativePath, quiet: number) => {
      // That somebody asked for it meanwhile does not make it wait any longer.
      if (!waiting.has(fileKey({ source, path }))) wait(source, path, quiet)
    },
    waiting: (source: SourceName): number => {
      let count = 0
      for (const entry of waiting.values()) if (entry.source === source) count++
      return count
    },
    isWaiting: (source: SourceName, path: RelativePath): boolean => waiting.has(fileKey({ source, path })),
    isIdle: () => waiting.size === 0,
    run: run() as Effect.Effect<never>,
  }
})

export type Settle = Effect.Success<ReturnType<typeof makeSettle>>
