/**
 * The mass-delete guard. Files that went missing gather here until no more go missing; then, while they are few, their
 * deletion is approved and carried out ({@link ./removal.ts}); when they are many, the source is counted, and deletions
 * that look like an accident are held until a person confirms them or the files are back. Everything else goes on meanwhile.
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
import type { Forget } from "./forget.ts"
import { makePulse } from "./pulse.ts"
import { makeRemoval } from "./removal.ts"
import type { Shared, SourceBook } from "./shared.ts"
import { eachFile, makeWalk } from "./walk.ts"

const stateKey = (state: { readonly size: number; readonly mtimeNs: bigint; readonly inode: bigint }): string =>
  `${state.inode}:${state.size}:${state.mtimeNs}`

type RootNow =
  | { readonly identity: RootIdentity; readonly state: Exclude<Census["root"], "missing"> }
  | { readonly identity: undefined; readonly state: "missing" }

/** What is decided about at once. */
interface Gathering {
  readonly items: ReadonlyArray<Item>
  readonly isMany: boolean
  /** A person says that what is missing was meant to go. */
  readonly wasConfirmed: boolean
  /** Something was held when that was said. */
  readonly isOfHold: boolean
}

/** The guard of one source. */
const makeSourceGuard = Effect.fnUntraced(function* (shared: Shared, book: SourceBook, forget: Forget) {
  const ledger = yield* Ledger
  const files = yield* SourceFiles
  const clock = yield* Clock.Clock
  const removal = yield* makeRemoval(shared, book, forget)
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
  let hold: Hold | undefined = (yield* ledger.holds).find((held) => held.source === book.source.name)

  const vanished = (item: Item) => {
    const now = clock.currentTimeMillisUnsafe()
    if (gathered.size === 0) first = now
    last = now
    gathered.add({ ...item, urgent: false })
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

  const everything = directory(book.source.name, root, "tree")

  /** For the root that was judged: what is missing because that one went away meanwhile is not meant, and judged anew. */
  const approve = Effect.fnUntraced(function* (items: ReadonlyArray<Item>, judged: RootIdentity) {
    const isDone = items.includes(everything)
      ? yield* removal.everything(judged)
      : yield* removal.paths(
          items.map(({ path }) => path),
          judged,
        )
    if (!isDone) items.forEach(vanished)
  })

  const release = Effect.fnUntraced(function* () {
    if (hold === undefined) return
    hold = undefined
    yield* ledger.commit([{ _tag: "Released", source: book.source.name }])
    yield* Effect.logInfo("deletions are no longer held").pipe(Effect.annotateLogs({ source: book.source.name }))
  })

  /** What came of the files that were gathered. `isMany`: more than are taken for meant without a look at the others. */
  const decide = Effect.fnUntraced(function* ({ isMany, isOfHold, items, wasConfirmed }: Gathering) {
    const now = yield* rootNow()
    // Who confirmed meant the root that the hold is about, or the one that was there, not one that took its place since.
    const isMeant = isOfHold && heldRoot?.identity === now.identity
    if (wasConfirmed && now.state !== "missing" && (isMeant || now.state === "same")) {
      yield* release()
      return yield* approve([everything], now.identity)
    }
    if (!isMany && now.state === "same" && hold === undefined) return yield* approve(items, now.identity)
    const counted = yield* census(now.state)
    const verdict = judge(counted, shared.config.settings.maxDeletes.share)
    if (verdict._tag === "Approve") {
      // Never approved; the type of a verdict does not say so.
      if (now.state === "missing") return
      // What was held before is meant too, and nobody remembers it one by one.
      const isAll = isMany || hold !== undefined
      yield* release()
      return yield* approve(isAll ? [everything] : items, now.identity)
    }
    const held: Hold = {
      source: book.source.name,
      since: hold?.since ?? clock.currentTimeMillisUnsafe(),
      missing: counted.missing - counted.moved,
      total: counted.total,
      reason: verdict.reason,
    }
    const isNews = hold === undefined || wasConfirmed
    hold = held
    heldRoot = now
    yield* ledger.commit([{ _tag: "Held", hold: held }])
    if (isNews) shared.emit({ _tag: "Held", hold: held })
  })

  const take = (): Gathering => {
    const many = isMany()
    const gathering = { items: gathered.drain(), isMany: many, wasConfirmed: confirmed, isOfHold: meantHold }
    confirmed = false
    return gathering
  }

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
      const gathering = take()
      yield* decide(gathering).pipe(
        // An approval is over with the attempt to carry it out: what is left is judged again.
        Effect.tapCause(() =>
          Effect.sync(() => (gathering.wasConfirmed ? [everything] : gathering.items).forEach(vanished)),
        ),
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
    isIdle: () => gathered.size === 0 && !deciding && !confirmed,
    run: run() as Effect.Effect<never, LedgerError | SourceError>,
  }
})

/** The guards of all sources. */
export const makeGuard = Effect.fnUntraced(function* (shared: Shared, forget: Forget) {
  const guards = new Map<SourceName, Effect.Success<ReturnType<typeof makeSourceGuard>>>()
  for (const [name, book] of shared.books) guards.set(name, yield* makeSourceGuard(shared, book, forget))
  return {
    /** Delivered files that are no longer on disk. */
    vanished: (item: Item) => guards.get(item.source)?.vanished(item),
    /** A person says that what is missing was meant to go. */
    confirm: (source: SourceName) => guards.get(source)?.confirm(),
    hold: (source: SourceName) => guards.get(source)?.hold(),
    isIdle: () => [...guards.values()].every((guard) => guard.isIdle()),
    stages: [...guards].map(([name, guard]) => ({ name: `guard ${name}`, run: guard.run })),
  }
})

export type Guard = Effect.Success<ReturnType<typeof makeGuard>>
