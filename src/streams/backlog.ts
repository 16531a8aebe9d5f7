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

/** One thing to look at. */
export interface Item {
  readonly source: SourceName
  readonly path: RelativePath
  readonly kind: "path" | "listing" | "tree"
  /** The guard let the deletion of what is missing here pass. */
  readonly approved: boolean
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
export const urgent = (source: SourceName, path: RelativePath, approved = false): Item => ({
  source,
  path,
  kind: "path",
  approved,
  urgent: true,
})

/** A path that a listing found to be due. */
export const listed = (
  source: SourceName,
  path: RelativePath,
  state: FileState | undefined,
  approved = false,
): Item => ({
  source,
  path,
  kind: "path",
  approved,
  urgent: false,
  ...(state === undefined ? {} : { state }),
})

/** A directory to list, or a whole tree to look at. */
export const directory = (
  source: SourceName,
  path: RelativePath,
  kind: "listing" | "tree",
  approved = false,
): Item => ({ source, path, kind, approved, urgent: false })

const keyOf = (item: Item): string => `${item.source}\0${item.path}`

const wider = (a: Item["kind"], b: Item["kind"]): Item["kind"] =>
  a === "tree" || b === "tree" ? "tree" : a === "listing" || b === "listing" ? "listing" : "path"

/** Two items about one path. An approval holds only when both have it: it was given for what was missing then. */
const union = (before: Item, after: Item): Item => ({
  source: after.source,
  path: after.path,
  kind: wider(before.kind, after.kind),
  approved: before.approved && after.approved,
  urgent: before.urgent || after.urgent,
})

export interface BacklogLimits {
  readonly paths: number
  readonly directories: number
}

/** See the module. Not an Effect: every operation is synchronous and happens at once. */
export class Backlog {
  private readonly urgentPaths = new Map<string, Item>()
  private readonly paths = new Map<string, Item>()
  private readonly directories = new Map<string, Item>()
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
    const key = keyOf(item)
    const before = this.urgentPaths.get(key) ?? this.paths.get(key)
    if (before !== undefined) {
      const merged = union(before, item)
      this.paths.delete(key)
      this.urgentPaths.delete(key)
      ;(merged.urgent ? this.urgentPaths : this.paths).set(key, merged)
      return
    }
    const map = item.urgent ? this.urgentPaths : this.paths
    if (map.size >= this.limits.paths) {
      return this.addDirectory(directory(item.source, directoryOf(item.path), "listing", item.approved))
    }
    map.set(key, item)
  }

  private addDirectory(item: Item): void {
    const key = keyOf(item)
    const before = this.directories.get(key)
    if (before !== undefined) {
      this.directories.set(key, union(before, item))
      return
    }
    if (this.directories.size < this.limits.directories) {
      this.directories.set(key, item)
      return
    }
    let approved = item.approved
    for (const [other, waiting] of this.directories) {
      if (waiting.source !== item.source) continue
      approved &&= waiting.approved
      this.directories.delete(other)
    }
    const whole = directory(item.source, root, "tree", approved)
    this.directories.set(keyOf(whole), whole)
  }

  /** The next path: urgent ones first, each kind oldest first. */
  takePath(): Item | undefined {
    return takeFirst(this.urgentPaths) ?? takeFirst(this.paths)
  }

  /** The next directory or tree. */
  takeDirectory(): Item | undefined {
    return takeFirst(this.directories)
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

  /** Everything that waits, taken out. */
  drain(): ReadonlyArray<Item> {
    const items = [...this.urgentPaths.values(), ...this.paths.values(), ...this.directories.values()]
    this.urgentPaths.clear()
    this.paths.clear()
    this.directories.clear()
    return items
  }
}

const takeFirst = (map: Map<string, Item>): Item | undefined => {
  const first = map.entries().next()
  if (first.done === true) return undefined
  map.delete(first.value[0])
  return first.value[1]
}
