/**
 * Reading sources from an in-memory disk. Links are delivered as `inside` and `skip` say; `follow` is not offered.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type { Source } from "../../domain/Config.ts"
import { SourceError } from "../../domain/Errors.ts"
import { type Entry, type FileState, isSame, type Listing } from "../../domain/FileState.ts"
import { MEMORY_CHUNK } from "../../domain/Limits.ts"
import { baseNameOf, child, hasDirectoryNamed, isWithin, type RelativePath, relativePath } from "../../domain/Path.ts"
import { type Content, SourceFiles } from "../../domain/SourceFiles.ts"
import type { DiskFaults, MemoryDisk } from "./disk.ts"
import type { FileNode, LinkNode } from "./nodes.ts"

/** The absolute path of a file of a source. */
export const absolute = (source: Source, path: RelativePath): string => {
  const top = source.root === "/" ? "" : source.root
  return path === "" ? source.root : `${top}/${path}`
}

/** The path below a source's root, or undefined where it is not below it. */
export const below = (source: Source, path: string): RelativePath | undefined => {
  if (source.root === "/") return relativePath(path.slice(1))
  return isWithin(source.root, path) ? relativePath(path.slice(source.root.length + 1)) : undefined
}

const stateOf = (node: FileNode): FileState => ({
  size: node.bytes.length,
  mtimeNs: node.mtimeNs,
  inode: node.inode,
  mode: node.mode,
})

const failed = (path: string, reason: SourceError["reason"], detail: string) =>
  new SourceError({ path, reason, detail })

type Resolved =
  | { readonly _tag: "File"; readonly node: FileNode; readonly target: RelativePath }
  | { readonly _tag: "Skipped"; readonly reason: string }

const resolveLink = (disk: MemoryDisk, source: Source, link: string): Resolved => {
  if (source.symlinks === "skip") return { _tag: "Skipped", reason: "symbolic links are skipped" }
  if (source.symlinks === "follow") return { _tag: "Skipped", reason: "the in-memory disk does not follow links" }
  const found = disk.follow(link)
  if (found === undefined) return { _tag: "Skipped", reason: "it leads nowhere" }
  const target = below(source, found.path)
  if (target === undefined) return { _tag: "Skipped", reason: "it leads out of the source" }
  if (found.node.kind !== "file") return { _tag: "Skipped", reason: "it does not lead to a file" }
  if (hasDirectoryNamed(target, source.ignoredDirs)) {
    return { _tag: "Skipped", reason: "it leads into an ignored directory" }
  }
  return { _tag: "File", node: found.node, target }
}

const ignored = (source: Source, directory: RelativePath): boolean =>
  directory !== "" && hasDirectoryNamed(child(directory, "x"), source.ignoredDirs)

/** Why nothing can be said about a path: a directory on the way that may not be entered, or a disk that fails. */
const obstacle = (faults: DiskFaults, absolutePath: string, includingItself: boolean): SourceError | undefined => {
  for (const path of faults.broken) {
    if (isWithin(path, absolutePath)) return failed(absolutePath, "Failed", "EIO: the disk failed")
  }
  for (const path of faults.unreadable) {
    if (path === absolutePath ? includingItself : isWithin(path, absolutePath)) {
      return failed(absolutePath, "Unreadable", `EACCES: ${path} may not be read`)
    }
  }
  return undefined
}

const realPath = (disk: MemoryDisk, path: string): string => {
  let rest = ""
  for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
    const found = disk.follow(at)
    if (found !== undefined) return found.path === "/" ? rest : `${found.path}${rest}`
    rest = `${at.slice(at.lastIndexOf("/"))}${rest}`
  }
  return path
}

/** The contract {@link SourceFiles} over an in-memory disk. `piece`: how many bytes of a file are handed out at once. */
export const makeSourceFiles = (disk: MemoryDisk, piece = MEMORY_CHUNK): SourceFiles["Service"] => {
  /** The file that a path delivers now, itself or through a link. */
  const current = (source: Source, path: RelativePath): FileNode | undefined => {
    if (path === "" || hasDirectoryNamed(path, source.ignoredDirs)) return undefined
    const node = disk.at(absolute(source, path))
    if (node?.kind === "file") return node
    if (node?.kind !== "link") return undefined
    const resolved = resolveLink(disk, source, absolute(source, path))
    return resolved._tag === "File" ? resolved.node : undefined
  }

  /** The file of the source that a link stands for. */
  const linkTarget = (source: Source, path: RelativePath): RelativePath | undefined => {
    if (disk.at(absolute(source, path))?.kind !== "link") return undefined
    const resolved = resolveLink(disk, source, absolute(source, path))
    return resolved._tag === "File" ? resolved.target : undefined
  }

  const bytes = (source: Source, path: RelativePath, state: FileState): Content["bytes"] => {
    const where = absolute(source, path)
    const check = (node: FileNode | undefined): SourceError | undefined => {
      if (node === undefined) return failed(where, "Vanished", "it is not there any more")
      return isSame(stateOf(node), state) ? undefined : failed(where, "Changed", "it is another version by now")
    }
    const open = Effect.flatMap(disk.look, (faults) =>
      Effect.gen(function* () {
        const blocked = obstacle(faults, where, true)
        if (blocked !== undefined) return yield* blocked
        if (faults.vanishing > 0 && (yield* Random.next) < faults.vanishing) {
          return yield* failed(where, "Vanished", "it went away while it was opened")
        }
        const node = current(source, path)
        const wrong = check(node)
        if (node === undefined || wrong !== undefined) {
          return yield* wrong ?? failed(where, "Vanished", "it is not there any more")
        }
        return node
      }),
    )
    // The opened node is read to its end even when its name is taken away meanwhile, as an open file is.
    const pull = (node: FileNode, offset: number) =>
      Effect.flatMap(Effect.yieldNow, () => {
        const chunk = node.bytes.slice(offset, Math.min(offset + piece, state.size))
        const next = offset + chunk.length
        if (next < state.size && chunk.length > 0) {
          return Effect.succeed([[chunk] as ReadonlyArray<Uint8Array>, Option.some(next)] as const)
        }
        const wrong = check(node)
        if (wrong !== undefined) return Effect.fail(wrong)
        return Effect.succeed([chunk.length === 0 ? [] : [chunk], Option.none<number>()] as const)
      })
    return Stream.unwrap(Effect.map(open, (node) => Stream.paginate(0, (offset) => pull(node, offset))))
  }

  const entryOf = (source: Source, directory: RelativePath, name: string, links: Array<Listing["links"][number]>) => {
    const path = child(directory, name)
    const node = disk.at(absolute(source, path))
    const linked = (link: LinkNode): Entry => {
      const resolved = resolveLink(disk, source, absolute(source, path))
      if (resolved._tag === "Skipped") return { name, kind: "skipped", reason: `${resolved.reason} (${link.target})` }
      links.push({ link: path, target: resolved.target })
      return { name, kind: "file", state: stateOf(resolved.node) }
    }
    switch (node?.kind) {
      case "file":
        return { name, kind: "file", state: stateOf(node) } satisfies Entry
      case "directory":
        return source.ignoredDirs.has(name) ? undefined : ({ name, kind: "directory" } satisfies Entry)
      case "link":
        return linked(node)
      case "other":
        return { name, kind: "other" } satisfies Entry
      case undefined:
        return undefined
    }
  }

  const listing = (source: Source, directory: RelativePath, faults: DiskFaults): Listing => {
    const where = absolute(source, directory)
    const node = ignored(source, directory) ? undefined : disk.at(where)
    if (node?.kind !== "directory") return { directory, entries: undefined, links: [] }
    const blocked = obstacle(faults, where, true)
    if (blocked !== undefined) {
      return { directory, entries: [], links: [], unreadable: blocked.detail.slice(0, blocked.detail.indexOf(":")) }
    }
    const links: Array<Listing["links"][number]> = []
    const entries = Array.from(node.entries.keys(), (name) => entryOf(source, directory, name, links))
    return { directory, entries: entries.filter((entry) => entry !== undefined), links }
  }

  return {
    stat: (source, path) =>
      Effect.flatMap(disk.look, (faults) => {
        const blocked = obstacle(faults, absolute(source, path), false)
        if (blocked !== undefined) return Effect.fail(blocked)
        const node = current(source, path)
        if (node === undefined) return Effect.succeed(undefined)
        const link = linkTarget(source, path)
        return Effect.succeed(link === undefined ? stateOf(node) : { ...stateOf(node), link })
      }),
    list: (source, directories) =>
      Effect.map(disk.look, (faults) => directories.map((directory) => listing(source, directory, faults))),
    identity: (source) =>
      Effect.map(disk.look, () => {
        const node = disk.at(source.root)
        return node?.kind === "directory" ? `1:${node.inode}` : undefined
      }),
    realPaths: (paths) => Effect.map(disk.look, () => paths.map((path) => realPath(disk, path))),
    content: (source, path, state) => ({
      origin: "source",
      size: state.size,
      location: undefined,
      bytes: bytes(source, path, state),
    }),
    remove: (source, path, state) =>
      Effect.flatMap(disk.look, (faults) => {
        const where = absolute(source, path)
        const blocked = obstacle(faults, where, false)
        if (blocked !== undefined) return Effect.fail(blocked)
        if (disk.at(where) === undefined) return Effect.void
        const node = current(source, path)
        if (node === undefined || !isSame(stateOf(node), state)) {
          return Effect.fail(failed(where, "Changed", `${baseNameOf(path)} is another version by now`))
        }
        return Effect.catchTag(disk.remove(where), "DiskError", () => Effect.void)
      }),
  }
}

/** The service {@link SourceFiles} over an in-memory disk. */
export const layerSourceFiles = (disk: MemoryDisk): Layer.Layer<SourceFiles> =>
  Layer.succeed(SourceFiles, makeSourceFiles(disk))
