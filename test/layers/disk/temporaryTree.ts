/** A directory for one test, and looking into it. */
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { Effect } from "effect"
import type { Source } from "../../../src/domain/Config.ts"
import type { SourceName } from "../../../src/domain/Path.ts"
import { fromNative, native } from "../../../src/layers/nativePath.ts"

/** A fresh directory, removed with the Scope. */
export const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => realpathSync(mkdtempSync(path.join(tmpdir(), "file-conveyor-test-")))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true })),
)

/** Writes a file, and the directories above it. */
export const write = (location: string, bytes: Uint8Array | string, mtimeSeconds?: number): void => {
  mkdirSync(native(location.slice(0, location.lastIndexOf("/"))), { recursive: true })
  writeFileSync(native(location), bytes)
  if (mtimeSeconds !== undefined) utimesSync(native(location), mtimeSeconds, mtimeSeconds)
}

/** Everything below a directory, relative to it; directories end in "/". */
export const everythingBelow = (top: string, below = ""): ReadonlyArray<string> =>
  readdirSync(native(below === "" ? top : `${top}/${below}`), { withFileTypes: true, encoding: "buffer" }).flatMap(
    (entry) => {
      const name = fromNative(entry.name)
      const at = below === "" ? name : `${below}/${name}`
      return entry.isDirectory() ? [`${at}/`, ...everythingBelow(top, at)] : [at]
    },
  )

/** A source over a directory. */
export const sourceAt = (root: string, options?: Partial<Source>): Source => ({
  name: "site" as SourceName,
  scanPath: root,
  root,
  documentRoot: undefined,
  basePath: undefined,
  logicalBasePath: false,
  ignoredDirs: new Set(),
  monitor: "auto",
  symlinks: "inside",
  ...options,
})

/** Waits until something holds, at most a minute: a busy machine is slow, not wrong. */
export const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => {
    const end = Date.now() + 60_000
    return Effect.whileLoop({
      while: () => !condition(),
      body: () =>
        Date.now() > end ? Effect.die(new Error("it did not happen within a minute")) : Effect.sleep("1 millis"),
      step: () => undefined,
    })
  })
