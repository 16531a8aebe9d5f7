/**
 * Runs a file through its rule's chain of processors, in a temporary directory of its own.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { ProcessorError } from "../domain/Errors.ts"
import type { FileState } from "../domain/FileState.ts"
import { baseNameOf, isSafe, type RelativePath, type ServerName } from "../domain/Path.ts"
import {
  handles,
  type ProcessedFile,
  type ProcessorJob,
  Processors,
  Workspace,
  type WorkspacePlace,
} from "../domain/Processor.ts"
import type { Rule } from "../domain/Rule.ts"
import { type Content, SourceFiles } from "../domain/SourceFiles.ts"
import { Transporters } from "../domain/Transporter.ts"
import type { SourceBook } from "./shared.ts"

/** What came out of a chain. */
export interface Processed extends ProcessedFile {
  readonly headers: Readonly<Record<string, string>>
  readonly uniqueName: boolean
}

/** One file, one rule, one server. */
export interface ChainRequest {
  readonly book: SourceBook
  readonly path: RelativePath
  readonly state: FileState
  readonly rule: Rule
  readonly server: ServerName
}

/** Runs chains, `maxChains` at a time. */
export const makeProcess = Effect.fnUntraced(function* (maxChains: number) {
  const processors = yield* Processors
  const workspace = yield* Workspace
  const transporters = yield* Transporters
  const files = yield* SourceFiles
  const permits = yield* Semaphore.make(maxChains)

  const jobFor = (
    request: ChainRequest,
    place: WorkspacePlace,
    before: Processed,
    perServer: boolean,
  ): ProcessorJob => ({
    source: request.book.source.name,
    path: request.path,
    state: request.state,
    baseName: before.baseName,
    content: before.content,
    server: perServer ? request.server : undefined,
    ...(perServer ? { serverHas: { headers: transporters.get(request.server).capabilities.headers } } : {}),
    read: readAll(before.content),
    hash: (algorithm) => workspace.hash(before.content, algorithm),
    write: place.write,
    directory: place.directory,
    adopt: place.adopt,
  })

  const step = Effect.fnUntraced(function* (
    request: ChainRequest,
    place: WorkspacePlace,
    before: Processed,
    use: Rule["chain"][number],
  ) {
    const definition = processors.get(use)
    if (!handles(definition, before.baseName)) return before
    const job = jobFor(request, place, before, definition.perServer === true)
    const after = yield* definition.process(job, processors.settings(use))
    if (after.baseName.includes("/") || !isSafe(after.baseName)) {
      return yield* new ProcessorError({
        processor: use.name,
        path: request.path,
        detail: "gave a base name that is not one name; a processor may rename a file, not move it",
      })
    }
    if (after.content.size === 0 && before.content.size > 0) {
      return yield* new ProcessorError({
        processor: use.name,
        path: request.path,
        detail: "made an empty file of one that is not; it is not published",
      })
    }
    const processed: Processed = {
      ...after,
      headers: { ...before.headers, ...after.headers },
      references: [...(before.references ?? []), ...(after.references ?? [])],
      // Another form of a content that is no longer published is not published either.
      siblings: [...(after.content === before.content ? (before.siblings ?? []) : []), ...(after.siblings ?? [])],
      uniqueName: after.uniqueName === true || (before.uniqueName && after.baseName === before.baseName),
    }
    return processed
  })

  /** The file as the rule publishes it. Temporary files live until the Scope closes. */
  return Effect.fnUntraced(function* (request: ChainRequest) {
    let processed: Processed = {
      content: files.content(request.book.source, request.path, request.state),
      baseName: baseNameOf(request.path),
      headers: {},
      uniqueName: false,
    }
    if (request.rule.chain.length === 0) return processed
    const place = yield* workspace.open
    for (const use of request.rule.chain) {
      processed = yield* Semaphore.withPermit(permits)(step(request, place, processed, use))
    }
    return processed
  })
})

const readAll = (content: Content): ProcessorJob["read"] =>
  Effect.suspend(() => {
    const bytes = new Uint8Array(content.size)
    let at = 0
    return Stream.runForEach(content.bytes, (chunk) =>
      Effect.sync(() => {
        bytes.set(chunk, at)
        at += chunk.length
      }),
    ).pipe(Effect.as(bytes))
  })
