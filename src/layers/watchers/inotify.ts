/**
 * The monitor of Linux: inotify itself. It tells when a writer has closed a file, when events were lost, and what a
 * name's bytes are.
 *
 * @since 1.0.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as RcRef from "effect/RcRef"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Source } from "../../domain/Config.ts"
import { WatcherError } from "../../domain/Errors.ts"
import { WATCH_CREDITS } from "../../domain/Limits.ts"
import { root } from "../../domain/Path.ts"
import { Watcher, type WatchSession, type WatchSignal } from "../../domain/Watcher.ts"
import type { Batch } from "./inotifyMessages.ts"
import { InotifyUnavailable, startInotifyThread } from "./inotifyThread.ts"
import { openRoot } from "./openRoot.ts"

const signalsOf = ({ changes, overflowed, rootLost }: Batch): Array<WatchSignal> => {
  const signals: Array<WatchSignal> = []
  if (changes.length > 0) signals.push({ _tag: "Changes", changes })
  if (overflowed) signals.push({ _tag: "Overflowed", directory: root })
  if (rootLost) signals.push({ _tag: "RootLost" })
  return signals
}

/** Opens sessions that share one thread; it lives as long as any of them. */
export interface Inotify {
  readonly open: (source: Source) => Effect.Effect<WatchSession, WatcherError | InotifyUnavailable, Scope.Scope>
}

/** Opens no session yet, and starts nothing. */
export const makeInotify: Effect.Effect<Inotify, never, Scope.Scope> = Effect.gen(function* () {
  const unsupported = new InotifyUnavailable({ detail: `it belongs to Linux, and this is ${process.platform}` })
  const threads = yield* RcRef.make({
    acquire: process.platform === "linux" ? startInotifyThread : Effect.fail(unsupported),
  })
  let sessions = 0

  const living = Effect.gen(function* () {
    const thread = yield* RcRef.get(threads)
    if (thread.death() === undefined) return thread
    yield* RcRef.invalidate(threads)
    return yield* RcRef.get(threads)
  })

  const open: Inotify["open"] = Effect.fnUntraced(function* (source) {
    yield* openRoot(source)
    const thread = yield* living
    const session = ++sessions
    const failed = (detail: string) => new WatcherError({ root: source.root, detail })
    // Bounded by the credits.
    const batches = yield* Queue.unbounded<Batch, WatcherError | Cause.Done>()
    let watched = 0
    let taken = 0
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        thread.listen(session, {
          batch: (batch, count) => {
            watched = count
            Queue.offerUnsafe(batches, batch)
          },
          died: (detail) => Queue.failCauseUnsafe(batches, Cause.fail(failed(detail))),
        }),
      ),
      (unlisten) => Effect.andThen(Effect.sync(unlisten), Queue.end(batches)),
    )
    const { follow, ignoredDirs } = { follow: source.symlinks === "follow", ignoredDirs: source.ignoredDirs }
    yield* Effect.acquireRelease(
      Effect.mapError(
        thread.ask((request) => ({ _tag: "Open", request, session, root: source.root, follow, ignoredDirs })),
        ({ detail }) => failed(detail),
      ),
      () => Effect.ignore(thread.ask((request) => ({ _tag: "Close", request, session }))),
    )

    const next = Effect.map(Queue.take(batches), (batch) => {
      if (++taken >= WATCH_CREDITS / 2) {
        thread.tell({ _tag: "Taken", session, batches: taken })
        taken = 0
      }
      return signalsOf(batch)
    })
    const result: WatchSession = {
      name: "inotify",
      capabilities: { closes: true, overflow: true, recursive: false },
      signals: Stream.fromEffectRepeat(next).pipe(
        Stream.flattenIterable,
        Stream.takeUntil(({ _tag }) => _tag === "RootLost"),
      ),
      watch: (directories) =>
        thread
          .ask((request) => ({ _tag: "Watch", request, session, directories }))
          .pipe(
            Effect.mapError(({ detail }) => failed(detail)),
            Effect.map((answer) => {
              watched = answer.watched
              return answer.blind
            }),
          ),
      watched: Effect.sync(() => watched),
    }
    return result
  })
  return { open }
})

/** The monitor of Linux, and no other: where it can not run, `open` fails and says why. */
export const layerInotify: Layer.Layer<Watcher> = Layer.effect(
  Watcher,
  Effect.map(makeInotify, ({ open }) => ({
    open: (source) =>
      Effect.catchTag(open(source), "InotifyUnavailable", ({ message }) =>
        Effect.fail(new WatcherError({ root: source.root, detail: message })),
      ),
  })),
)
