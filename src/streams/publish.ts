/**
 * Keeps the published map equal to the ledger, through the ledger's outbox.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { DeliveryKey, Target } from "../domain/Delivery.ts"
import type { LedgerError, PublisherError } from "../domain/Errors.ts"
import { Ledger, type OwedTarget, type PublishedDelivery } from "../domain/Ledger.ts"
import { PUBLISH_BATCH } from "../domain/Limits.ts"
import { baseNameOf, type ServerName, type SourceName } from "../domain/Path.ts"
import { candidate } from "../domain/Rule.ts"
import { Publisher, type PublishedChange, type PublishedRow } from "../domain/Publisher.ts"
import { makePulse } from "./pulse.ts"
import { type ServerStages, totalsOf } from "./servers.ts"
import type { Shared } from "./shared.ts"

/** Counts for the CMS's status page are brought up to date at most this often, in milliseconds. */
const COUNTS_INTERVAL = 1_000

/** Pause between two transactions, in milliseconds: under load each takes what gathered meanwhile. */
const PAUSE = 100

export interface PublishOptions {
  readonly shared: Shared
  /** Deliveries of sources or servers that the config no longer names were forgotten: their rows have to go. */
  readonly evicted: boolean
  /** Removals may wait for the map to let go of what they remove. */
  readonly servers: ReadonlyMap<ServerName, ServerStages>
}

export const makePublish = Effect.fnUntraced(function* (options: PublishOptions) {
  const { servers, shared } = options
  const ledger = yield* Ledger
  const publisher = yield* Publisher
  const pulse = makePulse()
  let busy = true
  let rebuilt = false

  const rootOf = (source: SourceName, roots: ReadonlyMap<SourceName, { readonly path: string }>) =>
    shared.books.get(source)?.root ?? roots.get(source)?.path

  const rowOf = (target: Target, delivery: PublishedDelivery, root: string): PublishedRow => ({
    inputFile: candidate(root, target.path, undefined).absolutePath,
    server: target.server,
    transportedFileBasename: baseNameOf(delivery.destination),
    url: delivery.url,
  })

  const published = (target: Target, delivery: PublishedDelivery, root: string): PublishedChange => ({
    _tag: "Publish",
    row: rowOf(target, delivery, root),
  })

  const changeFor = Effect.fnUntraced(function* (target: OwedTarget, root: string) {
    const delivery = yield* ledger.latestOf(target)
    if (delivery !== undefined) return published(target, delivery, root)
    const inputFile = candidate(root, target.path, undefined).absolutePath
    const change: PublishedChange = { _tag: "Withdraw", key: { inputFile, server: target.server } }
    return change
  })

  const rows = Effect.fnUntraced(function* (after: DeliveryKey | undefined) {
    const page = yield* ledger.page(after, PUBLISH_BATCH)
    const roots = yield* ledger.roots
    const found = page.flatMap((delivery) => {
      const root = rootOf(delivery.source, roots)
      return root === undefined ? [] : [rowOf(delivery, delivery, root)]
    })
    return [found, page.length === 0 ? undefined : page[page.length - 1]] as const
  })

  const rebuild = publisher
    .replaceAll(
      Stream.unfold({ after: undefined as DeliveryKey | undefined }, (state) =>
        Effect.map(rows(state.after), ([found, last]) =>
          last === undefined ? undefined : ([found, { after: last as DeliveryKey | undefined }] as const),
        ),
      ).pipe(Stream.flatMap((page) => Stream.fromIterable(page))),
    )
    .pipe(
      Effect.andThen(
        Effect.sync(() => {
          rebuilt = true
        }),
      ),
    )

  /** One transaction's worth of the outbox. Returns how many rows that was. */
  const step = Effect.fnUntraced(function* () {
    const { targets, through } = yield* ledger.outbox(PUBLISH_BATCH)
    if (targets.length === 0) return 0
    const roots = yield* ledger.roots
    // Forgotten with its source by a run that ended before its rows were gone: only the whole tells which they are.
    if (!rebuilt && targets.some((target) => rootOf(target.source, roots) === undefined)) yield* rebuild
    const changes: Array<PublishedChange> = []
    for (const target of targets) {
      const root = rootOf(target.source, roots)
      if (root === undefined) continue
      const { latest } = target
      changes.push(latest === undefined ? yield* changeFor(target, root) : published(target, latest, root))
    }
    yield* publisher.apply(changes)
    yield* ledger.commit([{ _tag: "Published", through }])
    for (const { agenda } of servers.values()) agenda.changed()
    return targets.length
  })

  /** The map belongs to another root, or is new: every row is written again. */
  const mustRebuild = Effect.fnUntraced(function* () {
    if (publisher.isNew || options.evicted) return true
    const roots = yield* ledger.roots
    return [...shared.books.values()].some((book) => {
      const known = roots.get(book.source.name)
      return known !== undefined && known.path !== book.root
    })
  })

  const counts = Effect.gen(function* () {
    let shown = ""
    for (;;) {
      const now = totalsOf(servers.values())
      const text = `${now.waiting} ${now.inFlight}`
      if (text !== shown) yield* publisher.pipeline(now)
      shown = text
      yield* Effect.sleep(COUNTS_INTERVAL)
    }
  })

  const outbox = Effect.gen(function* () {
    if (yield* mustRebuild()) yield* rebuild
    for (;;) {
      busy = true
      for (let rows = yield* step(); rows > 0; rows = yield* step()) {
        if (rows < PUBLISH_BATCH) yield* Effect.sleep(PAUSE)
      }
      busy = false
      shared.rested()
      yield* pulse.wait
    }
  })

  return {
    changed: () => {
      busy = true
      pulse.wake()
    },
    isIdle: () => !busy,
    run: Effect.raceFirst(outbox, counts) as Effect.Effect<never, LedgerError | PublisherError>,
  }
})

export type Publish = Effect.Success<ReturnType<typeof makePublish>>
