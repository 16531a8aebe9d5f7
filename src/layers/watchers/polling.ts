/**
 * The monitor for network file systems, which tell nobody when another machine changes them: every watched directory is
 * read again and again, and compared with what it looked like before. It remembers a few numbers and the names of
 * subdirectories, never files; so what it tells of a file is "list its directory".
 *
 * @since 1.0.0
 */
import { stat } from "node:fs/promises"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Stats } from "node:fs"
import type { Source } from "../../domain/Config.ts"
import { WatcherError } from "../../domain/Errors.ts"
import { POLL_FIRST, POLL_MAX } from "../../domain/Limits.ts"
import { child, type RelativePath } from "../../domain/Path.ts"
import { type BlindSpot, Watcher, type WatchSession } from "../../domain/Watcher.ts"
import { native } from "../nativePath.ts"
import { type DirectoryNode, DirectoryTree, pathOf } from "./directoryTree.ts"
import { failureCode, failureText, isAbsence } from "./failureCode.ts"
import { type Hints, makeHints } from "./hints.ts"
import { openRoot } from "./openRoot.ts"
import { makeIsInside } from "./rootedPath.ts"
import { type Snapshot, takeSnapshot } from "./snapshot.ts"

/** Milliseconds between two rounds: the wait after a change was found, and what it grows to while nothing changes. */
export interface PollingOptions {
  readonly first: number
  readonly max: number
}

interface Polled {
  readonly sums: string
  readonly unreadable: boolean
}

type Node = DirectoryNode<Polled>

const polled = ({ sums, unreadable }: Snapshot): Polled => ({ sums, unreadable: unreadable !== undefined })

const identityOf = (stats: Stats): string => `${stats.dev}:${stats.ino}`

class Poll {
  watched = 0
  private readonly tree = new DirectoryTree<Polled>()
  private readonly source: Source
  private readonly identity: string
  private readonly hints: Hints

  constructor(source: Source, identity: string, hints: Hints) {
    this.source = source
    this.identity = identity
    this.hints = hints
  }

  async watch(directories: ReadonlyArray<RelativePath>): Promise<ReadonlyArray<BlindSpot>> {
    const isInside = this.source.symlinks === "follow" ? () => true : makeIsInside(this.source.root)
    const blind: Array<BlindSpot> = []
    for (const directory of directories) {
      if (!isInside(directory)) continue
      // What is known of a directory is older than any later change, so it stays.
      const known = this.tree.find(directory)?.value
      if (known !== undefined && !known.unreadable) continue
      const reason = await this.watchOne(directory)
      if (reason !== undefined) blind.push({ directory, reason, exhausted: false })
    }
    return blind
  }

  /** Looks at every directory once. True where something changed. */
  async round(signal: AbortSignal): Promise<boolean> {
    let changed = false
    if (await this.rootIsGone()) {
      this.hints.rootLost()
      return true
    }
    for (const node of this.tree.below(this.tree.root)) {
      if (signal.aborted) return changed
      if (node.value !== undefined && (await this.compare(node, node.value))) changed = true
    }
    return changed
  }

  /** Undefined, or why it is a blind spot. Polling goes on all the same: it may get better. */
  private async watchOne(directory: RelativePath): Promise<string | undefined> {
    try {
      const snapshot = await takeSnapshot(this.source, directory)
      if (snapshot === undefined) return undefined
      const node = this.tree.ensure(directory)
      if (node.value === undefined) this.watched++
      node.value = polled(snapshot)
      return snapshot.unreadable === undefined ? undefined : `${snapshot.unreadable}: it may not be read`
    } catch (cause) {
      return failureText(cause)
    }
  }

  private async compare(node: Node, before: Polled): Promise<boolean> {
    const path = pathOf(node)
    let snapshot: Snapshot | undefined
    try {
      snapshot = await takeSnapshot(this.source, path)
    } catch {
      // A server that does not answer says nothing about its files.
      return false
    }
    if (node.value !== before || snapshot?.sums === before.sums) return false
    if (snapshot === undefined) {
      this.forget(node)
      this.hints.add(path, "tree")
      return true
    }
    node.value = polled(snapshot)
    this.hints.add(path, "listing")
    if (snapshot.unreadable !== undefined) return true
    for (const [name, below] of Array.from(node.children ?? [])) {
      if (snapshot.directories.has(name)) continue
      this.forget(below)
      this.hints.add(child(path, name), "tree")
    }
    for (const name of snapshot.directories) {
      if (node.children?.get(name) === undefined) this.hints.add(child(path, name), "tree")
    }
    return true
  }

  private forget(node: Node): void {
    this.tree.remove(node, () => {
      this.watched--
    })
  }

  private async rootIsGone(): Promise<boolean> {
    try {
      return identityOf(await stat(native(this.source.root))) !== this.identity
    } catch (cause) {
      return isAbsence(failureCode(cause))
    }
  }
}

const makeOpen = ({ first, max }: PollingOptions): Watcher["Service"]["open"] =>
  Effect.fnUntraced(function* (source) {
    const identity = identityOf(yield* openRoot(source))
    const hints = yield* makeHints(source.root)
    const poll = new Poll(source, identity, hints)
    const attempt = <A>(work: (signal: AbortSignal) => Promise<A>) =>
      Effect.tryPromise({
        try: work,
        catch: (cause) => new WatcherError({ root: source.root, detail: failureText(cause), cause }),
      })

    const rounds = Effect.gen(function* () {
      let wait = first
      for (;;) {
        yield* Effect.sleep(wait)
        const [duration, changed] = yield* Effect.timed(attempt((signal) => poll.round(signal)))
        const calm = Math.min(max, changed ? first : wait * 1.5)
        // A tree that takes long to read is not read all the time.
        wait = Math.min(max, Math.max(calm, Duration.toMillis(duration)))
      }
    })
    yield* Effect.forkScoped(
      Effect.catchCause(rounds, (cause) => Effect.sync(() => hints.fail("polling stopped", Cause.squash(cause)))),
    )

    const session: WatchSession = {
      name: "polling",
      capabilities: { closes: false, overflow: true, recursive: false },
      signals: hints.signals,
      watch: (directories) => attempt(() => poll.watch(directories)),
      watched: Effect.sync(() => poll.watched),
    }
    return session
  })

/** Polling at this pace. */
export const layerPollingWith = (options: PollingOptions): Layer.Layer<Watcher> =>
  Layer.succeed(Watcher, { open: makeOpen(options) })

/** Polling every second while things change, every ten seconds while they do not. */
export const layerPolling: Layer.Layer<Watcher> = layerPollingWith({ first: POLL_FIRST, max: POLL_MAX })
