import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"

/** A directory that is there for the length of a scope. */
export const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => realpathSync(mkdtempSync(join(tmpdir(), "conveyor-")))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true })),
)
