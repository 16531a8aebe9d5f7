/**
 * The portable alternative: chokidar. One watch per file, so it takes more memory and watches than the others.
 *
 * @since 1.0.0
 */
import type { Stats } from "node:fs"
import { type FSWatcher, watch as watchTree } from "chokidar"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Source } from "../../domain/Config.ts"
import { WatcherError } from "../../domain/Errors.ts"
import type { ChangeKind } from "../../domain/FileChange.ts"
import { baseNameOf, directoryOf, hasDirectoryNamed, type RelativePath, relativePath } from "../../domain/Path.ts"
import { Watcher, type WatchSession } from "../../domain/Watcher.ts"
import { mayHideBytes } from "../nativePath.ts"
import { instancesExhausted, watchesExhausted } from "./exhausted.ts"
import { failureCode, failureText, isAbsence } from "./failureCode.ts"
import { type Hints, makeHints } from "./hints.ts"
import { openRoot } from "./openRoot.ts"

const kinds: Readonly<Record<string, ChangeKind>> = {
  add: "growing",
  change: "growing",
  unlink: "gone",
  addDir: "tree",
  unlinkDir: "tree",
}

const below = (source: Source, path: string): RelativePath | undefined => {
  const text = process.platform === "win32" ? path.replaceAll("\\", "/") : path
  if (text === source.root) return relativePath("")
  const prefix = source.root.endsWith("/") ? source.root : `${source.root}/`
  return text.startsWith(prefix) ? relativePath(text.slice(prefix.length)) : undefined
}

const makeIgnored = (source: Source) => (where: string, stats?: Stats) => {
  const path = below(source, where)
  if (path === undefined || path === "") return false
  if (hasDirectoryNamed(path, source.ignoredDirs)) return true
  return stats?.isDirectory() === true && source.ignoredDirs.has(baseNameOf(path))
}

const hear = (source: Source, hints: Hints, event: string, where: string) => {
  const path = below(source, where)
  const kind = kinds[event]
  if (path === undefined || kind === undefined) return
  if (path === "") {
    if (event === "unlinkDir") hints.rootLost()
  } else if (mayHideBytes(path)) {
    // Its name is not the one on disk.
    hints.add(directoryOf(path), "listing")
  } else {
    hints.add(path, kind)
  }
}

const explain = (cause: unknown): string => {
  const code = failureCode(cause)
  if (code === "ENOSPC") return watchesExhausted
  return code === "EMFILE" ? instancesExhausted : failureText(cause)
}

/** Belongs to one file or directory; listing it will say the same. */
const isLocal = (cause: unknown): boolean => {
  const code = failureCode(cause)
  return code === "EACCES" || code === "EPERM" || isAbsence(code)
}

interface Running {
  readonly watcher: FSWatcher
  readonly directories: () => number
}

const start = (source: Source, hints: Hints): Effect.Effect<Running, WatcherError> =>
  Effect.callback((resume) => {
    let ready = false
    let directories = 0
    const watcher = watchTree(source.root, {
      atomic: false,
      followSymlinks: source.symlinks === "follow",
      ignored: makeIgnored(source),
    })
    watcher.on("all", (event, where) => {
      if (event === "addDir") directories++
      else if (event === "unlinkDir") directories--
      if (ready) hear(source, hints, event, where)
    })
    watcher.on("error", (cause) => {
      if (isLocal(cause)) return
      const detail = explain(cause)
      hints.fail(detail, cause)
      void watcher.close()
      resume(Effect.fail(new WatcherError({ root: source.root, detail, cause })))
    })
    watcher.on("ready", () => {
      ready = true
      resume(Effect.succeed({ watcher, directories: () => directories }))
    })
    return Effect.promise(() => watcher.close())
  })

const open: Watcher["Service"]["open"] = Effect.fnUntraced(function* (source) {
  yield* openRoot(source)
  const hints = yield* makeHints(source.root)
  const running = yield* Effect.acquireRelease(
    start(source, hints),
    ({ watcher }) => Effect.promise(() => watcher.close()),
    { interruptible: true },
  )
  const session: WatchSession = {
    name: "chokidar",
    capabilities: { closes: false, overflow: false, recursive: true },
    signals: hints.signals,
    watch: () => Effect.succeed([]),
    watched: Effect.sync(running.directories),
  }
  return session
})

/** The monitor that leaves everything to chokidar. */
export const layerChokidar: Layer.Layer<Watcher> = Layer.succeed(Watcher, { open })
