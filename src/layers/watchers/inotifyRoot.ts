/**
 * One watched root inside the watching thread: its inotify instance, which directory each watch descriptor stands for,
 * and what the kernel's events mean as hints.
 *
 * Every root has an instance of its own. So a consumer that does not pull delays no other root, an overflow is known to
 * be this root's, and sources that overlap do not take each other's watches.
 *
 * @since 1.0.0
 */
import { lstatSync, statSync } from "node:fs"
import { type ChangeKind, type FileChange, merge } from "../../domain/FileChange.ts"
import { WATCH_BATCH, WATCH_GROWING, WATCH_WRITERS } from "../../domain/Limits.ts"
import { child, type RelativePath } from "../../domain/Path.ts"
import type { BlindSpot } from "../../domain/Watcher.ts"
import { type DirectoryNode, DirectoryTree, pathOf } from "./directoryTree.ts"
import { watchesExhausted } from "./exhausted.ts"
import { DIRECTORY_MASK, ERRNO, IN, type InotifyCalls } from "./inotifyCalls.ts"
import type { Batch } from "./inotifyMessages.ts"
import { absolutePath, makeIsInside, nativePath } from "./rootedPath.ts"

type Node = DirectoryNode<number>

/** A writer that never pauses may not keep a batch from being told. */
const READS_OF_A_BATCH = 8

export interface InotifyRootOptions {
  readonly root: string
  /** Links to directories are watched as if they were directories. */
  readonly follow: boolean
  readonly ignoredDirs: ReadonlySet<string>
}

export class InotifyRoot {
  readonly descriptor: number
  /** Directories that have a watch. */
  watched = 0
  private readonly calls: InotifyCalls
  private readonly options: InotifyRootOptions
  private readonly tree = new DirectoryTree<number>()
  /** More than one directory where a followed link or a bind mount leads to the same one. */
  private readonly holders = new Map<number, Array<Node>>()
  /**
   * Files that were created or written and not closed yet, with the time they were last told as growing. Bounded, oldest
   * first; one that is forgotten too early is told as complete when it is touched, and again when it is closed.
   */
  private readonly writers = new Map<RelativePath, number>()
  /** Those of the writers that changed since they were told. */
  private readonly untold = new Set<RelativePath>()
  private untoldSince = 0
  /** The rename under way, where its file is still being written. */
  private movedWriter = 0
  private changes = new Map<RelativePath, ChangeKind>()
  private paths = new Map<Node, RelativePath>()
  private overflowed = false
  private rootLost = false

  constructor(calls: InotifyCalls, descriptor: number, options: InotifyRootOptions) {
    this.calls = calls
    this.descriptor = descriptor
    this.options = options
  }

  /** Watches directories; those that are not there are passed over. */
  watch(directories: ReadonlyArray<RelativePath>): ReadonlyArray<BlindSpot> {
    const blind: Array<BlindSpot> = []
    const isInside = this.options.follow ? () => true : makeIsInside(this.options.root)
    for (const directory of directories) {
      const errno = this.add(directory)
      if (errno === 0) {
        if (!isInside(directory)) this.forget(this.tree.find(directory))
      } else if (errno === ERRNO.ENOENT || errno === ERRNO.ENOTDIR || errno === ERRNO.ELOOP) {
        if (directory === "") this.rootLost = true
      } else if (errno === ERRNO.ENOSPC) {
        blind.push({ directory, reason: watchesExhausted, exhausted: true })
      } else {
        const reason = errno === ERRNO.EACCES ? "EACCES: it may not be read" : `it can not be watched (errno ${errno})`
        blind.push({ directory, reason, exhausted: false })
      }
    }
    return blind
  }

  /** Reads what the kernel has, up to one batch. Undefined where there is nothing to tell (yet). */
  read(now: number): Batch | undefined {
    for (let reads = 0; reads < READS_OF_A_BATCH && this.changes.size < WATCH_BATCH; reads++) {
      const some = this.calls.read(this.descriptor, (watch, mask, cookie, name) =>
        this.hear(watch, mask, cookie, name, now),
      )
      if (!some) break
    }
    return this.take(now)
  }

  /** What is to be told now. */
  take(now: number): Batch | undefined {
    if (this.untold.size > 0 && now >= this.untoldSince + WATCH_GROWING) {
      for (const path of this.untold) this.tell(path, now)
    }
    if (this.overflowed) this.verify()
    if (this.changes.size === 0 && !this.overflowed && !this.rootLost) return undefined
    const changes: Array<FileChange> = []
    for (const [path, kind] of this.changes) changes.push({ path, kind })
    const batch = { changes, overflowed: this.overflowed, rootLost: this.rootLost }
    this.changes = new Map()
    this.overflowed = false
    this.rootLost = false
    return batch
  }

  /** When something will have to be told even without a new event; undefined where nothing waits. */
  get due(): number | undefined {
    return this.untold.size === 0 ? undefined : this.untoldSince + WATCH_GROWING
  }

  close(): void {
    this.calls.close(this.descriptor)
  }

  /** 0, or the errno. What the path stood for before is forgotten where it is another directory by now. */
  private add(path: RelativePath): number {
    const mask = path === "" || this.options.follow ? DIRECTORY_MASK : DIRECTORY_MASK | IN.DONT_FOLLOW
    const watch = this.calls.addWatch(this.descriptor, absolutePath(this.options.root, path), mask)
    const before = this.tree.find(path)
    if (typeof watch !== "number") {
      this.forget(before)
      return watch.errno
    }
    if (before?.value === watch) return 0
    if (before?.value !== undefined) this.forget(before)
    const others = this.holders.get(watch) ?? []
    const node = this.tree.ensure(path)
    node.value = watch
    this.watched++
    this.holders.set(watch, [...others, node])
    // A directory that was moved keeps its descriptor: the old path gives it up, unless both lead to it.
    for (const other of others) if (!this.isSameDirectory(pathOf(other), path)) this.forget(other)
    return 0
  }

  private isSameDirectory(one: RelativePath, other: RelativePath): boolean {
    try {
      const { root } = this.options
      const [a, b] = [statSync(nativePath(root, one)), statSync(nativePath(root, other))]
      return a.ino === b.ino && a.dev === b.dev
    } catch {
      return false
    }
  }

  /** Drops the watches of this directory and all below it. */
  private forget(node: Node | undefined): void {
    if (node === undefined) return
    this.tree.remove(node, (watch, below) => {
      this.watched--
      this.paths.delete(below)
      const others = this.holders.get(watch)?.filter((holder) => holder !== below) ?? []
      if (others.length > 0) {
        this.holders.set(watch, others)
      } else if (this.holders.delete(watch)) {
        this.calls.removeWatch(this.descriptor, watch)
      }
    })
  }

  /** After lost events nothing is taken for granted: every watch is compared with what is at its path now. */
  private verify(): void {
    const root = this.tree.root.value
    for (const node of this.tree.below(this.tree.root)) if (node.value !== undefined) this.add(pathOf(node))
    if (this.tree.root.value !== root) this.rootLost = true
    this.writers.clear()
    this.untold.clear()
  }

  private hint(path: RelativePath, kind: ChangeKind): void {
    const before = this.changes.get(path)
    this.changes.set(path, before === undefined ? kind : merge(before, kind))
  }

  private hear(watch: number, mask: number, cookie: number, name: string, now: number): void {
    if ((mask & IN.Q_OVERFLOW) !== 0) {
      this.overflowed = true
      return
    }
    // Events of watches that were dropped meanwhile have no holder.
    const holders = this.holders.get(watch)
    if (holders === undefined) return
    if ((mask & IN.IGNORED) !== 0) this.holders.delete(watch)
    for (const node of holders) {
      if (name === "") this.hearSelf(node, mask)
      else this.hearChild(node, mask, cookie, name, now)
    }
  }

  private pathOf(node: Node): RelativePath {
    let path = this.paths.get(node)
    if (path === undefined) {
      if (this.paths.size >= WATCH_BATCH) this.paths.clear()
      path = pathOf(node)
      this.paths.set(node, path)
    }
    return path
  }

  /** Something happened to a watched directory itself. */
  private hearSelf(node: Node, mask: number): void {
    const path = this.pathOf(node)
    if ((mask & (IN.DELETE_SELF | IN.MOVE_SELF | IN.UNMOUNT | IN.IGNORED)) !== 0) {
      this.forget(node)
      if (node === this.tree.root) this.rootLost = true
      else this.hint(path, "tree")
    } else if ((mask & IN.ATTRIB) !== 0) {
      // It may have become readable.
      this.hint(path, "listing")
    }
  }

  /** Something happened to an entry of a watched directory. */
  private hearChild(node: Node, mask: number, cookie: number, name: string, now: number): void {
    const isDirectory = (mask & IN.ISDIR) !== 0
    if (isDirectory && this.options.ignoredDirs.has(name)) return
    const path = child(this.pathOf(node), name)
    if ((mask & (IN.CREATE | IN.MOVED_TO | IN.DELETE | IN.MOVED_FROM)) !== 0) {
      const appeared = (mask & (IN.CREATE | IN.MOVED_TO)) !== 0
      const known = node.children?.get(name)
      // Whoever watches may have been ahead of this event: a watch that is right is kept.
      if (known !== undefined && (!appeared || this.add(path) !== 0)) this.forget(known)
      if (isDirectory || known !== undefined || (appeared && this.leadsToDirectory(path))) this.hint(path, "tree")
      else if (appeared) this.hearAppeared(path, mask, cookie, now)
      else this.hearGone(path, mask, cookie)
    } else if (isDirectory) {
      // A watched one tells of itself; another may have become readable.
      if (node.children?.get(name)?.value === undefined) this.hint(path, "tree")
    } else if ((mask & IN.CLOSE_WRITE) !== 0) {
      this.settled(path)
      this.hint(path, "complete")
    } else if ((mask & IN.MODIFY) !== 0) {
      this.written(path, now)
    } else if ((mask & IN.ATTRIB) !== 0) {
      if (this.writers.has(path)) this.written(path, now)
      else this.hint(path, "complete")
    }
  }

  private hearAppeared(path: RelativePath, mask: number, cookie: number, now: number): void {
    const closed = (mask & IN.MOVED_TO) !== 0 ? cookie !== this.movedWriter : this.isLink(path)
    this.settled(path)
    if (closed) this.hint(path, "complete")
    else this.written(path, now)
  }

  private hearGone(path: RelativePath, mask: number, cookie: number): void {
    if (this.settled(path) && (mask & IN.MOVED_FROM) !== 0) this.movedWriter = cookie
    this.hint(path, "gone")
  }

  /** A file is being written: told at once, then now and then. */
  private written(path: RelativePath, now: number): void {
    const toldAt = this.writers.get(path)
    if (toldAt !== undefined && now < toldAt + WATCH_GROWING && this.changes.get(path) === undefined) {
      if (this.untold.size === 0) this.untoldSince = now
      this.untold.add(path)
      return
    }
    this.tell(path, now)
    if (this.writers.size <= WATCH_WRITERS) return
    const oldest = this.writers.keys().next()
    if (oldest.done === true) return
    this.writers.delete(oldest.value)
    if (this.untold.delete(oldest.value)) this.hint(oldest.value, "growing")
  }

  private tell(path: RelativePath, now: number): void {
    this.writers.delete(path)
    this.writers.set(path, now)
    this.untold.delete(path)
    this.hint(path, "growing")
  }

  /** Nobody is known to write it any more. True where somebody was. */
  private settled(path: RelativePath): boolean {
    this.untold.delete(path)
    return this.writers.delete(path)
  }

  /** Another name of a file, or a link to one: nobody opened it to make it. */
  private isLink(path: RelativePath): boolean {
    try {
      const stats = lstatSync(nativePath(this.options.root, path))
      return stats.isSymbolicLink() || (stats.isFile() && stats.nlink > 1)
    } catch {
      return false
    }
  }

  private leadsToDirectory(path: RelativePath): boolean {
    if (!this.options.follow) return false
    try {
      const link = nativePath(this.options.root, path)
      return lstatSync(link).isSymbolicLink() && statSync(link).isDirectory()
    } catch {
      return false
    }
  }
}
