/**
 * Answers what references in a file are to say on one server: see docs/decisions/references-between-files.md.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Delivery } from "../domain/Delivery.ts"
import { type LedgerError, ProcessorError } from "../domain/Errors.ts"
import { Ledger } from "../domain/Ledger.ts"
import { CYCLE_SEARCH } from "../domain/Limits.ts"
import type { Link } from "../domain/Link.ts"
import type { ServerName } from "../domain/Path.ts"
import { plan, rulesFor } from "../domain/Plan.ts"
import type { ProcessorJob } from "../domain/Processor.ts"
import { fileKey, type FileReference, locate, type Resolved, resolveReference } from "../domain/Reference.ts"
import type { Rule } from "../domain/Rule.ts"
import { SourceFiles } from "../domain/SourceFiles.ts"
import type { SourceBook } from "./shared.ts"
import type { Ask, Waits } from "./waits.ts"

/** What became known while one file went through its chain for one server. */
export interface Findings {
  /** What it refers to, by {@link fileKey}. */
  readonly links: Map<string, Link>
  /** A file it refers to refers back to it. */
  cyclic: boolean
  /** Such a file has an address, which was left out. */
  leftOut: boolean
  /** The ledger could not be asked. */
  broken: LedgerError | undefined
}

/** One run of a chain. */
export interface LinkQuestion {
  readonly ask: Ask
  readonly rule: Rule
  readonly server: ServerName
  readonly waits: Waits
  readonly findings: Findings
  /** The run is for the name: references that lead back stay as they are. */
  readonly naming: boolean
}

export const noFindings = (): Findings => ({
  links: new Map(),
  cyclic: false,
  leftOut: false,
  broken: undefined,
})

/** There, about to get there, or neither. */
type Standing =
  { readonly _tag: "There"; readonly delivery: Delivery } | { readonly _tag: "Due" } | { readonly _tag: "Nowhere" }

const due: Standing = { _tag: "Due" }
const nowhere: Standing = { _tag: "Nowhere" }
const standingOf = (delivery: Delivery | undefined): Standing =>
  delivery === undefined ? nowhere : { _tag: "There", delivery }

/** For the config of `books`: a function that gives each run its `addressesOf`. */
export const makeLinks = Effect.fnUntraced(function* (books: ReadonlyMap<string, SourceBook>) {
  const ledger = yield* Ledger
  const files = yield* SourceFiles
  const sources = Array.from(books.values(), (book) => book.source)

  /** How a file stands on a server. The referrer's rule comes first, then the others in their order. */
  const standing = Effect.fnUntraced(function* (
    file: FileReference,
    question: LinkQuestion,
    patient: boolean,
  ): Effect.fn.Return<Standing, LedgerError> {
    const { rule, server } = question
    const book = books.get(file.source)
    if (book === undefined) return nowhere
    // What can not be looked at now is taken as it was delivered.
    const state = yield* files.stat(book.source, file.path).pipe(Effect.orElseSucceed(() => undefined))
    const there = (yield* ledger.deliveriesOf(file.source, file.path)).filter((one) => one.server === server)
    const applying = state === undefined ? [] : rulesFor(book, file.path, state)
    const wanting = applying.filter((one) => one.destinations.some((destination) => destination.server === server))
    const first = wanting.find((one) => one.id === rule.id) ?? wanting[0]
    const isDue =
      first !== undefined &&
      plan(book, file.path, state, there, server).some((job) => job._tag !== "Retire" && job.rule === first)
    if (isDue && patient) {
      const failure = yield* ledger.failureOf({ ...file, server })
      if (failure === undefined) return due
    }
    const order = [...(first === undefined ? [] : [first]), ...wanting, ...book.rules]
    for (const { id } of order) {
      const delivery = there.find((one) => one.rule === id)
      if (delivery !== undefined) return standingOf(delivery)
    }
    return standingOf(there[0])
  })

  /** Whether following references from `file` leads to the file that is made. `cleared`: from where it does not. */
  const leadsBack = Effect.fnUntraced(function* (file: FileReference, question: LinkQuestion, cleared: Set<string>) {
    const { ask, server, waits } = question
    const end = fileKey(ask.item)
    const seen = new Map<string, FileReference>([[fileKey(file), file]])
    for (const [key, next] of seen) {
      if (key === end || seen.size + cleared.size > CYCLE_SEARCH) return true
      if (cleared.has(key)) continue
      const { path, source } = next
      for (const link of yield* ledger.linksOf({ source, path, server })) seen.set(fileKey(link), link)
      for (const reference of waits.referencesOf(next)) seen.set(fileKey(reference), reference)
    }
    for (const key of seen.keys()) cleared.add(key)
    return false
  })

  const candidates = (real: string, written: string, own: FileReference): ReadonlyArray<FileReference> => {
    const found = new Map<string, FileReference>()
    for (const absolute of [real, written]) {
      for (const file of locate(absolute, sources, own.source)) {
        if (!found.has(fileKey(file))) found.set(fileKey(file), file)
      }
    }
    return [...found.values()]
  }

  /** The URL of the first of these files that is there. */
  const addressOf = Effect.fnUntraced(function* (
    possible: ReadonlyArray<FileReference>,
    question: LinkQuestion,
    cleared: Set<string>,
  ) {
    const { ask, findings, naming, waits } = question
    for (const file of possible) {
      waits.refer(ask, file)
      const patient = ask.item.patient !== false
      const first = yield* standing(file, question, patient)
      if (first._tag === "Due" && !waits.waitsFor(file, ask.item)) {
        ask.awaited.set(fileKey(file), file)
        return undefined
      }
      const now = first._tag === "Due" ? yield* standing(file, question, false) : first
      const isBack = yield* leadsBack(file, question, cleared)
      findings.cyclic ||= isBack
      findings.links.set(fileKey(file), {
        source: file.source,
        path: file.path,
        place: now._tag === "There" ? now.delivery.destination : undefined,
      })
      if (now._tag !== "There") continue
      if (!isBack || !naming) return now.delivery.url
      findings.leftOut = true
      return undefined
    }
    return undefined
  })

  const notAnswered = (path: string, detail: string) => new ProcessorError({ processor: "references", path, detail })

  return (question: LinkQuestion): NonNullable<ProcessorJob["addressesOf"]> => {
    const { ask, findings } = question
    return Effect.fnUntraced(
      function* (references) {
        const { path, source: name } = ask.item
        const addresses = new Map<string, string>()
        const source = books.get(name)?.source
        if (source === undefined) return addresses
        const resolved = new Map<string, Resolved>()
        for (const reference of references) {
          const leads = resolveReference(reference, { source, path })
          if (leads !== undefined) resolved.set(reference, leads)
        }
        const written = [...new Set(Array.from(resolved.values(), ({ absolute }) => absolute))]
        const real = yield* files.realPaths(written).pipe(Effect.orElseSucceed(() => written))
        const cleared = new Set<string>()
        const urls = new Map<string, string>()
        for (const [index, absolute] of written.entries()) {
          const possible = candidates(real[index] ?? absolute, absolute, ask.item)
          const url = yield* addressOf(possible, question, cleared)
          if (url !== undefined) urls.set(absolute, url)
        }
        if (ask.awaited.size > 0) {
          return yield* notAnswered(path, "files it refers to are due")
        }
        for (const [reference, { absolute, suffix }] of resolved) {
          const url = urls.get(absolute)
          if (url !== undefined) addresses.set(reference, url + suffix)
        }
        return addresses
      },
      // A processor knows nothing of the ledger: whoever runs the chain hears of it.
      Effect.catchTag("LedgerError", (error) => {
        findings.broken = error
        return Effect.fail(notAnswered(ask.item.path, error.message))
      }),
    )
  }
})

export type Links = Effect.Success<ReturnType<typeof makeLinks>>
