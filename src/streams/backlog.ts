/**
 * Work that waits, in bounded memory. Paths are remembered one by one up to a limit; past it as "list that directory",
 * past another limit as "look at that whole tree". Nothing is ever forgotten, it only gets less precise; what is due is
 * found again by comparing disk and ledger.
 *
 * @since 1.0.0
 */
import type { Delivery } from "../domain/Delivery.ts"
import type { FileState } from "../domain/FileState.ts"
import { BACKLOG_DIRECTORIES, BACKLOG_PATHS } from "../domain/Limits.ts"
import { directoryOf, type RelativePath, root, type SourceName } from "../domain/Path.ts"
import { fileKey } from "../domain/Reference.ts"

/** One thing to look at. */
export interface Item {
  /** Tells the source and the path from all others. */
  readonly key: string
  readonly source: SourceName
  readonly path: RelativePath
  readonly kind: "path" | "listing" | "tree"
  /** Reported by the monitor, the agenda or a person just now: goes before what a scan found. */
  readonly urgent: boolean
  /** False: it waited long enough for files it refers to, and goes on with what is there. */
  readonly patient?: false
  /** True: it was waited for long enough, and is taken although it may still be written. */
  readonly restless?: true
  /** What a listing a moment ago said; whoever reads the file verifies it. */
  readonly state?: FileState
  /** The deliveries at that moment, where nothing can have changed them since. */
  readonly deliveries?: ReadonlyArray<Delivery>
}

/** A path that a monitor, the agenda or a person asks to look at. */
export const urgent = (source: SourceName, path: RelativePath): Item => ({
  key: fileKey({ source, path }),
  source,
  path,
  kind: "path",
  urgent: true,
})

/** A path that a listing found to be due. */
export const listed = (source: SourceName, path: RelativePath, state: FileState | undefined): Item => {
  const key = fileKey({ source, path })
  // Two literals: there are as many of these as there are files, and a spread costs several times as much.
  return state === undefined
    ? { key, source, path, kind: "path", urgent: false }
    : { key, source, path, kind: "path", urgent: false, state }
}

/** A directory to list, or a whole tree to look at. */
export const directory = (source: SourceName, path: RelativePath, kind: "listing" | "tree"): Item => ({
  key: fileKey({ source, path }),
  source,
  path,
  kind,
  urgent: false,
})

const wider = (a: Item["kind"], b: Item["kind"]): Item["kind"] =>
  a === "tree" || b === "tree" ? "tree" : a === "listing" || b === "listing" ? "listing" : "path"

/** Two items about one path. */
const union = (before: Item, after: Item): Item => ({
  key: after.key,
  source: after.source,
  path: after.path,
  kind: wider(before.kind, after.kind),
  urgent: before.urgent || after.urgent,
})

export interface BacklogLimits {
  readonly paths: number
  readonly directories: number
}

/** Items that may leave a queue before its iterator is begun anew. */
const LEFT_BEHIND = 64

/** Items by their keys, oldest first. */
export class ItemQueue {
  #items = new Map<string, Item>()
  /**
   * Goes on where it stopped: what was taken out leaves gaps that would be looked through again from the start. One that
   * stands still keeps everything that the map has been since then in memory.
   */
  #order = this.#items.values()
  #next: string | undefined
  #leftBehind = 0

  get size(): number {
    return this.#items.size
  }

  get(key: string): Item | undefined {
    return this.#items.get(key)
  }

  /** Adds an item at the end; where there is one with its key, takes its place. */
  set(item: Item): void {
    this.#items.set(item.key, item)
  }

  delete(key: string): boolean {
    const isDeleted = this.#items.delete(key)
    if (isDeleted && ++this.#leftBehind > LEFT_BEHIND) {
      this.#order = this.#items.values()
      this.#leftBehind = 0
    }
    return isDeleted
  }

  /** The oldest, left where it is. */
  peek(): Item | undefined {
    while (this.#items.size > 0) {
      const item = this.#next === undefined ? undefined : this.#items.get(this.#next)
      if (item !== undefined) return item
      const step = this.#order.next()
      this.#leftBehind = 0
      if (step.done === true) this.#order = this.#items.values()
      else this.#next = step.value.key
    }
    return undefined
  }

  /** The oldest, taken out. */
  take(): Item | undefined {
    const item = this.peek()
    if (item !== undefined) this.#items.delete(item.key)
    this.#next = undefined
    return item
  }

  /** Everything, taken out. */
  drain(): ReadonlyArray<Item> {
    const items = Array.from(this.#items.values())
    this.#items = new Map()
    this.#order = this.#items.values()
    this.#next = undefined
    return items
  }

  [Symbol.iterator](): Iterator<Item> {
    return this.#items.values()
  }
}

/** See the module. Not an Effect: every operation is synchronous and happens at once. */
export class Backlog {
  private readonly urgentPaths = new ItemQueue()
  private readonly paths = new ItemQueue()
  private readonly directories = new ItemQueue()
  private readonly limits: BacklogLimits

  constructor(limits: BacklogLimits = { paths: BACKLOG_PATHS, directories: BACKLOG_DIRECTORIES }) {
    this.limits = limits
  }

  /** How many entries wait; a directory counts as one. */
  get size(): number {
    return this.urgentPaths.size + this.paths.size + this.directories.size
  }

  /** True where `size` stands for more than it counts. */
  get isCollapsed(): boolean {
    return this.directories.size > 0
  }

  add(item: Item): void {
    if (item.kind !== "path") return this.addDirectory(item)
    const before = this.urgentPaths.get(item.key) ?? this.paths.get(item.key)
    if (before !== undefined) {
      const merged = union(before, item)
      this.paths.delete(item.key)
      this.urgentPaths.delete(item.key)
      ;(merged.urgent ? this.urgentPaths : this.paths).set(merged)
      return
    }
    const queue = item.urgent ? this.urgentPaths : this.paths
    if (queue.size >= this.limits.paths) {
      return this.addDirectory(directory(item.source, directoryOf(item.path), "listing"))
    }
    queue.set(item)
  }

  private addDirectory(item: Item): void {
    const before = this.directories.get(item.key)
    if (before !== undefined) {
      this.directories.set(union(before, item))
      return
    }
    if (this.directories.size < this.limits.directories) {
      this.directories.set(item)
      return
    }
    for (const waiting of this.directories) {
      if (waiting.source === item.source) this.directories.delete(waiting.key)
    }
    this.directories.set(directory(item.source, root, "tree"))
  }

  /** The next path: urgent ones first, each kind oldest first. */
  takePath(): Item | undefined {
    return this.urgentPaths.take() ?? this.paths.take()
  }

  /** The path that {@link takePath} would give. */
  peekPath(): Item | undefined {
    return this.urgentPaths.peek() ?? this.paths.peek()
  }

  /** The next directory or tree. */
  takeDirectory(): Item | undefined {
    return this.directories.take()
  }

  /** The next of any kind: paths before directories. */
  take(): Item | undefined {
    return this.takePath() ?? this.takeDirectory()
  }

  get hasPaths(): boolean {
    return this.paths.size > 0 || this.urgentPaths.size > 0
  }

  get hasUrgent(): boolean {
    return this.urgentPaths.size > 0
  }

  /** How many urgent paths wait. */
  get urgents(): number {
    return this.urgentPaths.size
  }

  /** Everything that waits, taken out. */
  drain(): ReadonlyArray<Item> {
    return [...this.urgentPaths.drain(), ...this.paths.drain(), ...this.directories.drain()]
  }
}
