/**
 * `check`: everything is loaded, and every server is tried with a small file: written, looked at, removed.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Config } from "../domain/Config.ts"
import { TransportError } from "../domain/Errors.ts"
import { relativePath, remotePath, root, type ServerName, type SourceName } from "../domain/Path.ts"
import { Processors, Workspace } from "../domain/Processor.ts"
import { type OutputFile, type TransporterCapabilities, Transporters } from "../domain/Transporter.ts"
import { counted, print } from "./output.ts"

const words = (capabilities: TransporterCapabilities): string =>
  [
    capabilities.atomicReplace ? "replaces atomically" : "replaces with a gap",
    capabilities.contentHash ? "tells hashes" : "tells sizes",
    capabilities.headers ? "stores headers" : "no headers",
    `${capabilities.connections} at once`,
  ].join(", ")

/** Writes, verifies and deletes a canary. */
const tryServer = Effect.fnUntraced(function* (server: ServerName) {
  const transporter = (yield* Transporters).get(server)
  const workspace = yield* Workspace
  const place = yield* workspace.open
  const bytes = new TextEncoder().encode(`file-conveyor canary for ${server}\n`)
  const content = yield* place.write(bytes)
  const at = remotePath(`.file-conveyor-canary-${process.pid}.txt`)
  const path = relativePath("canary.txt")
  if (at === undefined || path === undefined) return yield* Effect.die("a constant path is not safe")
  const file: OutputFile = {
    content,
    source: "check" as SourceName,
    path,
    state: { size: bytes.length, mtimeNs: 0n, inode: 0n, mode: 0o644 },
    sourceStays: false,
    headers: {},
    uniqueName: false,
  }
  yield* transporter.put(file, at)
  const stored = yield* transporter.stat(at)
  yield* transporter.remove(at)
  const left = yield* transporter.stat(at)
  const size = Option.getOrUndefined(stored)?.size
  if (size !== bytes.length || Option.isSome(left)) {
    return yield* new TransportError({
      server,
      operation: "stat",
      path: at,
      reason: { _tag: "VerificationFailed" },
      detail:
        size === bytes.length
          ? "a file that was deleted is still there"
          : `a file of ${bytes.length} bytes that was written reads back as ${size === undefined ? "missing" : `${size} bytes`}`,
    })
  }
  return transporter.capabilities
}, Effect.scoped)

/** Prints a verdict for each part. Returns whether all is well. */
export const check = Effect.fnUntraced(function* (config: Config) {
  const processors = yield* Processors
  let well = true
  yield* print(
    `${config.file}: ${counted(config.sources.length, "source")}, ${counted(config.servers.length, "server")}, ${counted(config.rules.length, "rule")}`,
  )
  for (const warning of config.warnings) yield* print(`  warning: ${warning}`)
  for (const source of config.sources) yield* print(`source "${source.name}": ${source.root}${root}`)
  const uses = new Map(config.rules.flatMap((rule) => rule.chain.map((use) => [JSON.stringify(use), use] as const)))
  // One that can not do its work is a mistake of the config.
  for (const use of uses.values()) {
    yield* print(`processor ${use.name}: ok${processors.get(use).inline === true ? "" : " (in a process of its own)"}`)
  }
  for (const server of config.servers) {
    const verdict = yield* Effect.match(tryServer(server.name), {
      onSuccess: (capabilities) => ({ ok: true, text: `ok (${words(capabilities)})` }),
      onFailure: (error) => ({ ok: false, text: error.message }),
    })
    well &&= verdict.ok
    yield* print(`server "${server.name}" (${server.transporter}): ${verdict.text}`)
  }
  yield* print(well ? "all is well" : "something has to be put right first")
  return well
})
