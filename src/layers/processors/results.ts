/**
 * Results of processors, kept for the same content: a tree that is deployed anew with other times costs no processing.
 *
 * @since 1.0.0
 */
import { hash } from "node:crypto"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ProcessorError, SourceError } from "../../domain/Errors.ts"
import type { RelativePath } from "../../domain/Path.ts"
import type { ProcessedFile, ProcessorJob } from "../../domain/Processor.ts"
import type { ProcessorUse } from "../../domain/Rule.ts"
import type { Content } from "../../domain/SourceFiles.ts"
import { canonicalJson } from "../config/fingerprint.ts"
import { DiskContent, sourceError } from "../disk/DiskContent.ts"
import type { DiskWorkers } from "../disk/DiskWorkers.ts"
import type { Isolated } from "./isolation/host.ts"
import { type Kept, ResultFiles } from "./resultFiles.ts"

/** What is to be processed, and by what code. */
export interface Wanted {
  readonly use: ProcessorUse
  readonly job: ProcessorJob
  readonly content: DiskContent
  readonly version: string
  /** What else the result depends on; undefined: it can not be kept. */
  readonly depends: Effect.Effect<string | undefined>
}

export interface Results {
  /** The result that was kept, or what `make` makes, which is kept then. Nothing that fails here fails the work. */
  readonly orMake: (
    wanted: Wanted,
    make: Effect.Effect<Isolated, ProcessorError | SourceError>,
  ) => Effect.Effect<ProcessedFile, ProcessorError | SourceError>
}

export interface ResultsOptions {
  readonly directory: string
  /** Bytes of results that are kept at most. */
  readonly bytes: number
  readonly disk: DiskWorkers["Service"]
}

/** Results in a directory. */
export const makeResults = Effect.fnUntraced(function* (
  options: ResultsOptions,
): Effect.fn.Return<Results, never, Scope.Scope> {
  const { disk } = options
  const files = yield* Effect.acquireRelease(
    Effect.sync(() => new ResultFiles(options.directory, options.bytes)),
    (files) => Effect.promise(() => files.close()),
  )
  /** Of contents in this process: what one processor made is what the next one gets. */
  const hashes = new WeakMap<Content, string>()
  let toldFull = false

  const hashOf = Effect.fnUntraced(function* (content: DiskContent) {
    const known = hashes.get(content)
    if (known !== undefined) return known
    const { location, original } = content
    const hex = yield* Effect.mapError(disk.run("hash", { original, algorithm: "sha256" }), sourceError(location))
    hashes.set(content, hex)
    return hex
  })

  const keyOf = (wanted: Wanted, content: string, depends: string): string => {
    const { job, use, version } = wanted
    const { baseName, path, source } = job
    return hash("sha256", canonicalJson([content, use, version, depends, source, path, baseName]), "hex")
  }

  const processedOf = (kept: Kept, content: Content): ProcessedFile => ({
    content,
    baseName: kept.baseName,
    ...(kept.headers === undefined ? {} : { headers: kept.headers }),
    ...(kept.references === undefined ? {} : { references: kept.references as ReadonlyArray<RelativePath> }),
    ...(kept.uniqueName === undefined ? {} : { uniqueName: kept.uniqueName }),
  })

  /** The file that was kept becomes one of the job, so that nobody misses it when it is evicted. */
  const find = Effect.fnUntraced(function* (key: string, { content, job }: Wanted) {
    const kept = yield* Effect.promise(() => files.find(key))
    if (kept === undefined) return undefined
    if (kept.bytes === undefined) return processedOf(kept, content)
    const place = `${yield* job.directory}/.kept`
    if (!(yield* Effect.promise(() => files.take(key, place)))) return undefined
    const adopted = yield* Effect.option(job.adopt(place))
    const found = adopted._tag === "Some" && adopted.value instanceof DiskContent ? adopted.value : undefined
    const is = found === undefined ? undefined : yield* Effect.option(hashOf(found))
    if (found?.size === kept.bytes.size && is?._tag === "Some" && is.value === kept.bytes.sha256) {
      return processedOf(kept, found)
    }
    yield* Effect.promise(() => files.drop(key))
    return undefined
  })

  const keep = Effect.fnUntraced(function* (key: string, { content }: Wanted, { processed }: Isolated) {
    const made = processed.content
    const isNew = made !== content
    if (isNew && !(made instanceof DiskContent)) return
    const bytes = isNew ? { sha256: yield* hashOf(made as DiskContent), size: made.size } : undefined
    const { baseName, headers, references, uniqueName } = processed
    const outcome = yield* Effect.promise(() =>
      files.keep(key, { baseName, headers, references, uniqueName, bytes }, isNew ? made.location : undefined),
    )
    if (outcome === undefined || toldFull) return
    toldFull = true
    yield* Effect.logWarning(`results of processors are not kept: ${outcome} (${options.directory})`)
  })

  return {
    orMake: Effect.fnUntraced(function* (wanted, make) {
      const depends = yield* wanted.depends
      if (depends === undefined) return (yield* make).processed
      const key = keyOf(wanted, yield* hashOf(wanted.content), depends)
      const found = yield* find(key, wanted)
      if (found !== undefined) return found
      const made = yield* make
      if (!made.usedState) yield* Effect.ignore(keep(key, wanted, made))
      return made.processed
    }),
  }
})
