/**
 * Results of processors, kept for the same content: a tree that is deployed anew with other times costs no processing.
 *
 * @since 1.0.0
 */
import { hash } from "node:crypto"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Companion, isSuffix } from "../../domain/Companion.ts"
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
    const { baseName, path, serverHas, source } = job
    const all = [
      content,
      use,
      version,
      depends,
      source,
      path,
      baseName,
      ...(serverHas === undefined ? [] : [serverHas]),
    ]
    return hash("sha256", canonicalJson(all), "hex")
  }

  const keyBeside = (key: string, suffix: string): string => hash("sha256", `${key}${suffix}`, "hex")

  const processedOf = (kept: Kept, content: Content, companions: ReadonlyArray<Companion>): ProcessedFile => ({
    content,
    baseName: kept.baseName,
    ...(companions.length === 0 ? {} : { companions }),
    ...(kept.headers === undefined ? {} : { headers: kept.headers }),
    ...(kept.uniqueName === undefined ? {} : { uniqueName: kept.uniqueName }),
  })

  /** The file that was kept becomes one of the job, so that nobody misses it when it is evicted. */
  const take = Effect.fnUntraced(function* (key: string, kept: Kept, { content, job }: Wanted, suffix = "") {
    if (kept.bytes === undefined) return content
    const location = `${yield* job.directory}/.kept${suffix}`
    const version = yield* files.take(key, kept.bytes, location)
    if (version === undefined) return undefined
    const taken = new DiskContent(disk, { location, guard: undefined, version })
    hashes.set(taken, kept.bytes.sha256)
    return taken
  })

  const find = Effect.fnUntraced(function* (key: string, wanted: Wanted) {
    const kept = yield* files.find(key)
    if (kept === undefined) return undefined
    const companions: Array<Companion> = []
    for (const suffix of kept.companions ?? []) {
      const beside = keyBeside(key, suffix)
      const found = yield* files.find(beside)
      const content = found === undefined ? undefined : yield* take(beside, found, wanted, suffix)
      if (content === undefined) return undefined
      companions.push({ suffix, content })
    }
    const content = yield* take(key, kept, wanted)
    return content === undefined ? undefined : processedOf(kept, content, companions)
  })

  const keep = Effect.fnUntraced(function* (key: string, { content }: Wanted, { processed }: Isolated) {
    const { baseName, companions = [], headers, uniqueName } = processed
    if (!companions.every(({ suffix }) => isSuffix(suffix))) return
    const keepAs = Effect.fnUntraced(function* (key: string, made: Content, rest: Omit<Kept, "bytes">) {
      if (made === content) return yield* files.keep(key, rest, undefined)
      if (!(made instanceof DiskContent)) return
      const bytes = { sha256: yield* hashOf(made), size: made.size }
      yield* files.keep(key, { ...rest, bytes }, made.location)
    })
    // Last, so that what it says is beside it is there.
    for (const { content, suffix } of companions) yield* keepAs(keyBeside(key, suffix), content, { baseName })
    const suffixes = companions.length === 0 ? undefined : companions.map(({ suffix }) => suffix)
    yield* keepAs(key, processed.content, { baseName, headers, uniqueName, companions: suffixes })
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
      if (!made.usedState) yield* keep(key, wanted, made).pipe(Effect.catch(tell))
      return made.processed
    }),
  }
})
