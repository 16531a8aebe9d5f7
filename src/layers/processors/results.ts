/**
 * Results of processors, kept for the same content: a tree that is deployed anew with other times costs no processing.
 *
 * @since 1.0.0
 */
import { hash } from "node:crypto"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ProcessorError, SourceError } from "../../domain/Errors.ts"
import type { ProcessedFile, ProcessorJob } from "../../domain/Processor.ts"
import type { ProcessorUse } from "../../domain/Rule.ts"
import type { Content } from "../../domain/SourceFiles.ts"
import { canonicalJson } from "../config/fingerprint.ts"
import { DiskContent, sourceError } from "../disk/DiskContent.ts"
import type { Isolated } from "./isolation/host.ts"
import { type Kept, makeResultFiles, type ResultFilesOptions } from "./resultFiles.ts"

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
    make: Effect.Effect<Isolated, ProcessorError | SourceError, Scope.Scope>,
  ) => Effect.Effect<ProcessedFile, ProcessorError | SourceError, Scope.Scope>
}

/** Results in a directory. */
export const makeResults = Effect.fnUntraced(function* (
  options: ResultFilesOptions,
): Effect.fn.Return<Results, never, Scope.Scope> {
  const { disk } = options
  const files = yield* makeResultFiles(options)
  /** Of contents in this process: what one processor made is what the next one gets. */
  const hashes = new WeakMap<Content, string>()
  let told = false

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
    ...(kept.uniqueName === undefined ? {} : { uniqueName: kept.uniqueName }),
  })

  /** The file that was kept becomes one of the job, so that nobody misses it when it is evicted. */
  const find = Effect.fnUntraced(function* (key: string, { content, job }: Wanted) {
    const kept = yield* files.find(key)
    if (kept === undefined) return undefined
    if (kept.bytes === undefined) return processedOf(kept, content)
    const location = `${yield* job.directory}/.kept`
    const version = yield* files.take(key, kept.bytes, location)
    if (version === undefined) return undefined
    const taken = new DiskContent(disk, { location, guard: undefined, version })
    hashes.set(taken, kept.bytes.sha256)
    return processedOf(kept, taken)
  })

  const keep = Effect.fnUntraced(function* (key: string, { content }: Wanted, { processed }: Isolated) {
    const made = processed.content
    const isNew = made !== content
    if (isNew && !(made instanceof DiskContent)) return
    const bytes = isNew ? { sha256: yield* hashOf(made as DiskContent), size: made.size } : undefined
    const { baseName, headers, uniqueName } = processed
    yield* files.keep(key, { baseName, headers, uniqueName, bytes }, isNew ? made.location : undefined)
  })

  const tell = ({ message }: { readonly message: string }) =>
    Effect.suspend(() => {
      if (told) return Effect.void
      told = true
      return Effect.logWarning(`results of processors can not be kept: ${message} (${options.directory})`)
    })

  return {
    orMake: Effect.fnUntraced(function* (wanted, make) {
      const depends = yield* wanted.depends
      if (depends === undefined) return (yield* make).processed
      const key = keyOf(wanted, yield* hashOf(wanted.content), depends)
      const found = yield* find(key, wanted).pipe(Effect.catch((error) => Effect.as(tell(error), undefined)))
      if (found !== undefined) return found
      const made = yield* make
      const isWhole = made.processed.companions === undefined
      if (isWhole && !made.usedState) yield* keep(key, wanted, made).pipe(Effect.catch(tell))
      return made.processed
    }),
  }
})
