/**
 * Delivers many small files in one go, where their transporter takes them so: one question to the ledger, one request to
 * the server, one commit for all of them. What needs a closer look is left to the stage for one file ({@link ./deliver.ts});
 * what is done here is done by the same rules.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Delivery } from "../domain/Delivery.ts"
import type { WorkError } from "../domain/Disposition.ts"
import type { TransportError } from "../domain/Errors.ts"
import type { FileState } from "../domain/FileState.ts"
import { Ledger } from "../domain/Ledger.ts"
import { BATCH_FILE_BYTES, BATCH_FILES } from "../domain/Limits.ts"
import { baseNameOf, type RelativePath, type RemotePath, type SourceName } from "../domain/Path.ts"
import { plan } from "../domain/Plan.ts"
import { Processors } from "../domain/Processor.ts"
import type { Destination, Rule } from "../domain/Rule.ts"
import { SourceFiles } from "../domain/SourceFiles.ts"
import type { Receipt, Shipment } from "../domain/Transporter.ts"
import type { Confirmation } from "./acknowledge.ts"
import type { Item } from "./backlog.ts"
import { type DeliverParts, deliveryOf, outputOf, placeOf } from "./deliver.ts"
import type { Processed } from "./process.ts"
import type { SourceBook } from "./shared.ts"

/** What became of the items of a batch. */
export interface BatchOutcome {
  /** The server confirmed them, and it is written down. */
  readonly delivered: number
  /** Nothing was to be done for so many. */
  readonly idle: number
  readonly failed: ReadonlyArray<readonly [item: Item, error: WorkError]>
  /** For the stage for one file. */
  readonly left: ReadonlyArray<Item>
}

/** Nothing was done. */
export const nothingDone: BatchOutcome = { delivered: 0, idle: 0, failed: [], left: [] }

/** A file with one thing to do: to be put, as it is or under another name. */
interface Candidate {
  readonly item: Item
  readonly book: SourceBook
  readonly state: FileState
  readonly rule: Rule
  readonly destination: Destination
  readonly previous: Delivery | undefined
}

/** What a chain that only renames makes of a file. */
type Renamed = Pick<Processed, "content" | "baseName" | "headers" | "uniqueName">

/** A candidate that has its place to itself. */
interface Placed extends Candidate {
  readonly processed: Renamed
  readonly place: RemotePath
}

type PutMany = (files: ReadonlyArray<Shipment>) => Effect.Effect<ReadonlyArray<Result.Result<Receipt, TransportError>>>

/** The stage of one server whose transporter takes many files at once. */
export const makeBatch = Effect.fnUntraced(function* (parts: DeliverParts, putMany: PutMany) {
  const { acknowledge, places, process, server, shared, transporter } = parts
  const ledger = yield* Ledger
  const files = yield* SourceFiles
  const processors = yield* Processors

  const isPlain = (rule: Rule): boolean => rule.chain.every((use) => processors.get(use).renames === true)

  const deliveriesOf = Effect.fnUntraced(function* (items: ReadonlyArray<Item>) {
    const bySource = new Map<SourceName, Array<Item>>()
    for (const item of items) {
      if (item.deliveries !== undefined) continue
      const group = bySource.get(item.source)
      if (group === undefined) bySource.set(item.source, [item])
      else group.push(item)
    }
    const found = new Map<Item, ReadonlyArray<Delivery>>()
    for (const [source, group] of bySource) {
      const paths: ReadonlyArray<RelativePath> = group.map((item) => item.path)
      const each = yield* ledger.deliveriesOfEach(source, paths)
      group.forEach((item, index) => found.set(item, each[index] ?? []))
    }
    return (item: Item) => item.deliveries ?? found.get(item) ?? []
  })

  /** How a small file is now, where no listing said so. Undefined: that is for a closer look. */
  const look = ({ path, source, state }: Item): Effect.Effect<FileState | "gone" | undefined> => {
    const book = shared.books.get(source)
    if (state !== undefined || book === undefined) return Effect.succeed(state)
    return Effect.match(files.stat(book.source, path), {
      onFailure: () => undefined,
      onSuccess: (now) => (now === undefined ? "gone" : now.size > BATCH_FILE_BYTES ? undefined : now),
    })
  }

  /** Sorts out what is to be put and nothing else. */
  const choose = Effect.fnUntraced(function* (items: ReadonlyArray<Item>, left: Array<Item>) {
    const states = yield* Effect.forEach(items, look, { concurrency: BATCH_FILES })
    const deliveries = yield* deliveriesOf(items)
    const candidates: Array<Candidate> = []
    for (const [index, item] of items.entries()) {
      const book = shared.books.get(item.source)
      const state = states[index]
      const isWritten = item.state === undefined && shared.isWritten(item.source, item.path)
      if (book === undefined || state === undefined || isWritten) {
        left.push(item)
        continue
      }
      if (state === "gone") {
        if (plan(book, item.path, undefined, deliveries(item), server).length > 0) shared.vanished(item)
        continue
      }
      if (state.link !== undefined) shared.linked(item.source, item.path, state.link)
      const jobs = plan(book, item.path, state, deliveries(item), server)
      const [job] = jobs
      if (job === undefined) continue
      if (jobs.length > 1 || job._tag !== "Put" || !isPlain(job.rule)) left.push(item)
      else {
        const { destination, previous, rule } = job
        candidates.push({ item, book, state, rule, destination, previous })
      }
    }
    return candidates
  })

  /** The file as it is, under its own name. */
  const unchanged = ({ book, item, state }: Candidate): Renamed => ({
    content: files.content(book.source, item.path, state),
    baseName: baseNameOf(item.path),
    headers: noHeaders,
    uniqueName: false,
  })

  /** Runs the chain, which only renames. A failure is left to the stage for one file, which says what it means. */
  const rename = ({ book, item, rule, state }: Candidate): Effect.Effect<Renamed | undefined> =>
    Effect.map(
      Effect.option(Effect.scoped(process({ book, path: item.path, state, rule, server }))),
      Option.match({
        onNone: () => undefined,
        onSome: (renamed) => (renamed.failure === undefined ? renamed : undefined),
      }),
    )

  /** In the order of the candidates; undefined where the chain failed. */
  const renameAll = Effect.fnUntraced(function* (candidates: ReadonlyArray<Candidate>) {
    const chained = candidates.filter(({ rule }) => rule.chain.length > 0)
    const renamed = yield* Effect.forEach(chained, rename, { concurrency: "unbounded" })
    if (chained.length === candidates.length) return renamed
    let next = 0
    return candidates.map((one) => (one.rule.chain.length > 0 ? renamed[next++] : unchanged(one)))
  })

  /** Those that get a place where nobody works now. The caller leaves the places again. */
  const take = (
    candidates: ReadonlyArray<Candidate>,
    renamed: ReadonlyArray<Renamed | undefined>,
    left: Array<Item>,
  ): ReadonlyArray<Placed> => {
    const placed: Array<Placed> = []
    for (const [index, { book, destination, item, previous, rule, state }] of candidates.entries()) {
      const processed = renamed[index]
      const place =
        processed === undefined || processed.content.origin === "temporary"
          ? undefined
          : Result.getOrUndefined(placeOf(server, destination, item.path, processed.baseName))
      if (processed === undefined || place === undefined || !places.take(place)) left.push(item)
      else placed.push({ item, book, state, rule, destination, previous, processed, place })
    }
    return placed
  }

  /** Places that another file holds are left to the stage for one file. */
  const free = Effect.fnUntraced(function* (placed: ReadonlyArray<Placed>, left: Array<Item>) {
    const occupied = yield* ledger.areOccupied(
      server,
      placed.map((one) => one.place),
    )
    return placed.filter((one, index) => {
      if (occupied[index] === false || one.previous?.destination === one.place) return true
      left.push(one.item)
      return false
    })
  })

  const confirmation = (one: Placed, receipt: Receipt): Confirmation => ({
    delivery: deliveryOf(
      one.item,
      one.state,
      one.rule,
      one.destination,
      one.place,
      transporter.url(one.place),
      receipt.sha256,
    ),
    previous: one.previous,
    takenFrom: undefined,
    bytes: one.processed.content.size,
    deletesSource: one.rule.fileDeletionDelayAfterSync !== undefined,
  })

  const send = Effect.fnUntraced(function* (placed: ReadonlyArray<Placed>, left: Array<Item>) {
    const ready = yield* free(placed, left)
    const failed: Array<readonly [Item, WorkError]> = []
    if (ready.length === 0) return { delivered: 0, failed }
    const shipments = ready.map((one) => ({
      file: outputOf(one.item, one.state, one.rule, one.processed),
      to: one.place,
    }))
    const id = yield* acknowledge.begin(
      server,
      ready.map(({ item: { path, source }, place }) => ({ source, path, destination: place })),
    )
    const results = yield* putMany(shipments)
    const confirmed: Array<Confirmation> = []
    const unknown: Array<RemotePath> = []
    ready.forEach((one, index) => {
      const result = results[index]
      if (result !== undefined && Result.isSuccess(result)) {
        confirmed.push(confirmation(one, result.success))
        return
      }
      unknown.push(one.place)
      if (result === undefined) left.push(one.item)
      else failed.push([one.item, result.failure])
    })
    yield* acknowledge.end(server, id, confirmed, unknown)
    return { delivered: confirmed.length, failed }
  })

  return Effect.fnUntraced(function* (items: ReadonlyArray<Item>) {
    const left: Array<Item> = []
    const candidates = yield* choose(items, left)
    const idle = items.length - left.length - candidates.length
    const renamed = yield* renameAll(candidates)
    const placed = take(candidates, renamed, left)
    const { delivered, failed } = yield* Effect.ensuring(
      send(placed, left),
      Effect.sync(() => placed.forEach((one) => places.leave(one.place))),
    )
    const outcome: BatchOutcome = { delivered, idle, failed, left }
    return outcome
  })
})

const noHeaders: Processed["headers"] = {}

export type Batch = Effect.Success<ReturnType<typeof makeBatch>>
