/**
 * What a monitor that pushes has to say, kept until it is pulled: merged by path, and bounded. What does not fit turns
 * into "events were lost".
 *
 * @since 1.0.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { WatcherError } from "../../domain/Errors.ts"
import { type ChangeKind, type FileChange, merge } from "../../domain/FileChange.ts"
import { WATCH_PATHS } from "../../domain/Limits.ts"
import { type RelativePath, root as everything } from "../../domain/Path.ts"
import type { WatchSignal } from "../../domain/Watcher.ts"

export interface Hints {
  readonly add: (path: RelativePath, kind: ChangeKind) => void
  /** A hint about this path waits already. */
  readonly has: (path: RelativePath) => boolean
  /** Events were lost below the root. */
  readonly overflow: () => void
  /** The root is gone; nothing is told after it. */
  readonly rootLost: () => void
  /** The monitor is dead. */
  readonly fail: (detail: string, cause?: unknown) => void
  readonly signals: Stream.Stream<WatchSignal, WatcherError>
}

/** For the session over the directory `root`; ends with its Scope. */
export const makeHints = (root: string): Effect.Effect<Hints, never, Scope.Scope> =>
  Effect.gen(function* () {
    const bell = yield* Effect.acquireRelease(Queue.sliding<void, WatcherError | Cause.Done>(1), (bell) =>
      Queue.end(bell),
    )
    const ring = () => void Queue.offerUnsafe(bell, undefined)
    let changes = new Map<RelativePath, ChangeKind>()
    let overflowed = false
    let lost = false

    const overflow = () => {
      overflowed = true
      changes = new Map()
      ring()
    }
    const pull = Effect.map(Queue.take(bell), () => {
      const signals: Array<WatchSignal> = []
      if (changes.size > 0) {
        signals.push({ _tag: "Changes", changes: Array.from(changes, ([path, kind]): FileChange => ({ path, kind })) })
      }
      if (overflowed) signals.push({ _tag: "Overflowed", directory: everything })
      if (lost) signals.push({ _tag: "RootLost" })
      changes = new Map()
      overflowed = false
      return signals
    })

    const hints: Hints = {
      add: (path, kind) => {
        // Whatever comes before the pull is covered by the overflow.
        if (overflowed) return
        const before = changes.get(path)
        changes.set(path, before === undefined ? kind : merge(before, kind))
        if (changes.size > WATCH_PATHS) overflow()
        else if (before === undefined) ring()
      },
      has: (path) => changes.has(path),
      overflow,
      rootLost: () => {
        lost = true
        ring()
      },
      fail: (detail, cause) => void Queue.failCauseUnsafe(bell, Cause.fail(new WatcherError({ root, detail, cause }))),
      signals: Stream.fromEffectRepeat(pull).pipe(
        Stream.flattenIterable,
        Stream.takeUntil(({ _tag }) => _tag === "RootLost"),
      ),
    }
    return hints
  })
