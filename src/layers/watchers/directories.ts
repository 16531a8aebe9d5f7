/**
 * The monitor where inotify itself can not be called: one `fs.watch` per directory. It tells that something happened to
 * a name, and no more: neither that a file was closed nor that events were lost.
 *
 * @since 1.0.0
 */
import type { Buffer } from "node:buffer"
import { type BigIntStats, type FSWatcher, lstatSync, statSync, watch as watchDirectory } from "node:fs"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Source } from "../../domain/Config.ts"
import { baseNameOf, child, type RelativePath } from "../../domain/Path.ts"
import { type BlindSpot, Watcher, type WatchSession } from "../../domain/Watcher.ts"
import { fromNative } from "../nativePath.ts"
import { type DirectoryNode, DirectoryTree, pathOf } from "./directoryTree.ts"
import { instancesExhausted, watchesExhausted } from "./exhausted.ts"
import { failureCode, failureText, isAbsence } from "./failureCode.ts"
import { type Hints, makeHints } from "./hints.ts"
import { openRoot } from "./openRoot.ts"
import { makeIsInside, nativePath } from "./rootedPath.ts"

/** A directory, and its watch unless it is a blind spot. */
interface Watched {
  readonly identity: string
  readonly handle: FSWatcher | undefined
}

type Node = DirectoryNode<Watched>

/** Inodes are used again; with its time of birth a directory is told from its successor. */
const identityOf = (stats: BigIntStats): string => `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`

class Directories {
  watched = 0
  private readonly tree = new DirectoryTree<Watched>()
  private readonly source: Source
  private readonly hints: Hints

  constructor(source: Source, hints: Hints) {
    this.source = source
    this.hints = hints
  }

  watch(directories: ReadonlyArray<RelativePath>): ReadonlyArray<BlindSpot> {
    const isInside = this.source.symlinks === "follow" ? () => true : makeIsInside(this.source.root)
    const blind: Array<BlindSpot> = []
    for (const directory of directories) {
      if (!isInside(directory)) continue
      try {
        this.watchOne(directory)
      } catch (cause) {
        const code = failureCode(cause)
        const exhausted = code === "ENOSPC" || code === "EMFILE"
        if (isAbsence(code)) this.lose(directory)
        else blind.push({ directory, reason: exhaustion.get(code) ?? failureText(cause), exhausted })
      }
    }
    return blind
  }

  close(): void {
    this.forget(this.tree.root)
  }

  /** Throws what `node:fs` throws. */
  private watchOne(path: RelativePath): void {
    const where = nativePath(this.source.root, path)
    const stats = this.look(path)
    if (!stats.isDirectory()) return this.lose(path)
    const before = this.tree.find(path)
    const identity = identityOf(stats)
    if (before?.value?.identity === identity && before.value.handle !== undefined) return
    if (before?.value !== undefined) this.forget(before)
    const node = this.tree.ensure(path)
    node.value = { identity, handle: undefined }
    const handle = watchDirectory(where, { encoding: "buffer" }, (event, name) => {
      if (node.value?.handle === handle) this.hear(node, event, name)
    })
    handle.on("error", () => {
      if (node.value?.handle !== handle) return
      this.forget(node)
      this.hints.add(path, "tree")
    })
    node.value = { identity, handle }
    this.watched++
    // What was looked at and what is watched have to be the same.
    if (identityOf(this.look(path)) !== identity) {
      this.forget(node)
      this.hints.add(path, "tree")
    }
  }

  /** The root may be a link, and so may others where the source follows them. */
  private look(path: RelativePath): BigIntStats {
    const where = nativePath(this.source.root, path)
    const follow = path === "" || this.source.symlinks === "follow"
    return follow ? statSync(where, { bigint: true }) : lstatSync(where, { bigint: true })
  }

  private lookOrNothing(path: RelativePath): BigIntStats | undefined {
    try {
      return this.look(path)
    } catch {
      return undefined
    }
  }

  private lose(path: RelativePath): void {
    const node = this.tree.find(path)
    if (node !== undefined) this.forget(node)
    if (path === "") this.hints.rootLost()
  }

  private forget(node: Node): void {
    this.tree.remove(node, ({ handle }) => {
      if (handle === undefined) return
      handle.close()
      this.watched--
    })
  }

  private hear(node: Node, event: string, rawName: Buffer | string | null): void {
    const path = pathOf(node)
    if (rawName === null) return this.hints.add(path, "listing")
    const name = fromNative(rawName)
    // Events of the directory itself come under its own name.
    const ofItself = name === baseNameOf(path === "" ? this.source.root : path)
    if (event === "change") {
      if (ofItself) this.hints.add(path, "listing")
      this.changed(node, child(path, name), name)
    } else {
      if (ofItself && this.hasGone(node, path)) return
      this.renamed(node, child(path, name), name)
    }
  }

  private hasGone(node: Node, path: RelativePath): boolean {
    const stats = this.lookOrNothing(path)
    if (stats !== undefined && identityOf(stats) === node.value?.identity) return false
    this.forget(node)
    if (path === "") this.hints.rootLost()
    else this.hints.add(path, "tree")
    return true
  }

  private changed(node: Node, path: RelativePath, name: string): void {
    if (this.hints.has(path)) return
    const known = node.children?.get(name)
    if (known === undefined) this.hints.add(path, "growing")
    else this.hints.add(path, known.value?.handle === undefined ? "tree" : "listing")
  }

  /** The name appeared, vanished, or both. */
  private renamed(node: Node, path: RelativePath, name: string): void {
    const known = node.children?.get(name)
    const stats = this.lookOrNothing(path)
    const isDirectory = stats?.isDirectory() === true
    if (isDirectory && this.source.ignoredDirs.has(name)) return
    if (known !== undefined && (stats === undefined || identityOf(stats) !== known.value?.identity)) this.forget(known)
    if (isDirectory || known !== undefined) this.hints.add(path, "tree")
    else this.hints.add(path, stats === undefined ? "gone" : "growing")
  }
}

const exhaustion = new Map([
  ["ENOSPC", watchesExhausted],
  ["EMFILE", instancesExhausted],
])

const open: Watcher["Service"]["open"] = Effect.fnUntraced(function* (source) {
  yield* openRoot(source)
  const hints = yield* makeHints(source.root)
  const directories = yield* Effect.acquireRelease(
    Effect.sync(() => new Directories(source, hints)),
    (directories) => Effect.sync(() => directories.close()),
  )
  const session: WatchSession = {
    name: "fs.watch",
    capabilities: { closes: false, overflow: false, recursive: false },
    signals: hints.signals,
    watch: (paths) => Effect.sync(() => directories.watch(paths)),
    watched: Effect.sync(() => directories.watched),
  }
  return session
})

/** The monitor with one `fs.watch` per directory. */
export const layerDirectories: Layer.Layer<Watcher> = Layer.succeed(Watcher, { open })
