/**
 * The monitor of macOS and Windows: one recursive `fs.watch` per root (FSEvents, ReadDirectoryChangesW). It tells that
 * something happened to a path; whether that was a file or a directory is unknown once it is gone.
 *
 * On Linux Node builds it from one watch per file and directory, in steps that events slip through: do not choose it
 * there.
 *
 * @since 1.0.0
 */
import { type BigIntStats, type FSWatcher, lstatSync, statSync, type Stats, watch as watchDirectory } from "node:fs"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Source } from "../../domain/Config.ts"
import { WatcherError } from "../../domain/Errors.ts"
import { baseNameOf, directoryOf, hasDirectoryNamed, relativePath } from "../../domain/Path.ts"
import { Watcher, type WatchSession } from "../../domain/Watcher.ts"
import { mayHideBytes, native } from "../nativePath.ts"
import { failureText } from "./failureCode.ts"
import { type Hints, makeHints } from "./hints.ts"
import { openRoot } from "./openRoot.ts"
import { nativePath } from "./rootedPath.ts"

const identityOf = (stats: Stats | BigIntStats): string => `${stats.dev}:${stats.ino}`

const rootIsGone = (source: Source, identity: string): boolean => {
  try {
    return identityOf(statSync(native(source.root))) !== identity
  } catch {
    return true
  }
}

const kindOf = (look: () => Stats): "directory" | "other" | "nothing" => {
  try {
    return look().isDirectory() ? "directory" : "other"
  } catch {
    return "nothing"
  }
}

const makeHear = (source: Source, identity: string, hints: Hints) => (event: string, name: string | null) => {
  // Windows says so when its buffer was too small.
  if (name === null) return hints.overflow()
  const path = relativePath(process.platform === "win32" ? name.replaceAll("\\", "/") : name)
  if (path === undefined || path === "" || hasDirectoryNamed(path, source.ignoredDirs)) return
  if (mayHideBytes(name)) return hints.add(directoryOf(path), "listing")
  const where = nativePath(source.root, path)
  const kind = kindOf(() => (source.symlinks === "follow" ? statSync(where) : lstatSync(where)))
  if (kind === "other") return hints.add(path, "growing")
  if (kind === "nothing") {
    if (rootIsGone(source, identity)) hints.rootLost()
    return hints.add(path, "tree")
  }
  // What happens inside a directory is told by itself.
  if (event === "rename" && !source.ignoredDirs.has(baseNameOf(path))) hints.add(path, "tree")
}

const open: Watcher["Service"]["open"] = Effect.fnUntraced(function* (source) {
  const identity = identityOf(yield* openRoot(source))
  const hints = yield* makeHints(source.root)
  yield* Effect.acquireRelease(
    Effect.try({
      try: (): FSWatcher => {
        const watcher = watchDirectory(native(source.root), { recursive: true }, makeHear(source, identity, hints))
        return watcher.on("error", (cause) => {
          if (rootIsGone(source, identity)) hints.rootLost()
          else hints.fail(failureText(cause), cause)
        })
      },
      catch: (cause) => new WatcherError({ root: source.root, detail: failureText(cause), cause }),
    }),
    (watcher) => Effect.sync(() => watcher.close()),
  )
  const session: WatchSession = {
    name: "fs.watch recursive",
    capabilities: { closes: false, overflow: process.platform === "win32", recursive: true },
    signals: hints.signals,
    watch: () => Effect.succeed([]),
    watched: Effect.succeed(1),
  }
  return session
})

/** The monitor with one recursive `fs.watch` per root. */
export const layerRecursive: Layer.Layer<Watcher> = Layer.succeed(Watcher, { open })
