/**
 * Sources on this machine's disk.
 *
 * How links are kept out: a path is only used after its directory was resolved by the system and found to be spelled
 * exactly as asked, so that no component is a symbolic link (once for each directory and message to a worker, see
 * {@link ../disk/realPath.ts}); the name itself is looked at without following it. What is opened for reading is then
 * compared with the version that was looked at (inode, size and time), so that nothing else can take its place.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Source } from "../../domain/Config.ts"
import { SourceError } from "../../domain/Errors.ts"
import type { Entry, FileState, Listing } from "../../domain/FileState.ts"
import { child, type RelativePath } from "../../domain/Path.ts"
import { SourceFiles } from "../../domain/SourceFiles.ts"
import { DiskContent, sourceError } from "../disk/DiskContent.ts"
import { DiskWorkers } from "../disk/DiskWorkers.ts"
import { ENTRY, MISSING, type PackedListings, type Tree, UNREADABLE } from "../disk/protocol.ts"

const trees = new WeakMap<Source, Tree>()

/** The part of a source that workers need; one object for each, so that it travels once in a message. */
const treeOf = (source: Source): Tree => {
  const known = trees.get(source)
  if (known !== undefined) return known
  const { ignoredDirs, root, symlinks } = source
  const tree: Tree = { ignoredDirs, root, symlinks }
  trees.set(source, tree)
  return tree
}

/** The absolute path of a file of a source. */
const locationOf = (source: Source, path: RelativePath): string =>
  path === "" ? source.root : source.root === "/" ? `/${path}` : `${source.root}/${path}`

const stateAt = (packed: PackedListings, at: number): FileState => ({
  size: packed.sizes[at] ?? 0,
  mtimeNs: packed.mtimes[at] ?? 0n,
  inode: packed.inodes[at] ?? 0n,
  mode: packed.modes[at] ?? 0,
})

const unpack = (packed: PackedListings, directories: ReadonlyArray<RelativePath>): ReadonlyArray<Listing> => {
  let at = 0
  let noted = 0
  const note = () => packed.notes[noted++] ?? ""
  return directories.map((directory, index): Listing => {
    const count = packed.counts[index] ?? MISSING
    if (count === MISSING) return { directory, entries: undefined, links: [] }
    if (count === UNREADABLE) return { directory, entries: [], links: [], unreadable: note() }
    const links: Array<Listing["links"][number]> = []
    const entries: Array<Entry> = []
    for (const end = at + count; at < end; at++) {
      const name = packed.names[at] ?? ""
      switch (packed.kinds[at]) {
        case ENTRY.file:
          entries.push({ name, kind: "file", state: stateAt(packed, at) })
          break
        case ENTRY.link: {
          const target = note()
          if (target !== "") links.push({ link: child(directory, name), target: target as RelativePath })
          entries.push({ name, kind: "file", state: stateAt(packed, at) })
          break
        }
        case ENTRY.directory:
          entries.push({ name, kind: "directory" })
          break
        case ENTRY.skipped:
          entries.push({ name, kind: "skipped", reason: note() })
          break
        default:
          entries.push({ name, kind: "other" })
      }
    }
    return { directory, entries, links }
  })
}

/** Sources on this machine's disk. */
export const layerLocal: Layer.Layer<SourceFiles, never, DiskWorkers> = Layer.effect(
  SourceFiles,
  Effect.map(DiskWorkers, (disk) =>
    SourceFiles.of({
      stat: (source, path) =>
        Effect.mapError(disk.run("stat", { tree: treeOf(source), path }), sourceError(locationOf(source, path))),
      list: (source, directories) =>
        Effect.mapBoth(disk.run("list", { tree: treeOf(source), directories }), {
          onFailure: sourceError(source.root),
          onSuccess: (packed) => unpack(packed, directories),
        }),
      identity: (source) =>
        Effect.catchTag(disk.run("identity", { location: source.root }), "DiskError", (error) =>
          Effect.as(Effect.logDebug(`the directory of source "${source.name}" can not be looked at`, error), undefined),
        ),
      realPaths: (paths) => Effect.mapError(disk.run("realPaths", { paths }), sourceError(paths[0] ?? "")),
      content: (source, path, state) =>
        new DiskContent(disk, { location: locationOf(source, path), guard: treeOf(source), version: state }),
      remove: (source, path, state) => {
        const location = locationOf(source, path)
        return Effect.flatMap(
          Effect.mapError(
            disk.run("removeSource", { tree: treeOf(source), path, version: state }),
            sourceError(location),
          ),
          (outcome) =>
            outcome === "removed"
              ? Effect.void
              : Effect.fail(
                  new SourceError({ path: location, reason: "Changed", detail: "it is another version by now" }),
                ),
        )
      },
    }),
  ),
)
