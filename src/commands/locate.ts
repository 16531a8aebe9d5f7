/**
 * From a path as a person types it to a source and a path below it.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { realpathSync } from "node:fs"
import path from "node:path"
import type { Config, Source } from "../domain/Config.ts"
import { isWithin, type RelativePath, relativePath } from "../domain/Path.ts"

/** A path of a source. */
export interface Located {
  readonly source: Source
  readonly path: RelativePath
}

const resolved = (directory: string): string => {
  try {
    return realpathSync(directory)
  } catch {
    return directory === path.dirname(directory)
      ? directory
      : path.join(resolved(path.dirname(directory)), path.basename(directory))
  }
}

/** Absolute, with the links in its directory (not in its last name) resolved, as sources see it. */
export const absolutePath = (typed: string): Effect.Effect<string> =>
  Effect.sync(() => {
    const absolute = path.resolve(typed)
    return path.join(resolved(path.dirname(absolute)), path.basename(absolute))
  })

/** The sources that hold an absolute path, innermost root first. */
export const locate = (config: Config, absolute: string): ReadonlyArray<Located> =>
  config.sources
    .filter((source) => isWithin(source.root === "/" ? "" : source.root, absolute))
    .sort((a, b) => b.root.length - a.root.length)
    .flatMap((source) => {
      const below = relativePath(source.root === "/" ? absolute.slice(1) : absolute.slice(source.root.length + 1))
      return below === undefined ? [] : [{ source, path: below }]
    })
