/**
 * Runs a file through its rule's chain of processors, each step with a temporary directory of its own. Servers that want
 * the same at the same time share the steps before the first that depends on the server.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as RcMap from "effect/RcMap"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Companion, isSuffix } from "../domain/Companion.ts"
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
import type { ProcessorUse, Rule } from "../domain/Rule.ts"
import { type Content, SourceFiles } from "../domain/SourceFiles.ts"
import { Transporters } from "../domain/Transporter.ts"
import type { SourceBook } from "./shared.ts"

/** What came out of a chain. */
export interface Processed extends ProcessedFile {
  readonly headers: Readonly<Record<string, string>>
  readonly uniqueName: boolean
  readonly companions: ReadonlyArray<Companion>
  /** The chain failed, and this is the file as it was, which the rule wants published meanwhile. */
  readonly failure?: ProcessorError
}

/** One file, one rule, one server. */
export interface ChainRequest {
  readonly book: SourceBook
  readonly path: RelativePath
  readonly state: FileState
  readonly rule: Rule
  readonly server: ServerName
  /** For processors that ask where references lead. */
  readonly addressesOf?: NonNullable<ProcessorJob["addressesOf"]>
}

/** Something that several requests may want at once: equal where everything that it is made from is. */
class Shareable implements Equal.Equal {
  readonly request: ChainRequest
  readonly chain: ReadonlyArray<ProcessorUse>
  readonly #key: string
  constructor(request: ChainRequest, chain: ReadonlyArray<ProcessorUse>, chainKey: string) {
    const { inode, mtimeNs, size } = request.state
    this.request = request
    this.chain = chain
    this.#key = [request.book.source.name, request.path, size, mtimeNs, inode, chainKey].join("\0")
  }
  [Equal.symbol](that: Equal.Equal): boolean {
    return that instanceof Shareable && that.#key === this.#key
  }
  [Hash.symbol](): number {
    return Hash.string(this.#key)
  }
}

/** Runs chains; how many processors work at once is for {@link Processors} to say. */
export const makeProcess = Effect.fnUntraced(function* () {
  const processors = yield* Processors
  const workspace = yield* Workspace
  const transporters = yield* Transporters
  const files = yield* SourceFiles

  const serverOf = ({ server }: ChainRequest): Pick<ProcessorJob, "server" | "serverHas"> => ({
    server,
    serverHas: { headers: transporters.get(server).capabilities.headers },
  })

  /** A place that is opened when it is used: most processors that only rename never do. */
  const laterPlace = Effect.map(Effect.scope, (scope): WorkspacePlace => {
    let opened: WorkspacePlace | undefined
    const open = Effect.suspend(() =>
      opened === undefined
        ? Effect.map(Scope.provide(workspace.open, scope), (place) => (opened = place))
        : Effect.succeed(opened),
    )
    return {
      directory: Effect.flatMap(open, ({ directory }) => directory),
      write: (bytes) => Effect.flatMap(open, ({ write }) => write(bytes)),
      adopt: (file) => Effect.flatMap(open, ({ adopt }) => adopt(file)),
    }
  })

  const step = Effect.fnUntraced(function* (request: ChainRequest, before: Processed, use: ProcessorUse) {
    const definition = processors.get(use)
    if (!handles(definition, before.baseName)) return before
    const place = definition.renames === true ? yield* laterPlace : yield* workspace.open
    const { content } = before
    const job: ProcessorJob = {
      source: request.book.source.name,
      path: request.path,
      state: request.state,
      baseName: before.baseName,
      content,
      ...(definition.perServer === true ? serverOf(request) : { server: undefined }),
      ...(definition.perServer === true && request.addressesOf !== undefined
        ? { addressesOf: request.addressesOf }
        : {}),
      read: readAll(content),
      hash: (algorithm) => workspace.hash(content, algorithm),
      write: place.write,
      directory: place.directory,
      adopt: place.adopt,
      warn: (message) =>
        Effect.annotateLogs(Effect.logWarning(`${use.name} on ${request.path}: ${message}`), { path: request.path }),
    }
    const after = yield* processors.run(use, job)
    const fail = (detail: string) => new ProcessorError({ processor: use.name, path: request.path, detail })
    if (after.baseName.includes("/") || !isSafe(after.baseName)) {
      return yield* fail("gave a base name that is not one name; a processor may rename a file, not move it")
    }
    if (after.content.size === 0 && content.size > 0 && definition.mayEmpty !== true) {
      return yield* fail("made an empty file of one that is not; such a result is never published")
    }
    const stays = after.content === content
    const lost = stays ? [] : before.companions
    if (lost.length > 0) {
      yield* job.warn(
        `changes what ${lost.map(({ suffix }) => suffix).join(", ")} was made of, so it is not published; what makes it comes last in a chain`,
      )
    }
    const companions = joined(stays ? before.companions : [], after.companions)
    const wrong = companions.find(({ suffix }) => !isSuffix(suffix))
    if (wrong !== undefined) {
      return yield* fail(
        `gave the suffix ${JSON.stringify(wrong.suffix)}; a dot and up to 16 lower-case letters or digits are one`,
      )
    }
    const processed: Processed = {
      ...after,
      companions,
      headers: { ...before.headers, ...after.headers },
      uniqueName: after.uniqueName === true || (before.uniqueName && after.baseName === before.baseName),
    }
    return processed
  })

  const original = (request: ChainRequest): Processed => ({
    content: files.content(request.book.source, request.path, request.state),
    baseName: baseNameOf(request.path),
    headers: {},
    uniqueName: false,
    companions: none,
  })

  const steps = Effect.fnUntraced(function* (
    request: ChainRequest,
    from: Processed,
    chain: ReadonlyArray<ProcessorUse>,
  ) {
    let processed = from
    for (const use of chain) processed = yield* step(request, processed, use)
    return processed
  })

  /** Kept while a request needs them: there are never more than requests. */
  const shared = yield* RcMap.make({
    lookup: ({ chain, request }: Shareable) => steps(request, original(request), chain),
  })

  const parts = new WeakMap<Rule, ReturnType<typeof split>>()
  const split = ({ chain }: Rule) => {
    const first = chain.findIndex((use) => processors.get(use).perServer === true)
    const common = first === -1 ? chain : chain.slice(0, first)
    return { common, key: JSON.stringify(common), own: first === -1 ? [] : chain.slice(first) }
  }
  const partsOf = (rule: Rule) => {
    const known = parts.get(rule) ?? split(rule)
    parts.set(rule, known)
    return known
  }

  const run = Effect.fnUntraced(function* (request: ChainRequest) {
    const { common, key, own } = partsOf(request.rule)
    const sharing = common.length > 0 && request.rule.destinations.length > 1
    const begun = yield* sharing
      ? RcMap.get(shared, new Shareable(request, common, key))
      : steps(request, original(request), common)
    return yield* steps(request, begun, own)
  })

  /** The file as the rule publishes it. Temporary files live until the Scope closes. */
  return (request: ChainRequest) => {
    const { rule } = request
    if (rule.chain.length === 0) return Effect.succeed(original(request))
    if (rule.onFailure !== "original") return run(request)
    return Effect.catchTag(run(request), "ProcessorError", (failure) =>
      // What fails besides processors, e.g. a full disk, says nothing about the file.
      rule.chain.some((use) => use.name === failure.processor)
        ? Effect.succeed<Processed>({ ...original(request), failure })
        : Effect.fail(failure),
    )
  }
})

/** In the order of their suffixes; a later step that makes one again replaces it. */
const joined = (
  before: ReadonlyArray<Companion> = [],
  after: ReadonlyArray<Companion> = [],
): ReadonlyArray<Companion> => {
  if (before.length + after.length === 0) return none
  const bySuffix = new Map([...before, ...after].map((companion) => [companion.suffix, companion]))
  return [...bySuffix.values()].sort((a, b) => (a.suffix < b.suffix ? -1 : 1))
}

const none: ReadonlyArray<Companion> = []

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
