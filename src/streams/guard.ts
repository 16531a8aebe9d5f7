/**
 * The mass-delete guard. Files that went missing gather here until no more go missing; then, while they are few, their
 * deletion is approved; when they are many, the source is counted, and deletions that look like an accident are held
 * until a person confirms them or the files are back. Everything else goes on meanwhile.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Hold } from "../domain/Delivery.ts"
import type { LedgerError, SourceError } from "../domain/Errors.ts"
import { Ledger } from "../domain/Ledger.ts"
import { GATHER_MAX, GATHER_MAX_MANY, GATHER_QUIET, GUARD_COUNT, SCAN_BATCH } from "../domain/Limits.ts"
import { root, type SourceName } from "../domain/Path.ts"
import { type Census, judge } from "../domain/Safety.ts"
import { type RootIdentity, SourceFiles } from "../domain/SourceFiles.ts"
import { Backlog, directory, type Item } from "./backlog.ts"
import { makePulse } from "./pulse.ts"
import type { Shared, SourceBook } from "./shared.ts"
import { eachFile, makeWalk } from "./walk.ts"

const stateKey = (state: { readonly size: number; readonly mtimeNs: bigint; readonly inode: bigint }): string =>
  `${state.inode}:${state.size}:${state.mtimeNs}`

interface RootNow {
  readonly identity: RootIdentity | undefined
  readonly state: Census["root"]
}

/** The guard of one source. */
const makeSourceGuard = Effect.fnUntraced(function* (shared: Shared, book: SourceBook) {
  const ledger = yield* Ledger
  const files = yield* SourceFiles
  const clock = yield* Clock.Clock
  const pulse = makePulse()
  const gathered = new Backlog()
  let first = 0
  let last = 0
  let deciding = false
  let confirmed = false
  /** The root that was judged when something was held; undefined where only a run before did that. */
  let heldRoot: RootNow | undefined
  /** Something was held when a person confirmed. */
  let meantHold = false
  let approvedRoot: RootIdentity | undefined
  let hold: Hold | undefined = (yield* ledger.holds).find((held) => held.source === book.source.name)

  const vanished = (item: Item) => {
    const now = clock.currentTimeMillisUnsafe()
    if (gathered.size === 0) first = now
    last = now
    gathered.add({ ...item, approved: false, urgent: false })
    pulse.wake()
  }

  const isMany = () => gathered.isCollapsed || gathered.size > GUARD_COUNT

  /** How long until the gathering is over; 0 when it is. */
  const remaining = (): number => {
    const now = clock.currentTimeMillisUnsafe()
    const end = Math.min(last + GATHER_QUIET, first + (isMany() ? GATHER_MAX_MANY : GATHER_MAX))
    return Math.max(0, end - now)
  }

  /** The root as it is now, and what it is to the one that was scanned last. */
  const rootNow = Effect.fnUntraced(function* (): Effect.fn.Return<RootNow, LedgerError> {
    const identity = yield* files.identity(book.source)
    if (identity === undefined) return { identity, state: "missing" }
    const known = (yield* ledger.roots).get(book.source.name)
    const isSame = known === undefined || (known.identity === identity && known.path === book.root)
    return { identity, state: isSame ? "same" : "replaced" }
  })

  /** Counts the whole source: what is delivered, what of it is missing, and what of that merely moved. */
  const census = Effect.fnUntraced(function* (
    state: Census["root"],
  ): Effect.fn.Return<Census, LedgerError | SourceError> {
    const total = yield* ledger.count(book.source.name)
    if (state === "missing") return { total, missing: total, moved: 0, root: state }
    const missing = new Map<string, number>()
    const present = new Set<string>()
    let count = 0
    const walk = yield* makeWalk(book.source, root, { recursive: true, batch: SCAN_BATCH }).pipe(
      Effect.provideService(Ledger, ledger),
      Effect.provideService(SourceFiles, files),
    )
    for (;;) {
      const views = yield* walk.next
      if (views === undefined) break
      for (const view of views) {
        eachFile(view, (file) => {
          if (file.state !== undefined) {
            if (file.deliveries.length === 0) present.add(stateKey(file.state))
            return
          }
          const gone = file.deliveries.find((delivery) => !delivery.sourceDeleted)
          if (gone === undefined) return
          count++
          const key = stateKey(gone.state)
          missing.set(key, (missing.get(key) ?? 0) + 1)
        })
      }
    }
    let moved = 0
    for (const [key, times] of missing) if (present.has(key)) moved += times
    return { total, missing: count, moved, root: state }
  })

  /** For the root that was judged: what is missing because that one went away meanwhile is not meant. */
  const approve = (items: ReadonlyArray<Item>, judged: RootNow) => {
    approvedRoot = judged.identity
    for (const item of items) shared.enqueueAll({ ...item, approved: true })
  }

  const release = Effect.fnUntraced(function* () {
    if (hold === undefined) return
    hold = undefined
    yield* ledger.commit([{ _tag: "Released", source: book.source.name }])
    yield* Effect.logInfo("deletions are no longer held").pipe(Effect.annotateLogs({ source: book.source.name }))
  })

  const decide = Effect.fnUntraced(function* () {
    const many = isMany()
    const items = gathered.drain()
    const wasConfirmed = confirmed
    const wasOfHold = meantHold
    confirmed = false
    const now = yield* rootNow()
    // Who confirmed meant the root that the hold is about, or the one that was there, not one that took its place since.
    const isMeant = wasOfHold && heldRoot?.identity === now.identity
    if (wasConfirmed && (isMeant || now.state === "same")) {
      yield* release()
      return approve([...items, directory(book.source.name, root, "tree")], now)
    }
    if (!many && now.state === "same" && hold === undefined) return approve(items, now)
    const counted = yield* census(now.state)
    const verdict = judge(counted, shared.config.settings.maxDeletes.share)
    if (verdict._tag === "Approve") {
      // What was held before is meant too, and nobody remembers it one by one.
      const isAll = many || hold !== undefined
      yield* release()
      return approve(isAll ? [...items, directory(book.source.name, root, "tree")] : items, now)
    }
    const held: Hold = {
      source: book.source.name,
      since: hold?.since ?? clock.currentTimeMillisUnsafe(),
      missing: counted.missing - counted.moved,
      total: counted.total,
      reason: verdict.reason,
    }
    const isNews = hold === undefined
    hold = held
    heldRoot = now
    yield* ledger.commit([{ _tag: "Held", hold: held }])
    if (isNews) shared.emit({ _tag: "Held", hold: held })
  })

  const run = Effect.fnUntraced(function* () {
    for (;;) {
      if (gathered.size === 0 && !confirmed) {
        yield* pulse.wait
        continue
      }
      const wait = confirmed ? 0 : remaining()
      if (wait > 0) {
        yield* Effect.sleep(wait)
        continue
      }
      deciding = true
      yield* decide().pipe(
        Effect.ensuring(
          Effect.sync(() => {
            deciding = false
            shared.rested()
          }),
        ),
      )
    }
  })

  return {
    vanished,
    confirm: () => {
      confirmed = true
      meantHold = hold !== undefined
      pulse.wake()
    },
    hold: () => hold,
    approvedRoot: () => approvedRoot,
    isIdle: () => gathered.size === 0 && !deciding && !confirmed,
    run: run() as Effect.Effect<never, LedgerError | SourceError>,
  }
})

/** The guards of all sources. */
export const makeGuard = Effect.fnUntraced(function* (shared: Shared) {
  const guards = new Map<SourceName, Effect.Success<ReturnType<typeof makeSourceGuard>>>()
  for (const [name, book] of shared.books) guards.set(name, yield* makeSourceGuard(shared, book))
  return {
    /** Delivered files that are no longer on disk. */
    vanished: (item: Item) => guards.get(item.source)?.vanished(item),
    /** A person says that what is missing was meant to go. */
    confirm: (source: SourceName) => guards.get(source)?.confirm(),
    hold: (source: SourceName) => guards.get(source)?.hold(),
    /** The root that the last approval was about. */
    approvedRoot: (source: SourceName) => guards.get(source)?.approvedRoot(),
    isIdle: () => [...guards.values()].every((guard) => guard.isIdle()),
    stages: [...guards].map(([name, guard]) => ({ name: `guard ${name}`, run: guard.run })),
  }
})

export type Guard = Effect.Success<ReturnType<typeof makeGuard>>
