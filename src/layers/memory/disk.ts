/**
 * A disk in memory: files with bytes, directories, links and FIFOs, with inodes, times and faults. What happens on it is
 * the same at each run: time comes from Effect's Clock, chance from its Random.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import { MEMORY_LOG } from "../../domain/Limits.ts"
import { at, type DirectoryNode, type FileNode, find, type Found, type Node, pathOf, segmentsOf } from "./nodes.ts"

/** An operation that a disk refuses, with the code a real one would answer. */
export class DiskError extends Data.TaggedError("DiskError")<{
  readonly code: "ENOENT" | "ENOTDIR" | "EISDIR" | "EEXIST" | "ENOTEMPTY" | "EINVAL"
  readonly path: string
}> {
  override get message(): string {
    return `${this.code}: ${this.path}`
  }
}

/** What happened on a disk, in the words of inotify. Paths are absolute; `writing`: a writer has the file open. */
export type DiskEvent =
  | { readonly _tag: "Created"; readonly path: string; readonly kind: Node["kind"] }
  | { readonly _tag: "Modified"; readonly path: string }
  | { readonly _tag: "Closed"; readonly path: string }
  | { readonly _tag: "Touched"; readonly path: string; readonly writing: boolean }
  | {
      readonly _tag: "Moved"
      readonly from: string
      readonly to: string
      readonly kind: Node["kind"]
      readonly writing: boolean
    }
  | { readonly _tag: "Removed"; readonly path: string; readonly kind: Node["kind"] }

/** What goes wrong when the conveyor looks at the disk. Whoever changes the disk is not disturbed. */
export interface DiskFaults {
  /** Absolute paths of files and directories that exist but may not be read (EACCES). */
  readonly unreadable: ReadonlySet<string>
  /** Absolute paths on which the disk itself fails (EIO). */
  readonly broken: ReadonlySet<string>
  /** Share of opened files that turn out to be gone (0 to 1), as in a race with whoever replaces them. */
  readonly vanishing: number
  /** Every look takes up to this many milliseconds. */
  readonly latency: number
}

/** A disk on which nothing goes wrong. */
export const noDiskFaults: DiskFaults = { unreadable: new Set(), broken: new Set(), vanishing: 0, latency: 0 }

/** How a file is written. With `close: false` its writer goes on: `close` ends it. */
export interface WriteOptions {
  readonly close?: boolean
}

/** A disk. Paths are absolute, in the text form of paths. Directories above a new name are made as needed. */
export interface MemoryDisk {
  readonly mkdir: (path: string) => Effect.Effect<void, DiskError>
  /** Creates a file or replaces its bytes in place. */
  readonly write: (path: string, bytes: Uint8Array | string, options?: WriteOptions) => Effect.Effect<void, DiskError>
  readonly append: (path: string, bytes: Uint8Array | string, options?: WriteOptions) => Effect.Effect<void, DiskError>
  readonly truncate: (path: string, size: number) => Effect.Effect<void, DiskError>
  /** The writer of a file closes it. */
  readonly close: (path: string) => Effect.Effect<void, DiskError>
  /** Sets a file's modification time; without one, to now. */
  readonly touch: (path: string, mtimeNs?: bigint) => Effect.Effect<void, DiskError>
  /** Moves a file, link or directory, replacing a file or an empty directory that is there. */
  readonly rename: (from: string, to: string) => Effect.Effect<void, DiskError>
  /** Removes a file, link or FIFO. */
  readonly remove: (path: string) => Effect.Effect<void, DiskError>
  /** Removes a directory: an empty one, or with `recursive` everything in it first. */
  readonly rmdir: (path: string, options?: { readonly recursive?: boolean }) => Effect.Effect<void, DiskError>
  readonly symlink: (target: string, path: string) => Effect.Effect<void, DiskError>
  readonly fifo: (path: string) => Effect.Effect<void, DiskError>
  /** The bytes of a file, links followed. */
  readonly read: (path: string) => Effect.Effect<Uint8Array, DiskError>
  /** All regular files below a directory with their bytes, by path relative to it. Links are not followed. */
  readonly files: (directory: string) => Effect.Effect<ReadonlyMap<string, Uint8Array>>

  readonly faults: Effect.Effect<DiskFaults>
  /** Replaces the faults that are named; the others stay as they are. */
  readonly setFaults: (faults: Partial<DiskFaults>) => Effect.Effect<void>
  /** What happened, oldest first, as far back as is kept. */
  readonly events: Effect.Effect<ReadonlyArray<DiskEvent>>

  /** What is at a path, no link followed on the way. For Layers over the disk. */
  readonly at: (path: string) => Node | undefined
  /** What a path leads to, links followed. For Layers over the disk. */
  readonly follow: (path: string) => Found | undefined
  /** The wait of one look at the disk, as the faults have it. For Layers over the disk. */
  readonly look: Effect.Effect<DiskFaults>
  /** Hears every event from now until the Scope closes, before the operation that causes it returns. */
  readonly subscribe: (listener: (event: DiskEvent) => Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
}

const encoder = new TextEncoder()
const bytesOf = (bytes: Uint8Array | string): Uint8Array =>
  typeof bytes === "string" ? encoder.encode(bytes) : bytes.slice()

/** An empty disk. */
export const makeDisk: Effect.Effect<MemoryDisk> = Effect.sync(() => {
  let inodes = 1n
  let versions = 0n
  let faults = noDiskFaults
  const listeners = new Set<(event: DiskEvent) => Effect.Effect<void>>()
  const log: Array<DiskEvent> = []
  const top: DirectoryNode = { kind: "directory", inode: inodes, entries: new Map() }

  const inode = () => (inodes += 1n)
  // Two writes within one millisecond differ in time, as they do on a disk that counts nanoseconds.
  const now = Effect.map(Clock.currentTimeMillis, (millis) => {
    versions += 1n
    return BigInt(Math.trunc(millis)) * 1_000_000n + (versions % 1_000_000n)
  })

  const emit = (events: ReadonlyArray<DiskEvent>): Effect.Effect<void> => {
    for (const event of events) log.push(event)
    if (log.length > MEMORY_LOG) log.splice(0, log.length - MEMORY_LOG)
    return Effect.forEach(
      events,
      (event) => Effect.forEach(Array.from(listeners), (listener) => listener(event), { discard: true }),
      { discard: true },
    )
  }

  /** Runs a change that lists its events as it goes, then tells them; nothing comes between the two. */
  const change = (
    path: string,
    body: (
      events: Array<DiskEvent>,
      mtimeNs: bigint,
      refuse: (code: DiskError["code"]) => DiskError,
    ) => DiskError | undefined,
  ): Effect.Effect<void, DiskError> =>
    Effect.uninterruptible(
      Effect.flatMap(now, (mtimeNs) => {
        const events: Array<DiskEvent> = []
        const refused = body(events, mtimeNs, (code) => new DiskError({ code, path }))
        const told = emit(events)
        return refused === undefined ? told : Effect.andThen(told, Effect.fail(refused))
      }),
    )

  /** The directory at these segments, made as needed; undefined where something else is in the way. */
  const directory = (segments: ReadonlyArray<string>, events: Array<DiskEvent>): DirectoryNode | undefined => {
    let here: DirectoryNode = top
    for (const [index, segment] of segments.entries()) {
      let next = here.entries.get(segment)
      if (next === undefined) {
        next = { kind: "directory", inode: inode(), entries: new Map() }
        here.entries.set(segment, next)
        events.push({ _tag: "Created", path: pathOf(segments.slice(0, index + 1)), kind: "directory" })
      }
      if (next.kind !== "directory") return undefined
      here = next
    }
    return here
  }

  const parentOf = (path: string) => {
    const segments = segmentsOf(path)
    const name = segments.pop()
    const parent = at(top, pathOf(segments))
    return name !== undefined && parent?.kind === "directory" ? { parent, name } : undefined
  }

  const create = (path: string, make: (mtimeNs: bigint) => Node) =>
    change(path, (events, mtimeNs, refuse) => {
      const segments = segmentsOf(path)
      const name = segments.pop()
      if (name === undefined) return refuse("EEXIST")
      const parent = directory(segments, events)
      if (parent === undefined) return refuse("ENOTDIR")
      if (parent.entries.has(name)) return refuse("EEXIST")
      const node = make(mtimeNs)
      parent.entries.set(name, node)
      events.push({ _tag: "Created", path, kind: node.kind })
      return undefined
    })

  const store = (path: string, options: WriteOptions | undefined, next: (before: Uint8Array) => Uint8Array) =>
    change(path, (events, mtimeNs, refuse) => {
      const segments = segmentsOf(path)
      const name = segments.pop()
      if (name === undefined) return refuse("EISDIR")
      const parent = directory(segments, events)
      if (parent === undefined) return refuse("ENOTDIR")
      let node = parent.entries.get(name)
      if (node === undefined) {
        node = { kind: "file", inode: inode(), bytes: new Uint8Array(0), mtimeNs, mode: 0o644, writing: false }
        parent.entries.set(name, node)
        events.push({ _tag: "Created", path, kind: "file" })
      }
      if (node.kind !== "file") return refuse(node.kind === "directory" ? "EISDIR" : "EINVAL")
      node.bytes = next(node.bytes)
      node.mtimeNs = mtimeNs
      node.writing = options?.close === false
      events.push({ _tag: "Modified", path })
      if (options?.close !== false) events.push({ _tag: "Closed", path })
      return undefined
    })

  const onFile = (path: string, body: (node: FileNode, mtimeNs: bigint) => DiskEvent) =>
    change(path, (events, mtimeNs, refuse) => {
      const node = at(top, path)
      if (node === undefined) return refuse("ENOENT")
      if (node.kind !== "file") return refuse(node.kind === "directory" ? "EISDIR" : "EINVAL")
      events.push(body(node, mtimeNs))
      return undefined
    })

  /** Removes what is below a directory, the deepest first, as `rm -r` does. */
  const clear = (node: DirectoryNode, path: string, events: Array<DiskEvent>): void => {
    for (const [name, below] of node.entries) {
      const belowPath = `${path}/${name}`
      if (below.kind === "directory") clear(below, belowPath, events)
      node.entries.delete(name)
      events.push({ _tag: "Removed", path: belowPath, kind: below.kind })
    }
  }

  return {
    mkdir: (path) =>
      change(path, (events, _, refuse) =>
        directory(segmentsOf(path), events) === undefined ? refuse("ENOTDIR") : undefined,
      ),
    write: (path, bytes, options) => store(path, options, () => bytesOf(bytes)),
    append: (path, bytes, options) =>
      store(path, options, (before) => {
        const more = bytesOf(bytes)
        const joined = new Uint8Array(before.length + more.length)
        joined.set(before)
        joined.set(more, before.length)
        return joined
      }),
    truncate: (path, size) =>
      onFile(path, (node, mtimeNs) => {
        const cut = new Uint8Array(size)
        cut.set(node.bytes.subarray(0, size))
        node.bytes = cut
        node.mtimeNs = mtimeNs
        return { _tag: "Modified", path }
      }),
    close: (path) =>
      onFile(path, (node) => {
        node.writing = false
        return { _tag: "Closed", path }
      }),
    touch: (path, time) =>
      onFile(path, (node, mtimeNs) => {
        node.mtimeNs = time ?? mtimeNs
        return { _tag: "Touched", path, writing: node.writing }
      }),
    rename: (from, to) =>
      change(from, (events, _, refuse) => {
        const old = parentOf(from)
        const node = old?.parent.entries.get(old.name)
        if (old === undefined || node === undefined) return refuse("ENOENT")
        if (to === from) return undefined
        if (to.startsWith(`${from}/`)) return refuse("EINVAL")
        const segments = segmentsOf(to)
        const name = segments.pop()
        if (name === undefined) return refuse("EEXIST")
        const parent = directory(segments, events)
        if (parent === undefined) return refuse("ENOTDIR")
        const there = parent.entries.get(name)
        if (there?.kind === "directory") {
          if (node.kind !== "directory") return refuse("EISDIR")
          if (there.entries.size > 0) return refuse("ENOTEMPTY")
        } else if (there !== undefined && node.kind === "directory") {
          return refuse("ENOTDIR")
        }
        old.parent.entries.delete(old.name)
        parent.entries.set(name, node)
        events.push({ _tag: "Moved", from, to, kind: node.kind, writing: node.kind === "file" && node.writing })
        return undefined
      }),
    remove: (path) =>
      change(path, (events, _, refuse) => {
        const place = parentOf(path)
        const node = place?.parent.entries.get(place.name)
        if (place === undefined || node === undefined) return refuse("ENOENT")
        if (node.kind === "directory") return refuse("EISDIR")
        place.parent.entries.delete(place.name)
        events.push({ _tag: "Removed", path, kind: node.kind })
        return undefined
      }),
    rmdir: (path, options) =>
      change(path, (events, _, refuse) => {
        const place = parentOf(path)
        const node = place?.parent.entries.get(place.name)
        if (place === undefined || node === undefined) return refuse("ENOENT")
        if (node.kind !== "directory") return refuse("ENOTDIR")
        if (node.entries.size > 0 && options?.recursive !== true) return refuse("ENOTEMPTY")
        clear(node, path, events)
        place.parent.entries.delete(place.name)
        events.push({ _tag: "Removed", path, kind: "directory" })
        return undefined
      }),
    symlink: (target, path) => create(path, () => ({ kind: "link", inode: inode(), target })),
    fifo: (path) => create(path, () => ({ kind: "other", inode: inode() })),
    read: (path) =>
      Effect.suspend(() => {
        const found = find(top, path, true)
        if (found === undefined) return Effect.fail(new DiskError({ code: "ENOENT", path }))
        if (found.node.kind !== "file") return Effect.fail(new DiskError({ code: "EISDIR", path }))
        return Effect.succeed(found.node.bytes.slice())
      }),
    files: (path) =>
      Effect.sync(() => {
        const files = new Map<string, Uint8Array>()
        const visit = (node: Node | undefined, prefix: string): void => {
          if (node?.kind === "file") files.set(prefix, node.bytes.slice())
          if (node?.kind !== "directory") return
          for (const [name, below] of node.entries) visit(below, prefix === "" ? name : `${prefix}/${name}`)
        }
        visit(at(top, path), "")
        return files
      }),
    faults: Effect.sync(() => faults),
    setFaults: (some) =>
      Effect.sync(() => {
        faults = { ...faults, ...some }
      }),
    events: Effect.sync(() => log.slice()),
    at: (path) => at(top, path),
    follow: (path) => find(top, path, true),
    look: Effect.suspend(() => {
      if (faults.latency <= 0) return Effect.succeed(faults)
      return Effect.flatMap(Random.nextBetween(0, faults.latency), (millis) =>
        Effect.map(Effect.sleep(Math.ceil(millis)), () => faults),
      )
    }),
    subscribe: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.add(listener)),
        () => Effect.sync(() => void listeners.delete(listener)),
      ),
  }
})
