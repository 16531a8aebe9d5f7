/**
 * The choice of a monitor for each source.
 *
 * @since 1.0.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Source } from "../../domain/Config.ts"
import type { WatcherError } from "../../domain/Errors.ts"
import { display } from "../../domain/Path.ts"
import { Watcher, type WatchSession } from "../../domain/Watcher.ts"
import { makeInotify } from "./inotify.ts"
import { networkFileSystemOf } from "./networkFileSystem.ts"

type Open = (source: Source) => Effect.Effect<WatchSession, WatcherError, Scope.Scope>

/** Opens a monitor whose module is loaded when it is first chosen. */
const chosen =
  (load: () => Promise<Layer.Layer<Watcher>>): Open =>
  (source) =>
    Effect.gen(function* () {
      const context = yield* Layer.build(yield* Effect.promise(load))
      return yield* Context.get(context, Watcher).open(source)
    })

const openDirectories = chosen(() => import("./directories.ts").then(({ layerDirectories }) => layerDirectories))
const openRecursive = chosen(() => import("./recursive.ts").then(({ layerRecursive }) => layerRecursive))
const openChokidar = chosen(() => import("./chokidar.ts").then(({ layerChokidar }) => layerChokidar))
const openPolling = chosen(() => import("./polling.ts").then(({ layerPolling }) => layerPolling))

/** The choice, with this way to tell the network file system a directory lies on (undefined: none). */
export const layerWatcherWith = (
  networkOf: (directory: string) => Effect.Effect<string | undefined>,
): Layer.Layer<Watcher> =>
  Layer.effect(
    Watcher,
    Effect.gen(function* () {
      const inotify = yield* makeInotify
      let told = false

      const openLinux: Open = (source) =>
        Effect.catchTag(inotify.open(source), "InotifyUnavailable", ({ message }) =>
          Effect.gen(function* () {
            if (!told) {
              yield* Effect.logWarning(
                `${message}; directories are watched one by one instead, files are taken a little later`,
              )
            }
            told = true
            return yield* openDirectories(source)
          }),
        )
      const openNative = process.platform === "linux" ? openLinux : openRecursive
      const openAuto: Open = Effect.fnUntraced(function* (source) {
        const network = yield* networkOf(source.root)
        if (network === undefined) return yield* openNative(source)
        yield* Effect.logInfo(`source "${source.name}": ${display(source.root)} lies on ${network}, so it is polled`)
        return yield* openPolling(source)
      })

      const open: Open = (source) => {
        switch (source.monitor) {
          case "auto":
            return openAuto(source)
          case "native":
            return openNative(source)
          case "chokidar":
            return openChokidar(source)
          case "polling":
            return openPolling(source)
        }
      }
      return { open }
    }),
  )

/**
 * `native`: inotify, or one `fs.watch` per directory where it can not be called, on Linux; one recursive `fs.watch`
 * elsewhere. `auto`: the same, but polling on network file systems. `chokidar` and `polling` as they are called.
 */
export const layerWatcher: Layer.Layer<Watcher> = layerWatcherWith(networkFileSystemOf)
