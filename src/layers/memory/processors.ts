/**
 * Running processors by hand: for the tests of whoever writes one, and for worlds that name theirs.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ProcessorError, SourceError } from "../../domain/Errors.ts"
import type { FileState } from "../../domain/FileState.ts"
import { baseNameOf, type RelativePath, type ServerName, type SourceName } from "../../domain/Path.ts"
import {
  handles,
  type ProcessedFile,
  type ProcessorDefinition,
  type ProcessorJob,
  Processors,
  Workspace,
} from "../../domain/Processor.ts"
import type { Content } from "../../domain/SourceFiles.ts"

/**
 * A file to be processed. `mtimeNs` is that of the original; the server matters to `perServer` processors only, and
 * `addresses` to those that ask where references lead: the address of each that leads to a file.
 */
export interface Specimen {
  readonly path: string
  readonly bytes: Uint8Array
  readonly mtimeNs?: bigint
  readonly server?: string
  /** Whether that server has headers; it has unless this says otherwise. */
  readonly serverHeaders?: boolean
  readonly addresses?: ReadonlyMap<string, string>
}

/** Size, time and inode of a specimen's original. */
export const stateOf = (specimen: Specimen): FileState => ({
  size: specimen.bytes.length,
  mtimeNs: specimen.mtimeNs ?? 0n,
  inode: 1n,
  mode: 0o644,
})

/** The bytes of a specimen, handed out as a copy at each run. */
export const contentOf = (specimen: Specimen): Content => ({
  origin: "source",
  size: specimen.bytes.length,
  location: undefined,
  bytes: Stream.suspend(() => Stream.fromArray(specimen.bytes.length === 0 ? [] : [specimen.bytes.slice()])),
})

const addressesOf =
  (specimen: Specimen): NonNullable<ProcessorJob["addressesOf"]> =>
  (references) =>
    Effect.sync(() => {
      const asked = new Set(references)
      return new Map([...(specimen.addresses ?? [])].filter(([reference]) => asked.has(reference)))
    })

/**
 * Runs one processor on one file as a chain does: a file of an extension that it does not handle passes through. What
 * it wrote is there until the Scope closes. `content` where it is to be another than the specimen's bytes, e.g. one that
 * can not be read.
 */
export const runProcessor = <S>(
  definition: ProcessorDefinition<S>,
  settings: S,
  specimen: Specimen,
  content: Content = contentOf(specimen),
): Effect.Effect<ProcessedFile, ProcessorError | SourceError, Workspace | Scope.Scope> =>
  Effect.gen(function* () {
    const workspace = yield* Workspace
    const place = yield* workspace.open
    const baseName = baseNameOf(specimen.path)
    if (!handles(definition, baseName)) return { content, baseName }
    const job: ProcessorJob = {
      source: "specimens" as SourceName,
      path: specimen.path as RelativePath,
      state: stateOf(specimen),
      baseName,
      content,
      server: definition.perServer === true ? ((specimen.server ?? "server") as ServerName) : undefined,
      ...(definition.perServer === true ? { serverHas: { headers: specimen.serverHeaders ?? true } } : {}),
      ...(definition.perServer === true ? { addressesOf: addressesOf(specimen) } : {}),
      read: Stream.mkUint8Array(content.bytes),
      hash: (algorithm) => workspace.hash(content, algorithm),
      write: place.write,
      directory: place.directory,
      adopt: place.adopt,
      warn: (message) => Effect.logWarning(message),
    }
    return yield* definition.process(job, settings)
  })

/** The service {@link Processors} over these definitions. A name that is not among them is a defect. */
export const layerProcessors = (definitions: Iterable<ProcessorDefinition>): Layer.Layer<Processors> => {
  const byName = new Map(Array.from(definitions, (definition) => [definition.name, definition]))
  const get: Processors["Service"]["get"] = (use) => {
    const definition = byName.get(use.name)
    if (definition === undefined) throw new Error(`no processor is called ${use.name}`)
    return definition
  }
  const settings: Processors["Service"]["settings"] = (use) => {
    const schema = get(use).settings
    return schema === undefined ? undefined : Schema.decodeUnknownSync(schema)(use.settings)
  }
  return Layer.succeed(Processors, {
    get,
    settings,
    // In-memory worlds have no files that another process could open.
    run: (use, job) => get(use).process(job, settings(use)),
  })
}
