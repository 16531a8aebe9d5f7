/**
 * The first step of every monitor: the root has to be a directory.
 *
 * @since 1.0.0
 */
import { stat } from "node:fs/promises"
import * as Effect from "effect/Effect"
import type { Source } from "../../domain/Config.ts"
import { WatcherError } from "../../domain/Errors.ts"
import { native } from "../nativePath.ts"
import { failureText } from "./failureCode.ts"

/** Fails where the source's root is missing, can not be reached, or is not a directory. */
export const openRoot = Effect.fnUntraced(function* (source: Source) {
  const stats = yield* Effect.tryPromise({
    try: () => stat(native(source.root)),
    catch: (cause) => new WatcherError({ root: source.root, detail: failureText(cause), cause }),
  })
  if (!stats.isDirectory()) return yield* new WatcherError({ root: source.root, detail: "it is not a directory" })
  return stats
})
